/** Relays that confirm, publishers and subscribers in this process, and what stands between them. */

import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyAddress, testConfig, withTimeout } from "@fedmsg/testkit";
import { type Bus, connect, type Received, type StatusEvent } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import { fetchInfo, fetchPages } from "fedmsg/plugin";
import { onTestFinished } from "vitest";
import type { Daemon } from "../src/daemon.ts";
import { startRelay } from "../src/daemon.ts";

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-confirm-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

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

export async function openPublisher(addresses: string | readonly string[], overrides: ConfigInput = {}) {
  const config = testConfig({ active: true, relay_confirm: [addresses].flat(), publish_timeout: 10, ...overrides });
  const bus = await connect({ name: "app", config });
  const events: StatusEvent[] = [];
  void (async () => {
    for await (const event of bus.status()) events.push(event);
  })();
  return { bus, events, [Symbol.asyncDispose]: () => bus.close() };
}

/** A subscriber to relays, and what it got, which follows their journals: what it did not get live it fetches. */
export async function openSubscriber(...relays: readonly Daemon[]) {
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
  for (const relay of relays) await withTimeout(relay.subscribed(), "the subscription");
  return {
    got,
    numbers: () => got.map(({ message }) => (message.msg as { n: number }).n),
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

export function publish(bus: Bus, n: number) {
  return bus.publish({ topic: "t", modname: "m", msg: { n } });
}

export const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

export async function headOf(relay: Daemon): Promise<number> {
  return (await fetchInfo(relay.replay as string)).head;
}

/** What a relay's journal has. */
export async function fetchAll(relay: Daemon): Promise<{ msg: { n: number } }[]> {
  const bodies: { msg: { n: number } }[] = [];
  for await (const page of fetchPages(relay.replay as string, { after: 0 })) {
    for (const body of page.bodies) bodies.push(JSON.parse(String(body)));
    if (page.header.through === page.header.head) break;
  }
  return bodies;
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
