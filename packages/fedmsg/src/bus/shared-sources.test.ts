/** Subscriptions that share connections: what each gets, and what none does to the others. */

import {
  collect,
  eventually,
  everyTransport,
  expectNoLeaks,
  Sockets,
  signedConfig,
  take,
  takeUntil,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { ConfigInput } from "../config/index.ts";
import { createSigner } from "../crypto/index.ts";
import { createMemoryTransport } from "../transport/memory/index.ts";
import type { Publisher, SocketEvent, Transport } from "../transport/transport.ts";
import { type Bus, connect } from "./bus.ts";
import type { Received } from "./received.ts";
import type { StatusEvent } from "./status.ts";

expectNoLeaks();

const subscriptions = 10;
const topics = Array.from({ length: subscriptions }, (_, n) => `t.${n}`);

/** A publisher and a bus that listens to it. */
async function hearing(transport: Transport, keys: ConfigInput = {}) {
  const sockets = new Sockets(transport);
  const connections: SocketEvent[] = [];
  const [publisher, address] = await sockets.listening({
    stallMs: Number.POSITIVE_INFINITY,
    onEvent: (event) => void connections.push(event),
  });
  const config = testConfig({ endpoints: { app: [address] }, mute: true, ...keys });
  const bus = await connect({ config, transport, shareConnections: true });
  const events: StatusEvent[] = [];
  const told = (async () => {
    for await (const event of bus.status()) events.push(event);
  })();
  return {
    bus,
    publisher,
    events,
    count: (type: SocketEvent["type"]) => connections.filter((event) => event.type === type).length,
    async [Symbol.asyncDispose]() {
      await bus.close();
      await told;
      await sockets[Symbol.asyncDispose]();
    },
  };
}

async function say(publisher: Publisher, from: number, to: number, topic = "t", filler = ""): Promise<void> {
  for (let i = from; i <= to; i++) await publisher.send(toFrames(topic, JSON.stringify({ topic, i, filler })));
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
const numberOf = ({ message }: Received) => message.i as number;
const numbers = async (of: AsyncIterable<Received>, count: number) => (await collect(of, count)).map(numberOf);

/** Resolves when nobody asks for a topic any more. */
function deserted(publisher: Publisher, topic?: string): Promise<void> {
  const asked = () =>
    publisher.subscribed(topic, AbortSignal.timeout(3)).then(
      () => true,
      () => false,
    );
  return eventually(async () => !(await asked()), "nobody subscribes");
}

describe.each(everyTransport)("subscriptions that share connections over %s", (_, makeTransport) => {
  test("have one to each publisher, with the topics of all, and each gets its own", async () => {
    await using heard = await hearing(await makeTransport());
    const { bus, publisher } = heard;
    const all = topics.map((topic) => bus.subscribe({ topics: [topic] }));
    await withTimeout(Promise.all(topics.map((topic) => publisher.subscribed(topic))), "all subscriptions");
    for (const [n, topic] of topics.entries()) await say(publisher, n * 100, n * 100 + 9, topic);
    for (const [n, one] of all.entries()) expect(await numbers(one, 10)).toEqual(range(n * 100, n * 100 + 9));
    await eventually(() => heard.events.length > 0, "the connection is told");
    expect(heard.count("connected"), "not every transport tells").toBeLessThanOrEqual(1);
    expect(heard.events.filter(({ type }) => type === "connected")).toHaveLength(1);
    expect(bus.counts.received).toBe(10 * subscriptions);
    await all[3]?.close();
    await deserted(publisher, topics[3]);
    await publisher.subscribed(topics[4]);
    expect(heard.count("disconnected")).toBe(0);
    await Promise.all(all.map((one) => one.close()));
    await deserted(publisher);
    // And again, after there was none.
    const again = bus.subscribe({ topics: ["t.1"] });
    await withTimeout(publisher.subscribed("t.1"), "the subscription");
    await say(publisher, 1, 1, "t.1");
    expect(await numbers(again, 1)).toEqual([1]);
  });

  test("do not feel one that never reads: it alone misses messages, is told how many, and goes on when it reads", async () => {
    await using heard = await hearing(await makeTransport(), { queueBytesMax: 100_000 });
    const { bus, publisher } = heard;
    const own: StatusEvent[] = [];
    const stuck = bus.subscribe({ onEvent: (event) => own.push(event) });
    const others = topics.slice(1).map(() => bus.subscribe());
    await withTimeout(publisher.subscribed(), "the subscription");
    const got = others.map(() => [] as number[]);
    const reading = others.map(async (one, n) => {
      for await (const received of one) if (got[n]?.push(numberOf(received)) === 1000) return;
    });
    const startedAt = performance.now();
    await say(publisher, 1, 1000, "t", "x".repeat(500));
    await withTimeout(Promise.all(reading), "all messages");
    expect(performance.now() - startedAt, "held up once").toBeLessThan(4000);
    for (const one of got) expect(one).toEqual(range(1, 1000));
    await eventually(() => own.some(({ type }) => type === "dropped"), "it is told");
    expect(heard.events).toContainEqual(expect.objectContaining({ type: "dropped", subscription: "subscription" }));
    await eventually(() => stuck.waiting + stuck.dropped === 1000, "what was missed is counted");
    const { waiting } = stuck;
    expect(waiting).toBeGreaterThan(100);
    expect(await numbers(stuck, waiting)).toEqual(range(1, waiting));
    await eventually(() => stuck.waiting === 0, "nothing waits");
    await say(publisher, 1001, 1010);
    expect(await numbers(stuck, 10)).toEqual(range(1001, 1010));
    expect(bus.counts.dropped, "is what our own subscribers lost").toBe(0);
  });
});

describe("subscriptions that share connections", () => {
  test("may come late and leave early, by their loop, by an error or by close(), and the others have everything", async () => {
    await using heard = await hearing(createMemoryTransport());
    const { bus, publisher } = heard;
    const [steady, breaks, throws, closes] = [0, 1, 2, 3].map(() => bus.subscribe()) as ReturnType<Bus["subscribe"]>[];
    await publisher.subscribed();
    const breaking = (async () => {
      for await (const received of breaks as AsyncIterable<Received>) if (numberOf(received) === 10) break;
    })();
    const throwing = (async () => {
      for await (const received of throws as AsyncIterable<Received>) {
        if (numberOf(received) === 10) throw new Error("not today");
      }
    })();
    const thrown = expect(throwing).rejects.toThrow("not today");
    await say(publisher, 1, 50);
    await Promise.all([breaking, thrown, closes?.close()]);
    const late = bus.subscribe({ topics: ["t", "other"] });
    await publisher.subscribed("other");
    expect(await numbers(steady as AsyncIterable<Received>, 50)).toEqual(range(1, 50));
    await say(publisher, 51, 60);
    expect(await numbers(late, 10)).toEqual(range(51, 60));
    expect(await numbers(steady as AsyncIterable<Received>, 10)).toEqual(range(51, 60));
    expect(await closes?.[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test("drained give what was received, each to its end", async () => {
    const heard = await hearing(createMemoryTransport(), { queueBytesMax: 2000 });
    await using _ = heard;
    const { bus, publisher } = heard;
    const all = topics.map(() => bus.subscribe());
    await publisher.subscribed();
    const saying = say(publisher, 1, 100, "t", "x".repeat(200)).catch(() => {});
    await eventually(() => bus.counts.received > 20, "something is received");
    await withTimeout(bus.drain(), "the end");
    for (const one of all) {
      const got: number[] = [];
      for await (const received of one) got.push(numberOf(received));
      expect(got).toEqual(range(1, got.length));
      expect(got.length).toBeGreaterThan(0);
      expect(one.dropped).toBe(0);
    }
    await publisher.close();
    await saying;
  });

  test("refuse what is none once for all", async () => {
    await using heard = await hearing(createMemoryTransport());
    const { bus, publisher } = heard;
    const all = topics.map(() => bus.subscribe());
    await publisher.subscribed();
    await publisher.send(toFrames("t", "no object"));
    await say(publisher, 1, 1);
    for (const one of all) expect(await numbers(one, 1)).toEqual([1]);
    expect(bus.counts.invalid).toEqual({ "not-json": 1 });
    expect(heard.events.filter(({ type }) => type === "invalid")).toHaveLength(1);
  });

  test("validate once for all, and each trusts whom it wants", async () => {
    const { certname, ssldir, ca_cert_location } = signedConfig();
    const keys = { certname, ssldir, ca_cert_location, validate_signatures: true, replay_window: 60 };
    await using heard = await hearing(createMemoryTransport(), keys);
    const { bus, publisher } = heard;
    const strict = [1, 2, 3].map(() => bus.subscribe());
    const lenient = bus.subscribe({ allowUnsigned: ["t.open"] });
    const blind = bus.subscribe({ validateSignatures: false });
    await publisher.subscribed();
    const signer = await createSigner(signedConfig());
    const timestamp = Math.floor(Date.now() / 1000);
    const signed = (i: number) => signer.encodeSigned({ topic: "t", i, timestamp, msg_id: `m${i}` });
    await publisher.send(toFrames("t.open", '{"topic":"t.open","i":1}'));
    await publisher.send(toFrames("t", signed(2)));
    await publisher.send(toFrames("t", signed(2)));
    await publisher.send(toFrames("t", signed(3).replace('"i":3', '"i":4')));
    await publisher.send(toFrames("t", signed(5)));
    for (const one of strict) expect((await collect(one, 2)).map(numberOf)).toEqual([2, 5]);
    expect((await collect(lenient, 3)).map(({ message, trust }) => [message.i, trust])).toEqual([
      [1, "unsigned"],
      [2, "signed"],
      [5, "signed"],
    ]);
    const unchecked = await collect(blind, 5);
    expect(unchecked.map(({ message, trust }) => [message.i, trust])).toEqual(
      [1, 2, 2, 4, 5].map((i) => [i, "unchecked"]),
    );
    expect(bus.counts).toMatchObject({ duplicates: 1, invalid: { unsigned: 1, "signature-mismatch": 1 } });
    expect(heard.events.filter(({ type }) => type === "invalid" || type === "duplicate")).toHaveLength(3);
  });

  test("where the configuration validates nothing, one that wants it does", async () => {
    const { ssldir, ca_cert_location } = signedConfig();
    await using heard = await hearing(createMemoryTransport(), { ssldir, ca_cert_location });
    const { bus, publisher } = heard;
    const strict = bus.subscribe({ validateSignatures: true });
    const blind = bus.subscribe();
    await eventually(() => heard.count("connected") === 1, "the connection");
    await eventually(async () => {
      await say(publisher, 1, 1);
      return bus.counts.invalid.unsigned === 1;
    }, "the strict one refuses");
    expect(await take(blind)).toMatchObject({ trust: "unchecked" });
    const signer = await createSigner(signedConfig());
    await publisher.send(toFrames("t", signer.encodeSigned({ topic: "t", i: 2 })));
    expect(await take(strict)).toMatchObject({ trust: "signed", message: { i: 2 } });
  });

  test("a passive one has sockets of its own", async () => {
    await using heard = await hearing(createMemoryTransport(), { endpoints: { app: ["tcp://127.0.0.1:*"] } });
    const status = heard.bus.status();
    heard.bus.subscribe({ passive: true });
    const isListening = (event: StatusEvent): event is StatusEvent => event.type === "listening";
    await takeUntil(status, isListening);
  });

  test("all end with the error where an address is none", async () => {
    await using heard = await hearing(createMemoryTransport(), { endpoints: { app: ["tcp://127.0.0.1:port"] } });
    const all = [1, 2, 3].map(() => heard.bus.subscribe());
    for (const one of all) await expect(take(one)).rejects.toMatchObject({ code: "FEDMSG_ADDRESS_INVALID" });
  });
});
