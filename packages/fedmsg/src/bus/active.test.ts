/** Publishing through a relay, with a bare socket in its place; `packages/hub` has the same with real relays. */

import {
  codeOf,
  collect,
  eventually,
  everyTransport,
  expectNoLeaks,
  Inbox,
  Sockets,
  take,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { ConfigInput } from "../config/index.ts";
import type { Transport } from "../transport/transport.ts";
import { connect } from "./bus.ts";

expectNoLeaks();

function connectActive(transport: Transport, relays: readonly string[], overrides: ConfigInput = {}) {
  const config = testConfig({ active: true, relay_inbound: relays, zmq_reconnect_ivl: 10, ...overrides });
  return connect({ name: "app", config, transport });
}

/** What a relay listens with. */
async function listenAsRelay(sockets: Sockets, address: string): Promise<Inbox> {
  const inbox = new Inbox(sockets.subscriber());
  inbox.socket.subscribe("");
  await inbox.socket.bind(address);
  return inbox;
}

describe.each(everyTransport)("an active bus over %s", (_, makeTransport) => {
  test("publishes through the relay, whatever is listed for its name", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [inbox, address] = await sockets.boundInbox();
    const body = inbox.bodies(1);
    await using bus = await connectActive(sockets.transport, [address], { endpoints: { app: ["tcp://127.0.0.1:1"] } });
    expect(bus.endpoint).toBe(address);
    const receipt = await withTimeout(bus.publish({ topic: "t", modname: "m", msg: { a: 1 } }), "the message");
    expect(JSON.parse((await body)[0] as string)).toMatchObject({ topic: receipt.topic, msg: { a: 1 }, i: 1 });
  });

  test("waits for a relay that starts later, says so, and loses nothing", async () => {
    await using sockets = new Sockets(await makeTransport());
    const address = await sockets.freeAddress();
    await using bus = await connectActive(sockets.transport, [address]);
    const events = bus.status();
    const published = Promise.all(Array.from({ length: 1200 }, (_, n) => bus.publish({ topic: "n", msg: { n } })));
    const waiting = await take(events);
    expect(waiting).toMatchObject({ type: "waiting", name: "app", endpoint: address });
    expect(waiting.type === "waiting" && waiting.ms).toBeGreaterThanOrEqual(1000);
    const inbox = await listenAsRelay(sockets, address);
    const bodies = await inbox.bodies(1200);
    expect(bodies.map((body) => JSON.parse(body).i)).toEqual(Array.from({ length: 1200 }, (_, n) => n + 1));
    await withTimeout(published, "all messages");
    expect(bus.counts).toMatchObject({ published: 1200, dropped: 0 });
  });

  test("gives a message up after publish_timeout; later ones are sent", async () => {
    await using sockets = new Sockets(await makeTransport());
    const address = await sockets.freeAddress();
    await using bus = await connectActive(sockets.transport, [address], { publish_timeout: 0.3 });
    const refused = bus.publish({ topic: "late", msg: {} });
    expect(await codeOf(refused)).toBe("FEDMSG_TIMEOUT");
    await expect(refused).rejects.toThrow("within 0.3 s (publish_timeout): the relay did not appear");
    const inbox = await listenAsRelay(sockets, address);
    const body = inbox.bodies(1);
    await withTimeout(bus.subscribed(), "the relay");
    await bus.publish({ topic: "in time", modname: "m", msg: {} });
    expect(JSON.parse((await body)[0] as string).topic).toBe("org.fedoraproject.dev.m.in time");
    expect(bus.counts.published).toBe(1);
  });

  test("goes on to the next relay of the list where one is not there, and says everything once", async () => {
    await using sockets = new Sockets(await makeTransport());
    const absent = await sockets.freeAddress();
    const [inbox, present] = await sockets.boundInbox();
    const bodies = inbox.bodies(10);
    await using bus = await connectActive(sockets.transport, [absent, present]);
    const events = bus.status();
    expect(bus.endpoint).toBe(absent);
    const published = Promise.all(Array.from({ length: 10 }, (_, n) => bus.publish({ topic: "n", msg: { n } })));
    await withTimeout(published, "all messages");
    expect(bus.endpoint).toBe(present);
    expect((await bodies).map((body) => JSON.parse(body).i)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await take(events)).toMatchObject({ type: "waiting", endpoint: absent });
  });

  test("comes back to the first relay when the second is not there either", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [first, second] = [await sockets.freeAddress(), await sockets.freeAddress()];
    await using bus = await connectActive(sockets.transport, [first, second]);
    const events = bus.status();
    const published = bus.publish({ topic: "t", msg: {} });
    const told = await collect(events, 2);
    expect(told).toMatchObject([
      { type: "waiting", endpoint: first },
      { type: "waiting", endpoint: second },
    ]);
    const inbox = await listenAsRelay(sockets, first);
    const body = inbox.bodies(1);
    await withTimeout(published, "the message");
    expect(bus.endpoint).toBe(first);
    await body;
  });

  test("is held up by a relay that does not read, instead of losing messages", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [inbox, address] = await sockets.boundInbox({ highWaterMark: 10 });
    const filler = "x".repeat(100_000);
    await using bus = await connectActive(sockets.transport, [address], { high_water_mark: 10, publish_timeout: 60 });
    const first = inbox.bodies(1);
    await withTimeout(bus.publish({ topic: "n", msg: { n: 0, filler } }), "the first message");
    await first;
    const all = Promise.all(
      Array.from({ length: 300 }, (_, n) => bus.publish({ topic: "n", msg: { n: n + 1, filler } })),
    );
    let last = -1;
    await eventually(() => {
      const isStill = bus.counts.published === last;
      last = bus.counts.published;
      return isStill && last > 1;
    }, "held up");
    expect(bus.counts.published).toBeLessThan(301);
    const bodies = await inbox.bodies(300);
    expect(bodies.map((body) => JSON.parse(body).msg.n)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
    await withTimeout(all, "all messages");
    expect(bus.counts).toMatchObject({ published: 301, dropped: 0 });
  });
});
