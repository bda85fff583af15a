import {
  anyAddress,
  codeOf,
  collect,
  eventually,
  everyTransport,
  expectNoLeaks,
  Sockets,
  take,
  takeUntil,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { createMemoryTransport } from "../transport/memory/index.ts";
import type { Publisher } from "../transport/transport.ts";
import { connect } from "./bus.ts";
import type { Received } from "./received.ts";
import type { StatusEvent } from "./status.ts";

expectNoLeaks();

/** A message in the fewest bytes. */
function message(topic: string, rest = ""): readonly Uint8Array[] {
  return toFrames(topic, `{"topic":${JSON.stringify(topic)}${rest}}`);
}

/** Resolves when nobody subscribes to a publisher any more. */
function deserted(publisher: Publisher): Promise<void> {
  const isDeserted = async () =>
    publisher.subscribed(undefined, AbortSignal.timeout(3)).then(
      () => false,
      () => true,
    );
  return eventually(isDeserted, "nobody subscribes");
}

describe.each(everyTransport)("subscribe over %s", (_, makeTransport) => {
  test("hears everybody who is listed but the relay's inbound side, and says who it was", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const [one, oneAddress] = await sockets.listening();
    const [two, twoAddress] = await sockets.listening();
    const [relay, relayAddress] = await sockets.listening({ awaitSubscriber: true });
    const endpoints = { "svc.one": [oneAddress], "svc.two": [twoAddress], relay_inbound: [relayAddress] };
    await using bus = await connect({ config: testConfig({ endpoints }), transport });
    const subscription = bus.subscribe();
    await Promise.all([one.subscribed(), two.subscribed()]);
    const body = '{"i": 1.0, "msg" : {"a":[ ]},"topic":"t.1"}';
    await one.send(toFrames("t.1", body));
    const first = await take(subscription);
    expect(first).toEqual({
      name: "svc.one",
      endpoint: oneAddress,
      topic: "t.1",
      message: { i: 1, msg: { a: [] }, topic: "t.1" },
      body: Buffer.from(body),
      trust: "unchecked",
    });
    await two.send(message("t.2"));
    expect(await take(subscription)).toMatchObject({ name: "svc.two", endpoint: twoAddress, topic: "t.2" });
    expect(await codeOf(relay.subscribed(undefined, AbortSignal.timeout(20)))).toBe("FEDMSG_ABORTED");
    expect(bus.counts).toMatchObject({ received: 2, published: 0, invalid: {} });
  });

  test("connects to publishers that come later, and again to those that come back", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const address = await sockets.freeAddress();
    const config = testConfig({ endpoints: { app: [address] }, zmq_reconnect_ivl: 10 });
    await using bus = await connect({ config, transport });
    const subscription = bus.subscribe();
    const events = bus.status();
    for (let n = 0; n < 2; n++) {
      const publisher = sockets.publisher();
      await publisher.bind(address);
      await withTimeout(publisher.subscribed(), "the subscription");
      await publisher.send(message(`t.${n}`));
      expect((await take(subscription)).topic).toBe(`t.${n}`);
      await publisher.close();
    }
    const told = (await collect(events, 4)).map(({ type }) => type);
    expect(told).toEqual(["connected", "disconnected", "connected", "disconnected"]);
  });

  test("passive: listens on every address that is listed, and publishers come", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    await using bus = await connect({
      config: testConfig({ endpoints: { one: [anyAddress], two: [anyAddress] } }),
      transport,
    });
    const events = bus.status();
    const subscription = bus.subscribe({ passive: true });
    type ListeningEvent = Extract<StatusEvent, { type: "listening" }>;
    const isListening = (event: StatusEvent): event is ListeningEvent => event.type === "listening";
    for (const name of ["one", "two"]) {
      const { endpoint } = await takeUntil(events, isListening);
      const publisher = sockets.publisher({ awaitSubscriber: true });
      publisher.connect(endpoint);
      await withTimeout(publisher.send(message(`t.${name}`)), "the message");
      expect(await take(subscription)).toMatchObject({ name, endpoint, topic: `t.${name}` });
    }
  });

  test("passive: an address in use ends the iteration with an error, and frees the others", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const [, used] = await sockets.listening();
    const free = await sockets.freeAddress();
    await using bus = await connect({ config: testConfig({ endpoints: { app: [free, used] } }), transport });
    const subscription = bus.subscribe({ passive: true });
    expect(await codeOf(take(subscription))).toBe("FEDMSG_ADDRESS_IN_USE");
    const again = sockets.publisher();
    await eventually(async () => (await again.bind(free).catch(() => "")) === free, "the first address is free");
  });

  test("leaving the loop closes the sockets; so do the signal, close() and the bus", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    for (const end of ["break", "abort", "close the subscription", "close the bus"]) {
      const controller = new AbortController();
      await using bus = await connect({ config: testConfig({ endpoints: { app: [address] } }), transport });
      const subscription = bus.subscribe({ signal: controller.signal });
      await withTimeout(publisher.subscribed(), "the subscription");
      await publisher.send(message("t"));
      let seen = 0;
      for await (const { topic } of subscription) {
        expect(topic).toBe("t");
        seen++;
        if (end === "break") break;
        if (end === "abort") controller.abort();
        else await (end === "close the bus" ? bus : subscription).close();
      }
      expect(seen).toBe(1);
      await deserted(publisher);
      expect(await subscription[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
    }
  });
});

describe("a subscription", () => {
  test.each([
    [[], ["git.push", "git.push.x", "git", "koji.git", "x"]],
    [["#"], ["git.push", "git.push.x", "git", "koji.git", "x"]],
    [["git"], ["git.push", "git.push.x", "git"]],
    [["git*"], ["git.push", "git.push.x", "git"]],
    [["git.*"], ["git.push"]],
    [["git.#"], ["git.push", "git.push.x", "git"]],
    [["#.git"], ["git", "koji.git"]],
    [
      ["*.git", "git.*.x"],
      ["git.push.x", "koji.git"],
    ],
  ])("to the topics %j gets %j", async (topics, expected) => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    await using bus = await connect({ config: testConfig({ endpoints: { app: [address] } }), transport });
    const subscription = bus.subscribe({ topics });
    await publisher.subscribed();
    for (const topic of ["git.push", "git.push.x", "git", "koji.git", "x"]) await publisher.send(message(topic));
    expect((await collect(subscription, expected.length)).map(({ topic }) => topic)).toEqual(expected);
    expect(bus.counts.received).toBe(expected.length);
  });

  test("zmq_strict: a topic is one topic, not a pattern", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    const config = testConfig({ endpoints: { app: [address] }, zmq_strict: true });
    await using bus = await connect({ config, transport });
    const strict = bus.subscribe({ topics: ["git", "koji.*"] });
    const everything = bus.subscribe();
    await publisher.subscribed("x");
    for (const topic of ["git.push", "koji.1", "git", "koji.*"]) await publisher.send(message(topic));
    expect((await collect(strict, 2)).map(({ topic }) => topic)).toEqual(["git", "koji.*"]);
    expect(await collect(everything, 4)).toHaveLength(4);
  });

  test("with a signal that has fired gets nothing", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [, address] = await sockets.listening();
    await using bus = await connect({ config: testConfig({ endpoints: { app: [address] } }), transport });
    for await (const _ of bus.subscribe({ signal: AbortSignal.abort() })) expect.unreachable();
  });

  test("does not hang on to a signal that outlives it", async () => {
    const transport = createMemoryTransport();
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const bus = await connect({ config: testConfig(), transport, signal });
    for (let n = 0; n < 10; n++) await bus.subscribe({ signal }).close();
    expect(listeners).toBe(1);
    await bus.close();
    expect(listeners).toBe(0);
  });

  test("drained takes no more, and gives what it has received", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    // Each message fills the queue, so the rest of what was read at once waits behind the first.
    const config = testConfig({ endpoints: { app: [address] }, queueBytesMax: 1000 });
    await using bus = await connect({ config, transport });
    const subscription = bus.subscribe();
    await publisher.subscribed();
    const filler = `,"msg":"${"x".repeat(300)}"`;
    await Promise.all([1, 2, 3].map((n) => publisher.send(message(`t.${n}`, filler))));
    await eventually(() => bus.counts.received > 0, "something received");
    await withTimeout(bus.drain(), "the end");
    const got: string[] = [];
    for await (const { topic } of subscription) got.push(topic);
    expect(got).toHaveLength(bus.counts.received);
    expect(got).toEqual(["t.1", "t.2", "t.3"].slice(0, got.length));
  });

  test("may be one of many on a bus, each with everything", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    await using bus = await connect({ config: testConfig({ endpoints: { app: [address] } }), transport });
    const subscriptions = ["one", "two", "three"].map((own) => bus.subscribe({ topics: ["t", own] }));
    await Promise.all(["one", "two", "three"].map((own) => publisher.subscribed(own)));
    for (let n = 0; n < 5; n++) await publisher.send(message(`t.${n}`));
    for (const subscription of subscriptions) expect(await collect(subscription, 5)).toHaveLength(5);
    await subscriptions[0]?.close();
    await publisher.send(message("t.5"));
    expect((await take(subscriptions[1] as AsyncIterable<Received>)).topic).toBe("t.5");
  });
});

test("what one bus publishes another one hears", async () => {
  const transport = createMemoryTransport();
  await using publisher = await connect({
    name: "app",
    config: testConfig({ endpoints: { app: [anyAddress] } }),
    transport,
  });
  const endpoints = { app: [publisher.endpoint as string] };
  await using subscriber = await connect({ config: testConfig({ endpoints, mute: true }), transport });
  const subscription = subscriber.subscribe({ topics: ["org.fedoraproject.*.test.#"] });
  await publisher.subscribed("org.fedoraproject.dev.test.hello");
  const receipt = await publisher.publish({ topic: "hello", modname: "test", msg: { test: "Hello World" } });
  const { name, topic, message } = await take(subscription);
  expect({ name, topic }).toEqual({ name: "app", topic: receipt.topic });
  expect(message).toMatchObject({ ...receipt, msg: { test: "Hello World" } });
});
