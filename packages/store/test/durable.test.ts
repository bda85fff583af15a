/** Subscriptions that lose nothing: real sockets, real journals, real cursors, and a way that loses what it is told to. */

import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  codeOf,
  collect,
  eventually,
  expectNoLeaks,
  range,
  Sockets,
  take,
  takeUntil,
  testConfig,
} from "@fedmsg/testkit";
import { type Bus, connect, type DurableReceived, type StatusEvent, type SubscribeOptions } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import { createTransport, type Frames, type Transport } from "fedmsg/plugin";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tempFile } from "./support.ts";

expectNoLeaks();

let transport: Transport;
let stage: Stage;

beforeEach(async () => {
  transport = await createTransport(testConfig());
  stage = await Stage.open();
});

afterEach(() => stage.close());

/** A publisher with a journal, subscribers, and what lies between them. */
class Stage {
  readonly journal = tempFile();
  readonly folder = dirname(this.journal);
  readonly #endpoint: string;
  readonly #replay: string;
  readonly #open = new Set<{ close(): Promise<void> }>();

  private constructor(endpoint: string, replay: string) {
    this.#endpoint = endpoint;
    this.#replay = replay;
  }

  static async open(): Promise<Stage> {
    await using sockets = new Sockets(transport);
    return new Stage(await sockets.freeAddress(), await sockets.freeAddress());
  }

  /** A bus that keeps what it publishes; the same one again, after the one before was closed. */
  publisher(overrides: ConfigInput = {}): Promise<Bus> {
    return this.#connect("me", {
      endpoints: { me: [this.#endpoint] },
      persistent_store: `sqlite:${this.journal}`,
      ...overrides,
    });
  }

  /** A bus that listens to the publisher, or to what forwards its messages. */
  subscriber(endpoint = this.#endpoint, overrides: ConfigInput = {}): Promise<Bus> {
    const cursor_store = `sqlite:${join(this.folder, "{name}.cursors")}`;
    return this.#connect("listener", { endpoints: { me: [endpoint] }, cursor_store, mute: true, ...overrides });
  }

  async #connect(name: string, overrides: ConfigInput): Promise<Bus> {
    const replay_endpoints = { me: this.#replay };
    const config = testConfig({ topic_prefix: "org.a", environment: "dev", replay_endpoints, ...overrides });
    const bus = await connect({ name, config, transport: await createTransport(config) });
    this.#open.add(bus);
    return bus;
  }

  /** Forwards what the publisher sends, except what `loses` says. */
  async lossyWay(loses: (topic: string, text: string) => boolean): Promise<string> {
    const inbound = transport.createSubscriber();
    const outbound = transport.createPublisher();
    this.#open.add(inbound).add(outbound);
    inbound.subscribe("");
    const endpoint = await outbound.bind("tcp://127.0.0.1:*");
    inbound.connect(this.#endpoint);
    void this.#forward(inbound.receive.bind(inbound), outbound.send.bind(outbound), loses);
    return endpoint;
  }

  async #forward(
    receive: () => Promise<readonly Frames[]>,
    send: (frames: Frames) => Promise<void>,
    loses: (topic: string, text: string) => boolean,
  ): Promise<void> {
    for (let batch = await receive(); batch.length > 0; batch = await receive()) {
      for (const frames of batch) {
        const [topic, body] = frames.map(String) as [string, string];
        if (!loses(topic, body)) await send(frames).catch(() => {});
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((open) => open.close()));
  }
}

/** A subscription with a name, and what its bus tells. */
async function durable(bus: Bus, options: Partial<SubscribeOptions> = {}) {
  const status = bus.status();
  const subscription = bus.subscribe({ durable: "app", ...options });
  const messages = subscription[Symbol.asyncIterator]() as AsyncIterableIterator<DurableReceived, undefined>;
  const following = await heard(status, "following");
  return { messages, status, following };
}

function heard<T extends StatusEvent["type"]>(
  status: AsyncIterable<StatusEvent>,
  type: T,
): Promise<Extract<StatusEvent, { type: T }>> {
  return takeUntil(status, (event): event is Extract<StatusEvent, { type: T }> => event.type === type);
}

async function say(bus: Bus, from: number, to: number, topic = "t"): Promise<void> {
  await Promise.all(range(from, to).map((n) => bus.publish({ topic, modname: "m", msg: { n } })));
}

async function numbers(messages: AsyncIterable<DurableReceived>, count: number): Promise<number[]> {
  const received = await collect(messages, count);
  return received.map(({ message }) => (message.msg as { n: number }).n);
}

describe("a subscription with a name", () => {
  test("gets what was said while it was not there, once and in order, and then what is said now", async () => {
    const publisher = await stage.publisher();
    const before = await stage.subscriber();
    const first = await durable(before);
    await publisher.subscribed("_heartbeat.");
    await say(publisher, 1, 3);
    expect(await numbers(first.messages, 3)).toEqual([1, 2, 3]);
    await first.messages.return?.();
    await before.close();
    await say(publisher, 4, 2000);
    const after = await stage.subscriber();
    const second = await durable(after);
    await say(publisher, 2001, 2003);
    // The third was in hand when the loop was left.
    expect(await numbers(second.messages, 2001)).toEqual(Array.from({ length: 2001 }, (_, n) => n + 3));
    await second.messages.return?.();
  });

  test("gets what the way loses, heartbeats too", async () => {
    const publisher = await stage.publisher();
    let heartbeats = 0;
    const way = await stage.lossyWay((topic, text) => {
      if (topic.startsWith("_heartbeat.")) return ++heartbeats % 2 === 0;
      return /"n":\d*[37]\b/.test(text);
    });
    const { messages, status } = await durable(await stage.subscriber(way));
    await publisher.subscribed("_heartbeat.");
    await say(publisher, 1, 3000);
    const received = await numbers(messages, 3000);
    expect(received.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 3000 }, (_, n) => n + 1));
    expect(await heard(status, "replayed")).toMatchObject({ name: "me" });
    await messages.return?.();
  });

  test("begins at the head, or with the oldest that is there", async () => {
    const publisher = await stage.publisher();
    await say(publisher, 1, 5);
    const bus = await stage.subscriber();
    const fromFirst = await durable(bus, { from: "first", durable: "all" });
    const fromHead = await durable(bus, { durable: "new" });
    expect(await numbers(fromFirst.messages, 5)).toEqual([1, 2, 3, 4, 5]);
    await publisher.subscribed("_heartbeat.");
    await say(publisher, 6, 6);
    expect(await numbers(fromHead.messages, 1)).toEqual([6]);
    await fromFirst.messages.return?.();
    await fromHead.messages.return?.();
  });

  test("asks only for what its topics want", async () => {
    const publisher = await stage.publisher();
    const way = await stage.lossyWay((topic) => !topic.startsWith("_heartbeat."));
    const { messages, status } = await durable(await stage.subscriber(way), { topics: ["org.a.dev.m.even"] });
    await publisher.subscribed("_heartbeat.");
    for (let n = 1; n <= 10; n++) await say(publisher, n, n, n % 2 === 0 ? "even" : "odd");
    expect(await numbers(messages, 5)).toEqual([2, 4, 6, 8, 10]);
    expect(await heard(status, "replayed")).toMatchObject({ count: 5 });
    await messages.return?.();
  });

  test("is for one process at a time", async () => {
    await stage.publisher();
    const { messages } = await durable(await stage.subscriber());
    const other = (await stage.subscriber()).subscribe({ durable: "app" });
    expect(await codeOf(take(other))).toBe("FEDMSG_JOURNAL");
    await messages.return?.();
  });

  test("is told what cannot be had any more: a journal that was deleted", async () => {
    const publisher = await stage.publisher();
    const { messages, status, following } = await durable(await stage.subscriber());
    await publisher.subscribed("_heartbeat.");
    await say(publisher, 1, 3);
    await numbers(messages, 3);
    for (const end of ["", "-wal", "-shm", "-lock"]) rmSync(`${stage.journal}${end}`, { force: true });
    await say(publisher, 4, 4);
    expect(await heard(status, "gap")).toMatchObject({ name: "me", journal: following.journal });
    expect(await numbers(messages, 1)).toEqual([4]);
    await say(publisher, 5, 6);
    expect(await numbers(messages, 2)).toEqual([5, 6]);
    await messages.return?.();
  });
});

describe("commit", () => {
  test("writes the row and that the message is handled together: what throws is not handled, and comes again", async () => {
    const publisher = await stage.publisher();
    const bus = await stage.subscriber();
    const { messages } = await durable(bus);
    await publisher.subscribed("_heartbeat.");
    await say(publisher, 1, 2);
    const first = await take(messages);
    await first.commit((transaction) => {
      transaction.run("CREATE TABLE got (n)");
      transaction.run("INSERT INTO got VALUES (1)");
    });
    const second = await take(messages);
    const failure = second.commit((transaction) => {
      transaction.run("INSERT INTO got VALUES (2)");
      throw Object.assign(new Error("not today"), { code: "MINE" });
    });
    expect(await codeOf(failure)).toBe("MINE");
    const again = await take(messages);
    expect(again.message.msg).toEqual({ n: 2 });
    const rows = await again.commit((transaction) => {
      transaction.run("INSERT INTO got VALUES (2)");
      return transaction.all("SELECT n FROM got ORDER BY n").map(({ n }) => n);
    });
    expect(rows).toEqual([1, 2]);
    await messages.return?.();
    await bus.close();
    const next = await durable(await stage.subscriber());
    await say(publisher, 3, 3);
    expect(await numbers(next.messages, 1)).toEqual([3]);
    await next.messages.return?.();
  });
});

describe("a subscription without a name", () => {
  test("gets what the way loses, each once", async () => {
    const publisher = await stage.publisher();
    const way = await stage.lossyWay((_, text) => /"n":[24],/.test(text) || /"n":[24]}/.test(text));
    const bus = await stage.subscriber(way);
    const status = bus.status();
    const messages = bus.subscribe();
    await heard(status, "following");
    await publisher.subscribed("_heartbeat.");
    await say(publisher, 1, 5);
    const received = (await collect(messages, 5)).map(({ message }) => (message.msg as { n: number }).n);
    expect(received.toSorted()).toEqual([1, 2, 3, 4, 5]);
    await messages.close();
  });
});

describe("a forged heartbeat", () => {
  test("loses nothing, and holds up nobody", async () => {
    const publisher = await stage.publisher();
    await using sockets = new Sockets(transport);
    const [forger, endpoint] = await sockets.listening();
    const bus = await stage.subscriber(undefined, {
      endpoints: { me: [publisher.endpoint as string], forger: [endpoint] },
    });
    const { messages, following } = await durable(bus);
    await publisher.subscribed("_heartbeat.");
    await forger.subscribed("_heartbeat.");
    const topic = `_heartbeat.${following.journal}`;
    const msg = { journal: following.journal, from: 1_000_000, to: 1_000_000, topics: {} };
    await forger.send([Buffer.from(topic), Buffer.from(JSON.stringify({ topic, msg }))]);
    await say(publisher, 1, 100);
    expect(await numbers(messages, 100)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    await messages.return?.();
    await eventually(() => bus.counts.received === 100, "each once");
  });
});
