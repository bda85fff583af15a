import {
  anyAddress,
  codeOf,
  collect,
  eventually,
  everyTransport,
  expectNoLeaks,
  Sockets,
  sayUntilHeard,
  settled,
  take,
  testConfig,
  toFrames,
  toTexts,
  withTimeout,
} from "@fedmsg/testkit";
import { connect, type StatusEvent } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import type { Frames, Transport } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { startRelay } from "./daemon.ts";

expectNoLeaks();

function relayConfig(overrides: ConfigInput = {}) {
  return testConfig({ endpoints: { relay_outbound: [anyAddress] }, ...overrides });
}

/** A relay, a publisher to it, and what comes out. */
async function openRelay(sockets: Sockets, overrides: ConfigInput = {}) {
  const events: StatusEvent[] = [];
  const relay = await startRelay({
    config: relayConfig(overrides),
    transport: sockets.transport,
    onEvent: (event) => void events.push(event),
  });
  const inbox = sockets.inbox(relay.outbound);
  await relay.subscribed();
  const publisher = sockets.publisher({ awaitSubscriber: true, stallMs: Number.POSITIVE_INFINITY });
  publisher.connect(relay.inbound[0] as string);
  return { relay, inbox, publisher, events };
}

describe.each(everyTransport)("a relay over %s", (name, makeTransport) => {
  test("forwards a message byte for byte", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { relay, inbox, publisher } = await openRelay(sockets);
    await using _ = relay;
    const bodies = [
      '{"topic":"t"}',
      ' {\n"topic" :\t"t" , "a" : 1.0 , "a" : 1e-07 } \r\n',
      '{"topic":"t","msg":[NaN,Infinity,-0.0,12345678901234567890]}',
      '{"topic":"tést","msg":"日本語 👩‍🚀 \u2028 \\u00e9"}',
      '{"topic":"another","msg":"not ours to judge"}',
      "{this only looks like an object}",
      `{"topic":"t","msg":"${"x".repeat(1_000_000)}"}`,
    ];
    for (const body of bodies) await publisher.send(toFrames("tést", body));
    for (const body of bodies) expect(toTexts(await inbox.next())).toEqual(["tést", body]);
    for (const body of bodies) await publisher.send(toFrames("tést", body)); // The same again is not the same message.
    expect(await inbox.bodies(bodies.length)).toEqual(bodies);
    expect(relay.counts).toEqual({ forwarded: 2 * bodies.length, dropped: 0, refused: {} });
  });

  test("refuses what is no message, by its reason, and forwards the next", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { relay, inbox, publisher, events } = await openRelay(sockets, { bodyBytesMax: 2000 });
    await using _ = relay;
    const refused: [reason: string, topic: string, frames: Frames][] = [
      ["frame-count", "", toFrames("t")],
      ["frame-count", "", toFrames("t", '{"topic":"t"}', "")],
      ["bad-utf8", "", [Buffer.from([0xff]), Buffer.from("{}")]],
      ["bad-utf8", "t", [Buffer.from("t"), Buffer.from([0x7b, 0xff, 0x7d])]],
      ["no-topic", "", toFrames("", '{"topic":""}')],
      ["body-too-large", "t", toFrames("t", `{"msg":"${"x".repeat(2000)}"}`)],
      ["topic-too-large", "", toFrames("t".repeat(5000), "{}")],
      ["not-an-object", "t", toFrames("t", "")],
      ["not-an-object", "t", toFrames("t", "  ")],
      ["not-an-object", "t", toFrames("t", "[{}]")],
      ["not-an-object", "t", toFrames("t", '{"topic":"t"')],
      ["not-an-object", "t", toFrames("t", "{")],
      ["not-an-object", "t", toFrames("t", "null")],
    ];
    const counts: Record<string, number> = {};
    for (const [n, [reason, topic, frames]] of refused.entries()) {
      await publisher.send(frames);
      await publisher.send(toFrames("t", `{"topic":"t","n":${n}}`));
      expect(await inbox.bodies(1), `behind ${reason}`).toEqual([`{"topic":"t","n":${n}}`]);
      counts[reason] = (counts[reason] ?? 0) + 1;
      expect(relay.counts).toMatchObject({ forwarded: n + 1, refused: counts });
      expect(events.filter(({ type }) => type === "invalid").at(-1)).toMatchObject({
        name: "relay_inbound",
        endpoint: relay.inbound[0],
        reason,
        topic,
      });
    }
  });

  test("listens on each address of relay_inbound, which may be a text, and on the first free outbound one", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [, used] = await sockets.listening();
    const config = relayConfig({
      relay_inbound: [anyAddress, anyAddress],
      endpoints: { relay_outbound: [used, anyAddress] },
    });
    await using relay = await startRelay({ config, transport: sockets.transport });
    expect(relay.inbound).toHaveLength(2);
    expect(relay.outbound).not.toBe(used);
    const inbox = sockets.inbox(relay.outbound);
    await relay.subscribed();
    for (const address of relay.inbound) {
      const publisher = sockets.publisher({ awaitSubscriber: true });
      publisher.connect(address);
      await publisher.send(toFrames(address, '{"topic":"t"}'));
      expect(await inbox.text()).toBe(address);
    }
    await using single = await startRelay({
      config: relayConfig({ relay_inbound: anyAddress }),
      transport: sockets.transport,
    });
    expect(single.inbound).toHaveLength(1);
  });

  test("names the key of an address that is in use, and where it was given, and lets go of the others", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [, used] = await sockets.listening();
    const free = await sockets.freeAddress();
    const start = (overrides: ConfigInput) =>
      startRelay({ config: relayConfig(overrides), transport: sockets.transport });
    const inbound = start({ relay_inbound: [free, used] });
    expect(await codeOf(inbound)).toBe("FEDMSG_ADDRESS_IN_USE");
    await expect(inbound).rejects.toThrow(`relay_inbound[1] (from option): ${used} is in use`);
    const outbound = start({ endpoints: { relay_outbound: [used] }, relay_inbound: [free] });
    expect(await codeOf(outbound)).toBe("FEDMSG_ADDRESS_IN_USE");
    await expect(outbound).rejects.toThrow(`endpoints.relay_outbound[0] (from option): ${used} is in use`);
    const foreign = start({ relay_inbound: ["tcp://192.0.2.1:2003"] });
    expect(await codeOf(foreign)).toBe("FEDMSG_TRANSPORT");
    await expect(foreign).rejects.toThrow("relay_inbound[0] (from option): cannot listen on tcp://192.0.2.1:2003");
    expect(await codeOf(start({ relay_inbound: [] }))).toBe("FEDMSG_NO_ENDPOINT");
    expect(await codeOf(start({ endpoints: {} }))).toBe("FEDMSG_NO_ENDPOINT");
    await using relay = await start({ relay_inbound: [free] });
    expect(relay.inbound).toEqual([free]);
  });

  test("drained forwards what has arrived, then lets go of its addresses", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { relay, inbox, publisher } = await openRelay(sockets);
    const sent = Promise.all(Array.from({ length: 3000 }, (_, n) => publisher.send(toFrames("n", `{"n":${n}}`))));
    await inbox.take(10);
    await withTimeout(sent, "all sent");
    await withTimeout(Promise.all([relay.drain(), relay.drain()]), "drained");
    // Over a network, what was sent may still be under way.
    const { forwarded } = relay.counts;
    if (name === "memory") expect(forwarded).toBe(3000);
    expect(await inbox.bodies(forwarded - 10)).toEqual(
      Array.from({ length: forwarded - 10 }, (_, n) => `{"n":${n + 10}}`),
    );
    await withTimeout(relay.done, "the end");
    await Promise.all([relay.close(), relay.drain(), relay[Symbol.asyncDispose]()]);
    const again = sockets.publisher();
    await again.bind(relay.outbound);
    await again.bind(relay.inbound[0] as string);
  });

  test("closed ends at once, even while it waits for a full subscriber", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { relay, publisher } = await openRelay(sockets, {
      high_water_mark: 10,
      queueBytesMax: 1000,
      zmq_linger: 0,
    });
    let sent = 0;
    const filler = "x".repeat(100_000);
    const all = Array.from({ length: 600 }, () =>
      publisher.send(toFrames("n", `{"f":"${filler}"}`)).then(
        () => sent++,
        () => {},
      ),
    );
    await settled(() => sent);
    await withTimeout(relay.close(), "the end", 2000);
    await withTimeout(relay.done, "done");
    await publisher.close();
    await Promise.all(all);
  });

  test("tells who connects, and what a subscriber lost that does not keep up", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { relay, inbox, publisher, events } = await openRelay(sockets, {
      high_water_mark: 10,
      queueBytesMax: 500_000,
    });
    await publisher.send(toFrames("t", "{}"));
    expect(events).toContainEqual({ type: "connected", name: "relay_inbound", endpoint: relay.inbound[0] });
    await inbox.next();
    const filler = "x".repeat(100_000);
    const full = sockets.inbox(relay.outbound, { highWaterMark: 10, queueBytesMax: 500_000, prefixes: ["n", "full"] });
    await withTimeout(relay.subscribed("full"), "the second subscriber");
    for (let n = 0; n < 400 && relay.counts.dropped === 0; n++) {
      await withTimeout(publisher.send(toFrames("n", `{"n":${n},"f":"${filler}"}`)), "sending");
      await inbox.next();
    }
    expect(relay.counts.dropped).toBeGreaterThan(0);
    await full.socket.close();
    await relay.drain();
    const dropped = events.flatMap((event) => (event.type === "dropped" ? [event] : []));
    expect(dropped[0]).toMatchObject({ name: "relay_outbound", endpoint: relay.outbound });
    expect(dropped.reduce((sum, { count }) => sum + count, 0)).toBe(relay.counts.dropped);
  });
});

describe.each(everyTransport)("an active bus and a relay over %s", (_, makeTransport) => {
  const active = (relays: readonly string[], overrides: ConfigInput = {}) =>
    testConfig({ active: true, relay_inbound: relays, zmq_reconnect_ivl: 10, ...overrides });

  test("a message goes through, and nothing is lost at full speed", async () => {
    const transport: Transport = await makeTransport();
    await using relay = await startRelay({ config: relayConfig(), transport });
    await using bus = await connect({
      config: active(relay.inbound, { topic_prefix: "com.example", endpoints: { r: [relay.outbound] } }),
      transport,
    });
    const subscription = bus.subscribe({ topics: ["com.example.#"] });
    await withTimeout(relay.subscribed("com.example"), "the subscription");
    const published = Promise.all(
      Array.from({ length: 20_000 }, (_, n) => bus.publish({ topic: "n", modname: "m", msg: { n } })),
    );
    const received = await collect(subscription, 20_000);
    expect(received.map(({ message }) => message.i)).toEqual(Array.from({ length: 20_000 }, (_, n) => n + 1));
    await published;
    expect(relay.counts).toMatchObject({ forwarded: 20_000, dropped: 0, refused: {} });
    await subscription.close();
  });

  test("the bus waits for a relay that starts later", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const address = await sockets.freeAddress();
    await using bus = await connect({ config: active([address]), transport });
    const waiting = take(bus.status());
    const published = bus.publish({ topic: "t", modname: "m", msg: { a: 1 } });
    expect(await waiting).toMatchObject({ type: "waiting", endpoint: address });
    await using relay = await startRelay({ config: relayConfig({ relay_inbound: [address] }), transport });
    await withTimeout(published, "the message");
    await withTimeout(bus.subscribed(), "the relay");
    expect(relay.inbound).toEqual([address]);
  });

  test("the bus goes on to the second relay where the first is absent", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const absent = await sockets.freeAddress();
    await using relay = await startRelay({ config: relayConfig(), transport });
    const [present] = relay.inbound as [string];
    const inbox = sockets.inbox(relay.outbound);
    await relay.subscribed();
    await using bus = await connect({ config: active([absent, present]), transport });
    await withTimeout(bus.publish({ topic: "t", modname: "m", msg: {} }), "the message");
    expect(bus.endpoint).toBe(present);
    expect(await inbox.text()).toBe("org.fedoraproject.dev.m.t");
  });

  test("the bus goes on to the second relay when the first goes away, and loses nothing", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const first = await startRelay({ config: relayConfig(), transport });
    await using second = await startRelay({ config: relayConfig(), transport });
    const inbox = sockets.inbox(second.outbound);
    await second.subscribed();
    await using bus = await connect({ config: active([...first.inbound, ...second.inbound]), transport });
    await withTimeout(bus.publish({ topic: "t", modname: "m", msg: {} }), "the first message");
    await first.drain();
    expect(first.counts.forwarded).toBe(1);
    const isGone = () => codeOf(bus.subscribed(undefined, AbortSignal.timeout(5))).catch(() => "");
    await eventually(async () => (await isGone()) !== "", "the bus sees it");
    const published = Promise.all(Array.from({ length: 1500 }, () => bus.publish({ topic: "t", modname: "m" })));
    const bodies = await inbox.bodies(1500);
    expect(bodies.map((body) => JSON.parse(body).i)).toEqual(Array.from({ length: 1500 }, (_, n) => n + 2));
    await published;
    expect(bus.endpoint).toBe(second.inbound[0]);
  });

  test("a relay that was started again goes on, with the same bus", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const first = await startRelay({ config: relayConfig(), transport });
    const config = relayConfig({ relay_inbound: first.inbound, endpoints: { relay_outbound: [first.outbound] } });
    const publisher = sockets.publisher({ awaitSubscriber: true, reconnectMs: 10 });
    publisher.connect(first.inbound[0] as string);
    const inbox = sockets.inbox(first.outbound, { reconnectMs: 10 });
    await first.subscribed();
    await sayUntilHeard(publisher, inbox, "one");
    await first.drain();
    await using second = await startRelay({ config, transport });
    expect(second.inbound).toEqual(first.inbound);
    await sayUntilHeard(publisher, inbox, "two");
  });
});
