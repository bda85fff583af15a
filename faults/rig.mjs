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
  freeDoors,
  freePlaces,
  gatewayConfig,
  hubConfig,
  journalledConfig,
  journalNames,
  publisherNames,
  relayConfig,
  relaysOf,
  subscriberConfig,
  subscriberNames,
} from "./layout.mjs";
import { ManagedProcess } from "./managed-process.mjs";
import { Publishing } from "./publishing.mjs";
import { PublisherRecord } from "./tally.mjs";

/**
 * @typedef {import("./layout.mjs").Layout} Layout
 * @typedef {import("./layout.mjs").SubscriberName} SubscriberName
 * @typedef {import("./publishing.mjs").PublisherNumber} PublisherNumber
 * @typedef {SubscriberName | "hub"} Receiver
 * @typedef {"relay" | "relay2"} Relay
 * @typedef {Relay | `publisher${PublisherNumber}` | Receiver | "attacker" | "gateway"} Role
 *
 * @typedef {object} Special What a row has different.
 * @property {(layout: Layout, rig: Rig) => Promise<void> | void} [prepare] changes the layout before anything starts
 * @property {(layout: Layout) => Partial<Record<Role, Readonly<Record<string, string>>>>} [env]
 * @property {Partial<Record<Role, readonly string[]>>} [wrapper] a command that runs another one: `ip netns exec …`
 * @property {(layout: Layout) => import("./programs/attacker.mjs").AttackerSetup} [attack]
 * @property {() => Promise<number>} [gateway] a port where all messages come a second time
 * @property {import("./layout.mjs").Confirming} [confirming] whether the relay confirms to publisher three
 * @property {boolean} [secondRelay] whether there is another one, that publisher three may go to instead
 * @property {readonly string[]} [hub] consumers of a hub that runs instead of the two subscribers: exports of programs/consumers.mjs
 * @property {number} [bodyBytes]
 */

const program = (/** @type {string} */ name) => fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));
const command = (/** @type {string} */ name) =>
  fileURLToPath(new URL(`../packages/cli/bin/${name}.js`, import.meta.url));
const bodyBytesDefault = 300;
const startMs = 30_000;
/** @type {Readonly<Record<Relay, import("./layout.mjs").RelayName>>} */
const relayNames = { relay: "relay_outbound", relay2: "relay_two" };

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
  /** What each publisher was told. @type {Record<PublisherNumber, PublisherRecord>} */
  records = /** @type {any} */ ({});
  #publishing = new Publishing(this.records, (number, order) => this.process(`publisher${number}`).tell(order));
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
    const places = await freePlaces();
    /** @type {Layout} */
    const layout = {
      folder,
      places,
      seen: structuredClone(places),
      journals: special.secondRelay ? [...journalNames, "relay_two"] : journalNames,
      doors: await freeDoors(),
      ...(special.confirming && { confirming: special.confirming }),
      common: {},
      publishing: {},
      strangers: {},
    };
    for (const name of layout.journals) mkdirSync(join(folder, "journals", name), { recursive: true });
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
    for (const role of this.relays) this.#addCommand(role, relayConfig(layout, relayNames[role]));
    if (this.#gateway) this.#addCommand("gateway", gatewayConfig(layout, this.#gateway));
    if (this.#special.hub) this.#addCommand("hub", hubConfig(layout, this.#special.hub));
    else for (const name of subscriberNames) this.#addSubscriber(name);
    const attack = this.#special.attack?.(layout);
    if (attack) this.#add("attacker", [program("attacker"), this.#write("attacker.json", attack)]);
  }

  /** @param {SubscriberName} name */
  #addSubscriber(name) {
    const { layout } = this;
    const setup = { name, topics: filters[name].topics, config: subscriberConfig(layout), events: this.events(name) };
    this.#add(name, [program("subscriber"), this.#write(`${name}.json`, setup)]);
  }

  /** @param {Relay | "gateway" | "hub"} role @param {import("./layout.mjs").ConfigInput} config */
  #addCommand(role, config) {
    const file = this.#write(`${role}.json`, config);
    const bin = command(`fedmsg-${role.replace("2", "")}`);
    this.#add(role, ["--import", program("leave"), bin, "--config-filename", file]);
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
    const env = { FAULTS_EVENTS: this.events(role), ...this.#special.env?.(this.layout)[role] };
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

  get relays() {
    return relaysOf(this.layout).map((name) => /** @type {Relay} */ (name === "relay_two" ? "relay2" : "relay"));
  }

  /** The processes that receive. @returns {readonly Receiver[]} */
  get receivers() {
    return this.#special.hub ? ["hub"] : subscriberNames;
  }

  /** Where the status events of a process are kept; those of a subscriber may be its hub's. @param {Role} role @returns {string} */
  events(role) {
    const isInHub = (role === "wide" || role === "narrow") && this.#special.hub;
    if (isInHub) return this.events("hub");
    return join(this.layout.folder, `${role}.events`);
  }

  /** @param {() => Promise<void> | void} cleanup */
  atEnd(cleanup) {
    this.#cleanups.push(cleanup);
  }

  /** Starts everybody; resolves when everybody who receives follows all journals. */
  async start() {
    await Promise.all(this.relays.map((role) => this.startRelay(role)));
    await Promise.all([1, 2, 3].map((number) => this.process(/** @type {Role} */ (`publisher${number}`)).start()));
    await this.#processes.get("attacker")?.start();
    if (this.#gateway) await this.startGateway();
    await Promise.all(this.receivers.map((role) => this.startReceiver(role)));
  }

  /** @param {Relay} role */
  async startRelay(role) {
    await this.process(role).start({ untilReady: false });
    const { places, doors, confirming } = this.layout;
    const { inbound, confirm } = doors[relayNames[role]];
    const { live, replay } = places[relayNames[role]];
    for (const address of [inbound, live, replay, ...(confirming ? [confirm] : [])]) await listens(address);
  }

  async startGateway() {
    await this.process("gateway").start({ untilReady: false });
    await listens(`tcp://127.0.0.1:${this.#gateway}`);
  }

  /** Starts one that receives; resolves when it follows all journals. @param {Receiver} role */
  async startReceiver(role) {
    const following = this.following(role);
    following.catch(() => {}); // Should it not even start.
    await this.process(role).start();
    await following;
  }

  /** Resolves when each subscription of a process has told that it follows each journal. @param {Receiver} role */
  async following(role) {
    const each = role === "hub" ? (this.#special.hub?.length ?? 0) : 1;
    const left = new Map(this.layout.journals.map((name) => [/** @type {string} */ (name), each]));
    await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${role} does not follow ${[...left.keys()]} after ${startMs} ms`));
      const timer = setTimeout(late, startMs);
      this.process(role).listen(({ type, event }) => {
        if (type !== "event") return;
        const told = /** @type {{ type: string, name: string }} */ (event);
        if (told.type !== "following") return;
        const missing = (left.get(told.name) ?? 1) - 1;
        if (missing > 0) left.set(told.name, missing);
        else left.delete(told.name);
        if (left.size > 0) return;
        clearTimeout(timer);
        resolve(undefined);
      });
    });
  }

  /** Starts one that was killed again, and has it go on. @param {Role} role */
  async restart(role) {
    if (role === "relay" || role === "relay2") return await this.startRelay(role);
    if (role === "gateway") return await this.startGateway();
    await this.process(role).start();
    if (role.startsWith("publisher")) this.#publishing.goOn(/** @type {PublisherNumber} */ (Number(role.at(-1))));
  }

  /** See {@link Publishing.publish}. @param {number} messages @param {number} seconds */
  async publish(messages, seconds) {
    await this.#publishing.publish(messages, seconds);
  }

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
