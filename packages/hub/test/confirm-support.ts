/** Relays that confirm, publishers and subscribers in this process, and what stands between them. */

import { connect as connectTo, createServer, type Socket } from "node:net";
import { anyAddress, testConfig, withTimeout } from "@fedmsg/testkit";
import { type Bus, connect, type Received, type StatusEvent } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import { fetchInfo, fetchPages } from "fedmsg/plugin";
import type { Daemon } from "../src/daemon.ts";
import { startRelay } from "../src/daemon.ts";

/** A relay with a journal in a folder; the same folder again is the same relay, started again. */
export async function openRelay(folder: string, overrides: ConfigInput = {}, start = startRelay) {
  const events: StatusEvent[] = [];
  const config = testConfig({
    endpoints: { relay_outbound: [anyAddress] },
    persistent_store: `sqlite:${folder}/{name}.db`,
    replay_endpoints: { relay_outbound: anyAddress },
    relay_confirm: [anyAddress],
    journal_sync: "normal",
    ...overrides,
  });
  const relay = await start({ config, onEvent: (event) => void events.push(event) });
  const [confirm = ""] = relay.confirm ?? [];
  return { relay, events, confirm, [Symbol.asyncDispose]: () => relay.close() };
}

/** An active publisher to relays that confirm, and what it told. */
export async function openPublisher(addresses: string | readonly string[], overrides: ConfigInput = {}) {
  const config = testConfig({ active: true, relay_confirm: [addresses].flat(), publish_timeout: 10, ...overrides });
  const bus = await connect({ name: "app", config });
  const events: StatusEvent[] = [];
  void (async () => {
    for await (const event of bus.status()) events.push(event);
  })();
  return { bus, events, [Symbol.asyncDispose]: () => bus.close() };
}

/** The keys of a publisher with an outbox in a folder. */
export function outboxIn(folder: string): ConfigInput {
  return { outbox: `sqlite:${folder}/outbox-{name}.db`, journal_sync: "normal" };
}

/** The file of that outbox. */
export function outboxFile(folder: string): string {
  return `${folder}/outbox-app.db`;
}

/** The warnings among events that say something. */
export function warnings(events: readonly StatusEvent[], pattern: RegExp): string[] {
  return events.flatMap((event) => (event.type === "warning" && pattern.test(event.detail) ? [event.detail] : []));
}

/** A subscriber to relays, and what it got, which follows their journals: what it did not get live it fetches. */
export async function openSubscriber(...relays: readonly Daemon[]) {
  const subscriber = await follow(...relays);
  for (const relay of relays) await withTimeout(relay.subscribed(), "the subscription");
  return subscriber;
}

/** The same for relays of which only the addresses are known; it need not be connected yet. */
export async function follow(...relays: readonly Pick<Daemon, "outbound" | "replay">[]) {
  const entries = relays.map((relay, n) => [`relay${n}`, relay] as const);
  const config = testConfig({
    mute: true,
    endpoints: Object.fromEntries(entries.map(([name, relay]) => [name, [relay.outbound]])),
    replay_endpoints: Object.fromEntries(entries.map(([name, relay]) => [name, relay.replay as string])),
  });
  const bus = await connect({ config });
  const got: Received[] = [];
  const subscription = bus.subscribe();
  void (async () => {
    for await (const received of subscription) got.push(received);
  })();
  return {
    got,
    numbers: () => got.map(({ message }) => (message.msg as { n: number }).n),
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

/** Publishes a number. */
export function publish(bus: Bus, n: number) {
  return bus.publish({ topic: "t", modname: "m", msg: { n } });
}

/** The last position of a relay's journal. */
export async function headOf(relay: Daemon): Promise<number> {
  return (await fetchInfo(relay.replay as string)).head;
}

/** The messages that the journal of a relay has. */
export async function fetchAll({ replay }: Pick<Daemon, "replay">): Promise<{ msg: { n: number } }[]> {
  const bodies: { msg: { n: number } }[] = [];
  for await (const page of fetchPages(replay as string, { after: 0 })) {
    for (const body of page.bodies) bodies.push(JSON.parse(String(body)));
    if (page.header.through === page.header.head) break;
  }
  return bodies;
}

/** The numbers that the journal of a relay has. */
export async function numbersOf(relay: Pick<Daemon, "replay">): Promise<number[]> {
  return (await fetchAll(relay)).map(({ msg }) => msg.n);
}

/** A way to a relay on which answers can be made to vanish, and connections to end. */
export class Link implements AsyncDisposable {
  address = "";
  swallowsAnswers = false;
  /** Bytes of messages and answers that went through. */
  passed = { there: 0, back: 0 };
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#join(near));
  #to: number;

  private constructor(to: string) {
    this.#to = Number(/\d+$/.exec(to)?.[0]);
  }

  static async to(address: string): Promise<Link> {
    const link = new Link(address);
    await new Promise<void>((resolve) => link.#server.listen(0, "127.0.0.1", resolve));
    link.address = `tcp://127.0.0.1:${(link.#server.address() as { port: number }).port}`;
    return link;
  }

  /** From now on it leads to another relay. */
  leadTo(address: string): void {
    this.#to = Number(/\d+$/.exec(address)?.[0]);
    this.cut();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket): void {
    const far = connectTo(this.#to, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    near.on("data", (chunk) => {
      this.passed.there += chunk.length;
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      this.passed.back += chunk.length;
      const isHandshake = far.bytesRead <= 200;
      if (!this.swallowsAnswers || isHandshake) near.write(chunk);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
