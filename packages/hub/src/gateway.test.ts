import {
  anyAddress,
  codeOf,
  DnsServer,
  everyTransport,
  expectNoLeaks,
  Sockets,
  sayUntilHeard,
  srvRecord,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import type { StatusEvent } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import {
  askReplay,
  createMemoryJournal,
  createMemoryTransport,
  fetchInfo,
  fetchPages,
  startReplayServer,
} from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { startGateway, startRelay } from "./daemon.ts";

expectNoLeaks();

const portKey = "fedmsg.consumers.gateway.port";

describe.each(everyTransport)("a gateway over %s", (name, makeTransport) => {
  test("carries what everybody says, byte for byte, to whoever asks for it", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [one, oneAddress] = await sockets.listening();
    const [two, twoAddress] = await sockets.listening();
    const endpoints = { one: [oneAddress], two: [twoAddress], relay_inbound: [anyAddress] };
    await using gateway = await startGateway({ config: testConfig({ endpoints }), transport: sockets.transport });
    expect(gateway.inbound).toEqual([oneAddress, twoAddress]);
    const everything = sockets.inbox(gateway.outbound, { prefixes: ["", "every"] });
    const some = sockets.inbox(gateway.outbound, { prefixes: ["two"] });
    await Promise.all([one.subscribed(), two.subscribed(), gateway.subscribed("every")]);
    const body = ' {"topic" : "two", "a":1.0,"a":NaN,"é":"\\u00e9"} ';
    await sayUntilHeard(one, everything, "one");
    await sayUntilHeard(two, some, "two");
    await two.send(toFrames("two.last", body));
    const last = await lastOf(some);
    expect(last).toBe(body);
    expect(gateway.counts.refused).toEqual({});
    expect(gateway.counts.forwarded).toBeGreaterThanOrEqual(3);

    async function lastOf(inbox: typeof some): Promise<string> {
      for (;;) {
        const [topic, text] = (await inbox.next()).map(String);
        if (topic === "two.last") return text as string;
      }
    }
  });

  test("stands behind a relay, and refuses what is no message by who sent it", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { transport } = sockets;
    const [stranger, strangerAddress] = await sockets.listening();
    await using relay = await startRelay({
      config: testConfig({ endpoints: { relay_outbound: [anyAddress] } }),
      transport,
    });
    const events: StatusEvent[] = [];
    await using gateway = await startGateway({
      config: testConfig({ endpoints: { stranger: [strangerAddress], relay_outbound: [relay.outbound] } }),
      transport,
      onEvent: (event) => void events.push(event),
    });
    const inbox = sockets.inbox(gateway.outbound);
    await Promise.all([relay.subscribed(), stranger.subscribed(), gateway.subscribed()]);
    await stranger.send(toFrames("only a topic"));
    await stranger.send(toFrames("t", "[]"));
    const publisher = sockets.publisher({ awaitSubscriber: true });
    publisher.connect(relay.inbound[0] as string);
    await publisher.send(toFrames("through both", ' {"topic":"through both"} '));
    expect(await inbox.next()).toEqual(toFrames("through both", ' {"topic":"through both"} '));
    await stranger.send(toFrames("valid", '{"topic":"valid"}'));
    expect(await inbox.text()).toBe("valid");
    expect(gateway.counts).toEqual({ forwarded: 2, dropped: 0, refused: { "frame-count": 1, "not-an-object": 1 } });
    expect(events.filter(({ type }) => type === "invalid")).toMatchObject([
      { name: "stranger", endpoint: strangerAddress, reason: "frame-count" },
      { name: "stranger", endpoint: strangerAddress, reason: "not-an-object", topic: "t" },
    ]);
  });

  test("waits for services that are not there yet, and for names that do not resolve", async () => {
    await using sockets = new Sockets(await makeTransport());
    const address = await sockets.freeAddress();
    const config = testConfig({
      endpoints: { nowhere: ["tcp://no-such-host.invalid:1"], later: [address] },
      zmq_reconnect_ivl: 10,
    });
    await using gateway = await startGateway({ config, transport: sockets.transport });
    const inbox = sockets.inbox(gateway.outbound);
    await gateway.subscribed();
    const publisher = sockets.publisher();
    await publisher.bind(address);
    await withTimeout(publisher.subscribed(), "the gateway");
    await publisher.send(toFrames("t", "{}"));
    expect(await inbox.text()).toBe("t");
  });

  test("names its key where its port is in use, and the endpoint it cannot connect to", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [, used] = await sockets.listening();
    const port = Number(used.split(":").at(-1));
    const start = (overrides: ConfigInput) =>
      startGateway({ config: testConfig(overrides), transport: sockets.transport });
    const inUse = start({ [portKey]: port });
    expect(await codeOf(inUse)).toBe("FEDMSG_ADDRESS_IN_USE");
    await expect(inUse).rejects.toThrow(`${portKey} (from option): ${used} is in use`);
    const wrong = start({ endpoints: { "app.host01": ["tcp://127.0.0.1:1", "tcp://127.0.0.1:*"] } });
    expect(await codeOf(wrong)).toBe("FEDMSG_ADDRESS_INVALID");
    await expect(wrong).rejects.toThrow('endpoints["app.host01"][1] (from option): "tcp://127.0.0.1:*"');
  });

  test("drained forwards what has arrived, then lets go of its address", async () => {
    await using sockets = new Sockets(await makeTransport());
    const [publisher, address] = await sockets.listening({ stallMs: Number.POSITIVE_INFINITY });
    const gateway = await startGateway({
      config: testConfig({ endpoints: { a: [address] } }),
      transport: sockets.transport,
    });
    const inbox = sockets.inbox(gateway.outbound);
    await Promise.all([publisher.subscribed(), gateway.subscribed()]);
    const sent = Promise.all(Array.from({ length: 2000 }, (_, n) => publisher.send(toFrames("n", `{"n":${n}}`))));
    await inbox.take(10);
    await sent;
    await withTimeout(gateway.drain(), "drained");
    // Over a network, what was sent may still be under way.
    const { forwarded } = gateway.counts;
    if (name === "memory") expect(forwarded).toBe(2000);
    expect(await inbox.bodies(forwarded - 10)).toEqual(
      Array.from({ length: forwarded - 10 }, (_, n) => `{"n":${n + 10}}`),
    );
    await withTimeout(gateway.done, "the end");
    await gateway.close();
    await sockets.publisher().bind(gateway.outbound);
  });
});

test("a gateway that is listed among the services does not listen to itself", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const [publisher, address] = await sockets.listening();
  const own = ["tcp://127.0.0.1:9940", "tcp://localhost:9940"];
  const another = "tcp://192.0.2.1:9941";
  await using gateway = await startGateway({
    config: testConfig({ endpoints: { gateway: own, app: [address], another: [another] }, [portKey]: 9940 }),
    transport: sockets.transport,
  });
  expect(gateway.outbound).toBe("tcp://127.0.0.1:9940");
  expect(gateway.inbound).toEqual([address, another]);
  const inbox = sockets.inbox(gateway.outbound);
  await Promise.all([publisher.subscribed(), gateway.subscribed()]);
  for (const topic of ["one", "two"]) await publisher.send(toFrames(topic, "{}"));
  expect([await inbox.text(), await inbox.text()]).toEqual(["one", "two"]);
  expect(gateway.counts.forwarded).toBe(2);
});

test("follows a domain of srv_endpoints: connects to who is new there, and lets go of who is gone", async () => {
  await using dns = await DnsServer.start();
  await using sockets = new Sockets(createMemoryTransport());
  const [one, oneAddress] = await sockets.listening();
  const [two, twoAddress] = await sockets.listening();
  const name = "_fedmsg._tcp.bus.example";
  const point = (address: string) => {
    const [, target = "", port] = /^tcp:\/\/(.*):(.*)$/.exec(address) ?? [];
    return { answers: [srvRecord(name, { target, port: Number(port) }, 5)] }; // No shorter time is taken seriously.
  };
  dns.reply(name, point(oneAddress));
  const events: StatusEvent[] = [];
  const config = testConfig({ srv_endpoints: ["bus.example"], srv_servers: [dns.address] });
  const onEvent = (event: StatusEvent) => void events.push(event);
  await using gateway = await startGateway({ config, transport: sockets.transport, onEvent });
  const inbox = sockets.inbox(gateway.outbound);
  await withTimeout(one.subscribed(), "the first publisher is found");
  await sayUntilHeard(one, inbox, "one");
  dns.reply(name, point(twoAddress));
  await withTimeout(two.subscribed(), "the second publisher is found");
  await sayUntilHeard(two, inbox, "two");
  const changes = events.filter(({ type }) => type === "endpoints");
  expect(changes).toMatchObject([{ added: [oneAddress] }, { added: [twoAddress], removed: [oneAddress] }]);
});

describe("replay_upstream", () => {
  async function gatewayTo(replay_endpoints: Record<string, string>) {
    const endpoints: string[] = [];
    const onEvent = (event: StatusEvent) => event.type === "listening" && endpoints.push(event.endpoint);
    const config = testConfig({ replay_endpoints, replay_upstream: { bodhi: anyAddress } });
    const gateway = await startGateway({ config, onEvent });
    return { gateway, address: endpoints[0] as string };
  }

  test("passes on what a journal is asked, and what it answers", async () => {
    const journal = createMemoryJournal();
    for (const n of [1, 2, 3]) {
      await journal.append(() => ({ topic: "a", msgId: `2026-${n}`, body: Buffer.from(`{"n":${n}}`) }));
    }
    await using server = await startReplayServer({ journal, address: anyAddress });
    const { gateway, address } = await gatewayTo({ bodhi: server.address });
    expect(await fetchInfo(address)).toMatchObject({ journal: journal.info.uuid, head: 3 });
    for await (const { bodies } of fetchPages(address, { after: 1 })) {
      expect(bodies.map(String)).toEqual(['{"n":2}', '{"n":3}']);
    }
    expect(await askReplay(address, { seq_id: 9 })).toEqual({
      kind: "refusal",
      text: "There was no match for the given query",
    });
    await gateway.close();
    await journal.close();
  });

  test("says so where the journal does not answer, and where none is listed", async () => {
    const { gateway, address } = await gatewayTo({ bodhi: "tcp://127.0.0.1:1" });
    expect(await askReplay(address, { info: true }, { timeoutMs: 20_000 })).toEqual({
      kind: "refusal",
      text: "The journal cannot be read now; ask again later",
    });
    await gateway.close();
    expect(await codeOf(gatewayTo({}))).toBe("FEDMSG_NO_ENDPOINT");
  });
});
