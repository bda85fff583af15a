import {
  anyAddress,
  codeOf,
  eventually,
  everyTransport,
  expectNoLeaks,
  Sockets,
  take,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { createMemoryTransport } from "../transport/memory/index.ts";
import { type Bus, connect } from "./bus.ts";
import { StatusEvents } from "./status.ts";

expectNoLeaks();

const config = testConfig({ endpoints: { app: [anyAddress] } });

async function expectClosed(bus: Bus): Promise<void> {
  await withTimeout(bus.closed, "closed");
  expect(await codeOf(bus.publish({ topic: "t", msg: {} }))).toBe("FEDMSG_CLOSED");
  expect(await codeOf(bus.subscribed())).toBe("FEDMSG_CLOSED");
  expect(() => bus.subscribe()).toThrow(expect.objectContaining({ code: "FEDMSG_CLOSED" }));
  expect(await bus.status().next()).toMatchObject({ done: bus.endpoint === undefined });
}

describe.each(everyTransport)("the end of a bus over %s", (_, makeTransport) => {
  test("drain() and close() may be called as often and in any order; then it is closed", async () => {
    for (const order of [["drain"], ["close"], ["drain", "close"], ["close", "drain"]] as const) {
      const bus = await connect({ name: "app", config, transport: await makeTransport() });
      bus.subscribe();
      const ends = [...order, ...order].map((end) => bus[end]());
      await withTimeout(Promise.all(ends), order.join());
      await expectClosed(bus);
      await Promise.all([bus.drain(), bus.close(), bus[Symbol.asyncDispose]()]);
    }
  });

  test("drain() sends what was accepted", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const bus = await connect({ name: "app", config, transport });
    const inbox = sockets.inbox(bus.endpoint as string);
    await bus.subscribed();
    const published = Promise.all(Array.from({ length: 3000 }, (_, n) => bus.publish({ topic: "n", msg: { n } })));
    const drained = bus.drain();
    const bodies = await inbox.bodies(3000);
    expect(bodies.map((body) => JSON.parse(body).msg.n)).toEqual(Array.from({ length: 3000 }, (_, n) => n));
    await withTimeout(Promise.all([published, drained]), "the end");
  });

  test("leaving an `await using` block drains", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const address = await sockets.freeAddress();
    const inbox = sockets.inbox(address, { reconnectMs: 10 });
    const message = inbox.bodies(1);
    {
      const held = testConfig({ endpoints: { app: [address] }, post_init_sleep: 0.5 });
      await using bus = await connect({ name: "app", config: held, transport });
      await bus.publish({ topic: "t", msg: { kept: true } });
    }
    expect(JSON.parse((await message)[0] as string).msg).toEqual({ kept: true });
  });

  test("close() rejects what waits for a relay, also while it drains", async () => {
    const transport = await makeTransport();
    const relay = await new Sockets(transport).freeAddress();
    for (const isDraining of [false, true]) {
      const bus = await connect({ config: testConfig({ active: true, relay_inbound: [relay] }), transport });
      const waiting = codeOf(bus.publish({ topic: "t", msg: {} }));
      const drained = isDraining ? bus.drain() : undefined;
      await eventually(() => bus.endpoint === relay, "the relay is asked for");
      await withTimeout(bus.close(), "the end");
      expect(await waiting).toBe("FEDMSG_CLOSED");
      await drained;
      await withTimeout(bus.closed, "closed");
    }
  });
});

describe("status()", () => {
  test("may be asked by any number, each of whom hears everything and may stop", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    const bus = await connect({ config: testConfig({ endpoints: { app: [address] } }), transport });
    const listeners = [bus.status(), bus.status(), bus.status()];
    const subscription = bus.subscribe();
    for (const listener of listeners) {
      expect(await take(listener)).toEqual({ type: "connected", name: "app", endpoint: address });
    }
    expect(await listeners[0]?.return?.()).toEqual({ done: true, value: undefined });
    await publisher.subscribed();
    await publisher.send(toFrames("t"));
    await publisher.send(toFrames("t", '{"topic":"t"}'));
    await take(subscription);
    await bus.close();
    const types: string[] = [];
    for await (const { type } of listeners[1] as AsyncIterable<{ type: string }>) types.push(type);
    expect(types).toEqual(["invalid", "disconnected"]);
    expect(await listeners[0]?.next()).toEqual({ done: true, value: undefined });
  });

  test("a listener that does not listen loses the oldest events beyond 1,000", async () => {
    const events = new StatusEvents();
    const idle = events.listen();
    for (let ms = 0; ms < 5000; ms++) events.emit({ type: "waiting", name: "app", endpoint: "tcp://a:1", ms });
    events.end();
    const told: unknown[] = [];
    for await (const event of idle) told.push(event.type === "waiting" && event.ms);
    expect(told).toEqual(Array.from({ length: 1000 }, (_, n) => 4000 + n));
  });

  test("answers everybody who waits, in turn, and at the end", async () => {
    const events = new StatusEvents();
    const listener = events.listen();
    const waiting = [listener.next(), listener.next(), listener.next()];
    events.emit({ type: "dropped", name: "a", endpoint: "e", count: 1 });
    events.emit({ type: "dropped", name: "a", endpoint: "e", count: 2 });
    events.end();
    const answers = await withTimeout(Promise.all(waiting), "all answers");
    expect(answers.map(({ value }) => (value?.type === "dropped" ? value.count : undefined))).toEqual([
      1,
      2,
      undefined,
    ]);
    expect(await events.listen().next()).toMatchObject({ done: true });
  });

  test("tells whoever listens later what was announced", async () => {
    const events = new StatusEvents();
    const listening = { type: "listening", name: "a", endpoint: "e" } as const;
    events.announce(listening);
    events.emit({ type: "dropped", name: "a", endpoint: "e", count: 1 });
    events.end();
    expect(await take(events.listen())).toEqual(listening);
  });
});
