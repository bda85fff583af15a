/** The processes of one row, in a folder of their own. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  activeConfig,
  filters,
  freePlaces,
  freePort,
  gatewayConfig,
  journalledConfig,
  journalNames,
  publisherNames,
  subscriberConfig,
  subscriberNames,
} from "./layout.mjs";
import { ManagedProcess } from "./managed-process.mjs";
import { PublisherRecord } from "./tally.mjs";

/**
 * @typedef {import("./layout.mjs").Layout} Layout
 * @typedef {import("./layout.mjs").SubscriberName} SubscriberName
 * @typedef {1 | 2 | 3} PublisherNumber
 * @typedef {"relay" | `publisher${PublisherNumber}` | SubscriberName | "attacker" | "gateway"} Role
 *
 * @typedef {object} Special What a row has different.
 * @property {(layout: Layout, rig: Rig) => Promise<void> | void} [prepare] changes the layout before anything starts
 * @property {(layout: Layout) => Partial<Record<Role, Readonly<Record<string, string>>>>} [env]
 * @property {Partial<Record<Role, readonly string[]>>} [wrapper] a command that runs another one: `ip netns exec …`
 * @property {(layout: Layout) => import("./programs/attacker.mjs").AttackerSetup} [attack]
 * @property {() => Promise<number>} [gateway] a port where all messages come a second time
 * @property {number} [bodyBytes]
 */

const program = (/** @type {string} */ name) => fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));
const command = (/** @type {string} */ name) =>
  fileURLToPath(new URL(`../packages/cli/bin/${name}.js`, import.meta.url));
const bodyBytesDefault = 300;
const startMs = 30_000;

/** Rigs that are not closed yet. @type {Set<Rig>} */
const open = new Set();

/** Closes everything, for whoever must leave at once. */
export async function closeRigs() {
  await Promise.all([...open].map((rig) => rig.close()));
}

export class Rig {
  /** @type {Layout} */
  layout;
  #special;
  /** @type {Map<Role, ManagedProcess>} */
  #processes = new Map();
  /** @type {number | undefined} */
  #gateway;
  /** When those who publish shall be done. */
  #until = 0;
  /** By publisher: how many it shall have got acknowledged. */
  #wanted = { 1: 0, 2: 0, 3: 0 };
  /** What each publisher was told. @type {Record<PublisherNumber, PublisherRecord>} */
  records = /** @type {any} */ ({});
  /** What a row measured beside. @type {Record<string, unknown>} */
  notes = {};
  /** What publishers were refused first. @type {string[]} */
  refusals = [];
  /** What runs beside: ended before the folder goes. @type {(() => Promise<void> | void)[]} */
  #cleanups = [];

  /** @param {Layout} layout @param {Special} special */
  constructor(layout, special) {
    this.layout = layout;
    this.#special = special;
  }

  /** @param {Special} [special] */
  static async create(special = {}) {
    const folder = mkdtempSync(join(tmpdir(), "fedmsg-faults-"));
    mkdirSync(join(folder, "cursors"));
    for (const name of journalNames) mkdirSync(join(folder, "journals", name), { recursive: true });
    const places = await freePlaces();
    /** @type {Layout} */
    const layout = {
      folder,
      places,
      seen: structuredClone(places),
      inbound: `tcp://127.0.0.1:${await freePort()}`,
      common: {},
      publishing: {},
      strangers: {},
    };
    const rig = new Rig(layout, special);
    open.add(rig);
    try {
      await special.prepare?.(layout, rig);
      await rig.#addGateway();
      rig.#define();
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  async #addGateway() {
    this.#gateway = await this.#special.gateway?.();
    if (this.#gateway) this.layout.strangers = { gateway: [`tcp://127.0.0.1:${this.#gateway}`] };
  }

  #define() {
    const { layout } = this;
    for (const number of /** @type {const} */ ([1, 2])) {
      this.#addPublisher(number, journalledConfig(layout, publisherNames[number]));
    }
    this.#addPublisher(3, activeConfig(layout));
    this.#addCommand("relay", journalledConfig(layout, "relay_outbound"));
    if (this.#gateway) this.#addCommand("gateway", gatewayConfig(layout, this.#gateway));
    for (const name of subscriberNames) {
      const setup = { name, topics: filters[name].topics, config: subscriberConfig(layout), events: this.events(name) };
      this.#add(name, [program("subscriber"), this.#write(`${name}.json`, setup)]);
    }
    const attack = this.#special.attack?.(layout);
    if (attack) this.#add("attacker", [program("attacker"), this.#write("attacker.json", attack)]);
  }

  /** @param {"relay" | "gateway"} role @param {import("./layout.mjs").ConfigInput} config */
  #addCommand(role, config) {
    const file = this.#write(`${role}.json`, config);
    this.#add(role, ["--import", program("leave"), command(`fedmsg-${role}`), "--config-filename", file]);
  }

  /** @param {PublisherNumber} number @param {import("./layout.mjs").ConfigInput} config */
  #addPublisher(number, config) {
    const role = /** @type {const} */ (`publisher${number}`);
    const { bodyBytes = bodyBytesDefault } = this.#special;
    const record = join(this.layout.folder, `${role}.record`);
    this.records[number] = new PublisherRecord(record, number);
    const setup = {
      ...{ name: publisherNames[number], number, config, bodyBytes },
      ...{ record, events: this.events(role) },
    };
    const added = this.#add(role, [program("publisher"), this.#write(`${role}.json`, setup)]);
    added.listen(({ type, code, message }) => {
      if (type === "refused") this.refusals.push(`${code}: ${message}`);
    });
  }

  /** @param {Role} role @param {readonly string[]} command */
  #add(role, command) {
    const env = this.#special.env?.(this.layout)[role] ?? {};
    const wrapper = this.#special.wrapper?.[role] ?? [];
    const added = new ManagedProcess({
      name: role,
      command,
      log: join(this.layout.folder, `${role}.log`),
      env,
      wrapper,
    });
    this.#processes.set(role, added);
    return added;
  }

  /** @param {string} name @param {unknown} value */
  #write(name, value) {
    const file = join(this.layout.folder, name);
    writeFileSync(file, JSON.stringify(value));
    return file;
  }

  /** @param {Role} role @returns {ManagedProcess} */
  process(role) {
    return /** @type {ManagedProcess} */ (this.#processes.get(role));
  }

  /** @param {Role} role */
  events(role) {
    return join(this.layout.folder, `${role}.events`);
  }

  /** @param {() => Promise<void> | void} cleanup */
  atEnd(cleanup) {
    this.#cleanups.push(cleanup);
  }

  /** Starts everybody; resolves when both subscribers follow all three journals. */
  async start() {
    await this.startRelay();
    await Promise.all([1, 2, 3].map((number) => this.process(/** @type {Role} */ (`publisher${number}`)).start()));
    await this.#processes.get("attacker")?.start();
    if (this.#gateway) await this.startGateway();
    await Promise.all(subscriberNames.map((name) => this.startSubscriber(name)));
  }

  async startRelay() {
    await this.process("relay").start({ untilReady: false });
    const { live, replay } = this.layout.places.relay_outbound;
    for (const address of [this.layout.inbound, live, replay]) await listens(address);
  }

  async startGateway() {
    await this.process("gateway").start({ untilReady: false });
    await listens(`tcp://127.0.0.1:${this.#gateway}`);
  }

  /** Starts a subscriber; resolves when it follows all three journals. @param {SubscriberName} name */
  async startSubscriber(name) {
    const subscriber = this.process(name);
    const following = this.following(name);
    following.catch(() => {}); // Should it not even start.
    await subscriber.start();
    await following;
  }

  /** Resolves when a subscriber has told that it follows each journal. @param {SubscriberName} name */
  async following(name) {
    const left = new Set(/** @type {string[]} */ (journalNames));
    await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${name} does not follow ${[...left]} after ${startMs} ms`));
      const timer = setTimeout(late, startMs);
      this.process(name).listen(({ type, event }) => {
        if (type !== "event") return;
        const told = /** @type {{ type: string, name: string }} */ (event);
        if (told.type === "following") left.delete(told.name);
        if (left.size > 0) return;
        clearTimeout(timer);
        resolve(undefined);
      });
    });
  }

  /** Starts one that was killed again, and has it go on. @param {Role} role */
  async restart(role) {
    if (role === "relay") return await this.startRelay();
    if (role === "gateway") return await this.startGateway();
    if (role === "wide" || role === "narrow") return await this.process(role).start();
    await this.process(role).start();
    this.#goOn(/** @type {PublisherNumber} */ (Number(role.at(-1))));
  }

  /**
   * Publishes, through all three alike, spread over so many seconds (0: as fast as it goes).
   *
   * @param {number} messages
   * @param {number} seconds
   */
  async publish(messages, seconds) {
    const numbers = /** @type {const} */ ([1, 2, 3]);
    for (const number of numbers) this.#wanted[number] += Math.ceil(messages / 3);
    this.#until = performance.now() + seconds * 1000;
    for (const number of numbers) this.#goOn(number);
    await Promise.all(numbers.map((number) => this.#published(number)));
  }

  /** @param {PublisherNumber} number */
  #goOn(number) {
    const count = this.#left(number);
    const seconds = Math.max(0, this.#until - performance.now()) / 1000;
    if (count > 0) this.process(`publisher${number}`).tell({ type: "go", count, seconds });
  }

  /** @param {PublisherNumber} number */
  #left(number) {
    return this.#wanted[number] - this.records[number].read().acknowledged.size;
  }

  /** Resolves when a publisher has what it should have acknowledged. @param {PublisherNumber} number */
  async #published(number) {
    const patienceMs = Math.max(0, this.#until - performance.now()) + this.patienceMs;
    const deadline = performance.now() + patienceMs;
    while (this.#left(number) > 0) {
      if (performance.now() > deadline) {
        throw new Error(
          `publisher${number} has ${this.#left(number)} messages left after ${Math.round(patienceMs)} ms`,
        );
      }
      await delay(100);
    }
  }

  /** How long publishers may take beyond their time. */
  patienceMs = 120_000;

  /** What processes did that nobody asked for. */
  get faults() {
    return [...this.#processes.values()].flatMap(({ faults }) => faults);
  }

  /** Ends everything that it started. Idempotent. */
  async close() {
    if (!open.delete(this)) return;
    await Promise.all([...this.#processes.values()].map((each) => each.kill()));
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
    if (!process.env.FEDMSG_FAULTS_KEEP) rmSync(this.layout.folder, { recursive: true, force: true });
  }
}

/** Resolves when somebody listens at an address. @param {string} address */
export async function listens(address) {
  const { hostname, port } = new URL(address);
  const deadline = performance.now() + startMs;
  for (;;) {
    const there = await new Promise((resolve) => {
      const socket = createConnection({ host: hostname, port: Number(port) });
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (there) return;
    if (performance.now() > deadline) throw new Error(`nobody listens at ${address}`);
    await delay(20);
  }
}
