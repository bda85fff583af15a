import {
  DnsServer,
  eventually,
  everyTransport,
  expectNoLeaks,
  Sockets,
  srvRecord,
  take,
  takeUntil,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { Config, ConfigInput } from "../config/index.ts";
import { createMemoryTransport } from "../transport/memory/index.ts";
import type { Publisher, Transport } from "../transport/transport.ts";
import { type Bus, openBus } from "./bus.ts";
import type { StatusEvent } from "./status.ts";

expectNoLeaks();

const domain = "example.com";
const name = `_fedmsg._tcp.${domain}`;

/** A DNS server that lists these addresses. */
async function startDns(...addresses: readonly string[]): Promise<DnsServer> {
  const server = await DnsServer.start();
  list(server, ...addresses);
  return server;
}

function list(server: DnsServer, ...addresses: readonly string[]): void {
  const answers = addresses.map((address) => {
    const [, target = "", port] = /^tcp:\/\/(.*):(.*)$/.exec(address) ?? [];
    return srvRecord(name, { target, port: Number(port) }, 0);
  });
  server.reply(name, { answers });
}

/** A bus that asks this server every 20 ms. */
function open(server: DnsServer, transport: Transport, keys: ConfigInput = {}): Promise<Bus> {
  const config = testConfig({ srv_endpoints: [domain], srv_servers: [server.address], ...keys });
  return openBus({ config, transport }, "test", { ttlMinSeconds: 0.02, tryMs: 300 });
}

function message(topic: string): readonly Uint8Array[] {
  return toFrames(topic, JSON.stringify({ topic }));
}

type EventOf<Type extends StatusEvent["type"]> = Extract<StatusEvent, { type: Type }>;
const isOf =
  <Type extends StatusEvent["type"]>(type: Type) =>
  (event: StatusEvent): event is EventOf<Type> =>
    event.type === type;

async function connected(publisher: Publisher): Promise<void> {
  await withTimeout(publisher.subscribed(), "the subscription");
}

async function deserted(publisher: Publisher): Promise<void> {
  const isDeserted = () =>
    publisher.subscribed(undefined, AbortSignal.timeout(3)).then(
      () => false,
      () => true,
    );
  await eventually(isDeserted, "nobody subscribes");
}

describe.each(everyTransport)("srv_endpoints over %s", (kind, makeTransport) => {
  /** As a record names it; the memory transport takes a name only for itself. */
  const named = (address: string) => (kind === "memory" ? address : address.replace("127.0.0.1", "localhost"));

  test("a subscription hears whom the records list, and follows them", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const [one, oneAddress] = await sockets.listening();
    const [two, twoAddress] = await sockets.listening();
    await using dns = await startDns(named(oneAddress));
    await using bus = await open(dns, transport);
    const events = bus.status();
    const subscription = bus.subscribe();
    await connected(one);
    const added = { type: "endpoints", name: domain, added: [named(oneAddress)], removed: [] };
    expect(await takeUntil(events, isOf("endpoints"))).toEqual(added);
    await one.send(message("t.1"));
    expect(await take(subscription)).toMatchObject({ name: domain, endpoint: named(oneAddress), topic: "t.1" });

    list(dns, named(twoAddress));
    await connected(two);
    const changed = { type: "endpoints", name: domain, added: [named(twoAddress)], removed: [named(oneAddress)] };
    expect(await takeUntil(events, isOf("endpoints"))).toEqual(changed);
    await two.send(message("t.2"));
    expect(await take(subscription)).toMatchObject({ name: domain, endpoint: named(twoAddress), topic: "t.2" });
    await deserted(one);

    list(dns, named(twoAddress), named(oneAddress));
    await connected(one);
    await one.send(message("t.3"));
    expect(await take(subscription)).toMatchObject({ endpoint: named(oneAddress), topic: "t.3" });
  });

  test("what an address sent before it was taken out is read, in order, by a slow reader, too", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    await using dns = await startDns(named(address));
    await using bus = await open(dns, transport);
    const events = bus.status();
    const subscription = bus.subscribe();
    await connected(publisher);
    await takeUntil(events, isOf("endpoints"));
    const topics = Array.from({ length: 3000 }, (_, n) => `t.${n}`);
    await Promise.all(topics.map((topic) => publisher.send(message(topic))));
    await eventually(() => bus.counts.received === 1024, "as many as may wait for the reader");
    list(dns, "tcp://localhost:1");
    expect(await takeUntil(events, isOf("endpoints"))).toMatchObject({ removed: [named(address)] });
    await dns.asked(dns.queries.length + 10); // For longer than a source may be silent that is left.
    const got: string[] = [];
    for (const _ of topics) got.push((await take(subscription)).topic);
    expect(got).toEqual(topics);
    await deserted(publisher);
  });
});

describe("a bus with srv_endpoints", () => {
  test("is open before the DNS was asked, and does not ask for those who only publish", async () => {
    const transport = createMemoryTransport();
    await using dns = await startDns();
    const endpoints = { app: ["tcp://127.0.0.1:*"] };
    await using sockets = new Sockets(transport);
    const config: Config = testConfig({ endpoints, srv_endpoints: [domain], srv_servers: [dns.address] });
    await using bus = await openBus({ name: "app", config, transport }, "test");
    const inbox = sockets.inbox(bus.endpoint as string);
    await bus.subscribed();
    await bus.publish({ topic: "t", msg: {} });
    await inbox.next();
    expect(dns.queries).toEqual([]);
  });

  test("uses what the configuration lists until the DNS says otherwise, and warns once while it cannot say", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [listed, listedAddress] = await sockets.listening();
    const [found, foundAddress] = await sockets.listening();
    await using dns = await startDns();
    dns.reply(name, { rcode: 2 });
    await using bus = await open(dns, transport, { endpoints: { [domain]: [listedAddress] } });
    const events = bus.status();
    bus.subscribe();
    await connected(listed);
    const warning = { type: "warning", name: domain, detail: expect.stringContaining("SERVFAIL") };
    expect(await takeUntil(events, isOf("warning"))).toEqual(warning);
    await dns.asked(dns.queries.length + 4);
    list(dns, foundAddress);
    await connected(found);
    const told = await takeUntil(events, (event): event is StatusEvent => event.type !== "connected");
    expect(told).toEqual({ type: "endpoints", name: domain, added: [foundAddress], removed: [listedAddress] });
    await deserted(listed);
  });

  test("says nothing where the DNS agrees with the configuration", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    await using dns = await startDns(address);
    const bus = await open(dns, transport, { endpoints: { [domain]: [address] } });
    const events = bus.status();
    bus.subscribe();
    await connected(publisher);
    await dns.asked(3);
    await bus.close();
    const told: string[] = [];
    for await (const { type } of events) told.push(type);
    expect(told).toEqual(["connected", "disconnected"]);
  });

  test("asks once for all subscriptions, and stops with the last; a new one begins with what is known", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    await using dns = await startDns(address);
    await using bus = await open(dns, transport);
    const subscriptions = [bus.subscribe(), bus.subscribe({ topics: ["second"] })];
    await withTimeout(publisher.subscribed("second"), "the subscriptions");
    await subscriptions[0]?.close();
    await dns.asked(dns.queries.length + 2);
    await subscriptions[1]?.close();
    const asked = dns.queries.length;
    dns.reply(name, { silent: true });
    bus.subscribe();
    await connected(publisher);
    expect(dns.queries.length).toBeLessThanOrEqual(asked + 1);
  });

  test("goes back to an address that is listed again while it is being left", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    await using dns = await startDns(address);
    await using bus = await open(dns, transport);
    const events = bus.status();
    const subscription = bus.subscribe();
    await connected(publisher);
    await takeUntil(events, isOf("endpoints"));
    for (let n = 0; n < 5; n++) {
      dns.reply(name, { answers: [srvRecord(name, { target: ".", port: 0 }, 0)] });
      expect(await takeUntil(events, isOf("endpoints"))).toMatchObject({ added: [], removed: [address] });
      list(dns, address);
      expect(await takeUntil(events, isOf("endpoints"))).toMatchObject({ added: [address], removed: [] });
      await connected(publisher);
      await publisher.send(message(`t.${n}`));
      expect((await take(subscription)).topic).toBe(`t.${n}`);
    }
  });

  test("passive: listens on what the records list; what cannot be listened on is told", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const free = await sockets.freeAddress();
    const [, used] = await sockets.listening();
    await using dns = await startDns(used, free);
    await using bus = await open(dns, transport);
    const events = bus.status();
    const subscription = bus.subscribe({ passive: true });
    const told = [await takeUntil(events, isNews), await takeUntil(events, isNews)];
    const listening = { type: "listening", name: domain, endpoint: free };
    const refused = { type: "warning", name: domain, detail: expect.stringContaining(used) };
    expect(told).toEqual(expect.arrayContaining([listening, refused]));
    const publisher = sockets.publisher({ awaitSubscriber: true });
    publisher.connect(free);
    await publisher.send(message("t"));
    expect(await take(subscription)).toMatchObject({ name: domain, topic: "t" });
  });

  test("keeps the process alive while a subscription waits for an answer", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
    await using dns = await startDns();
    dns.reply(name, { rcode: 2 });
    await using bus = await open(dns, createMemoryTransport());
    const told: StatusEvent[] = [];
    const before = timers();
    bus.subscribe();
    for await (const event of bus.status()) {
      told.push(event);
      if (event.type === "warning") break;
    }
    expect(timers()).toBe(before + 1);
    expect(told).toHaveLength(1);
  });

  test("closes while the DNS is silent", async () => {
    await using dns = await startDns();
    dns.reply(name, { silent: true });
    const bus = await open(dns, createMemoryTransport());
    bus.subscribe();
    await dns.asked(1);
    await withTimeout(bus.close(), "the end", 1000);
  });
});

function isNews(event: StatusEvent): event is EventOf<"listening"> | EventOf<"warning"> {
  return event.type === "listening" || event.type === "warning";
}
