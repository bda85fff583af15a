/** Relays with a journal. */

import {
  anyAddress,
  eventually,
  everyTransport,
  expectNoLeaks,
  type Inbox,
  Sockets,
  signedConfig,
  tempFolder,
  testConfig,
  toFrames,
  toTexts,
  withTimeout,
} from "@fedmsg/testkit";
import { FedmsgError, type StatusEvent } from "fedmsg";
import type { Config, ConfigInput } from "fedmsg/config";
import { createValidator, messageKey } from "fedmsg/crypto";
import {
  createMemoryJournal,
  createMemoryTransport,
  createTransport,
  type FetchedPage,
  type Frames,
  fetchPages,
  heartbeatPrefix,
  type Journal,
  JournalledPublisher,
  type NewEntry,
} from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { startForwarding } from "../test/forwarding-hub.ts";
import { startGateway, startRelay, startSigningRelay } from "./daemon.ts";
import { KeepingOutput } from "./keeping.ts";

expectNoLeaks();

/** The keys of a relay with a journal that can be asked. */
function keptKeys(): ConfigInput {
  return {
    endpoints: { relay_outbound: [anyAddress] },
    persistent_store: `sqlite:${tempFolder()}/{name}.db`,
    replay_endpoints: { relay_outbound: anyAddress },
  };
}

async function firstPage(address: string): Promise<FetchedPage> {
  for await (const page of fetchPages(address, { after: 0 })) return page;
  throw new Error("there is always one");
}

/** A relay, somebody who speaks through it, and somebody who hears what comes out. */
async function open(sockets: Sockets, config: Config, start = startRelay) {
  const events: StatusEvent[] = [];
  const relay = await start({ config, transport: sockets.transport, onEvent: (event) => void events.push(event) });
  const inbox = sockets.inbox(relay.outbound);
  await relay.subscribed();
  const publisher = sockets.publisher({ awaitSubscriber: true, stallMs: Number.POSITIVE_INFINITY });
  publisher.connect(relay.inbound[0] as string);
  return { relay, inbox, publisher, events };
}

/** What is heard until a heartbeat of somebody's comes that lists something, and that one. */
async function untilHeartbeat(inbox: Inbox): Promise<{ heard: string[][]; heartbeat: Frames }> {
  const heard: string[][] = [];
  for (;;) {
    const frames = await inbox.next();
    const [topic = "", body = ""] = toTexts(frames);
    if (!topic.startsWith(heartbeatPrefix)) heard.push([topic, body]);
    else if (JSON.parse(body).msg?.to > 0) return { heard, heartbeat: frames };
  }
}

describe.each(everyTransport)("a relay with a journal over %s", (_, makeTransport) => {
  test("keeps what it forwards, byte for byte, lists it, and answers", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { relay, inbox, publisher } = await open(sockets, testConfig(keptKeys()));
    await using __ = relay;
    const bodies = [
      '{"topic":"t","msg_id":"1"}',
      ' {\n"topic" :\t"t" , "a" : 1.0 , "a" : 1e-07 , "msg_id": "2" } \r\n',
      '{"topic":"t","msg":[NaN,Infinity,-0.0,12345678901234567890]}',
      '{"seq_id":77,"topic":"t","msg":"日本語","signature":"QUJD\\n","certificate":"x"}',
    ];
    await Promise.all(bodies.map((body) => publisher.send(toFrames("t", body))));
    const { heard, heartbeat } = await untilHeartbeat(inbox);
    expect(heard).toEqual(bodies.map((body) => ["t", body]));
    const page = await firstPage(relay.replay as string);
    expect(page.bodies.map(String)).toEqual(bodies);
    const [topic, body] = toTexts(heartbeat) as [string, string];
    const keys = Buffer.concat(bodies.map((text) => messageKey(text) as Uint8Array)).toString("base64");
    expect(topic).toBe(heartbeatPrefix + page.header.journal);
    expect(JSON.parse(body)).toMatchObject({ topic, msg: { from: 0, to: 4, topics: { t: keys } } });
    expect(relay.counts).toEqual({ forwarded: 4, dropped: 0, refused: {} });
    const { journal } = page.header;
    await relay.drain();
    expect(journal).toBe(JSON.parse(body).msg.journal);
  });

  test("passes on what is no message and others' heartbeats, in their places, and keeps neither", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { relay, inbox, publisher } = await open(sockets, testConfig(keptKeys()));
    await using __ = relay;
    const other = '{"msg":{"from":1,"journal":"x","to":1},"topic":"_heartbeat.x"}';
    const sent: [topic: string, body: string][] = [
      ["a", '{"topic":"a"}'],
      ["b", "{no json}"],
      ["_heartbeat.x", other.replaceAll('"to":1', '"to":0')],
      ["c", '{"topic":"another"}'],
      ["d", '{"topic":5}'],
      ["e", '{"topic":"e"}'],
    ];
    await Promise.all(sent.map(([topic, body]) => publisher.send(toFrames(topic, body))));
    const heard: string[][] = [];
    while (heard.length < sent.length) {
      const texts = toTexts(await inbox.next());
      if (!texts[0]?.startsWith(heartbeatPrefix) || texts[0] === "_heartbeat.x") heard.push(texts);
    }
    expect(heard).toEqual(sent);
    const page = await firstPage(relay.replay as string);
    expect(page.bodies.map(String)).toEqual(['{"topic":"a"}', '{"topic":"e"}']);
    await eventually(() => relay.counts.forwarded === 6, "all counted");
  });
});

test("a gateway passes heartbeats on as they are", async () => {
  const transport = createMemoryTransport();
  await using sockets = new Sockets(transport);
  const { relay, publisher } = await open(sockets, testConfig(keptKeys()));
  await using _ = relay;
  const endpoints = { relay_outbound: [relay.outbound] };
  await using gateway = await startGateway({ config: testConfig({ endpoints }), transport });
  const [near, far] = [sockets.inbox(relay.outbound), sockets.inbox(gateway.outbound)];
  await gateway.subscribed();
  await relay.subscribed("t");
  await publisher.send(toFrames("t", '{"topic":"t"}'));
  const [first, second] = await Promise.all([untilHeartbeat(near), untilHeartbeat(far)]);
  expect(second).toEqual(first);
});

test("the heartbeats of a signing relay are signed, and what it keeps is what it signed", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const config = signedConfig({ ...keptKeys(), certnames: { signing_relay: "relay-vm" } });
  const { relay, inbox, publisher } = await open(sockets, config, startSigningRelay);
  await using _ = relay;
  await publisher.send(toFrames("t", '{"topic":"t"}'));
  const { heard, heartbeat } = await untilHeartbeat(inbox);
  const validator = await createValidator(signedConfig());
  const signed = { valid: true, signer: "relay-vm.example.org" };
  expect(await validator.validate(heartbeat[1] as Uint8Array)).toMatchObject(signed);
  const { bodies } = await firstPage(relay.replay as string);
  expect(await validator.validate(bodies[0] as Uint8Array)).toMatchObject(signed);
  expect(bodies.map(String)).toEqual(heard.map(([, body]) => body));
  validator.close();
});

test("a relay that was started again goes on with its journal", async () => {
  const config = testConfig(keptKeys());
  for (const position of [1, 2]) {
    await using sockets = new Sockets(await createTransport(config));
    const { relay, publisher } = await open(sockets, config);
    await publisher.send(toFrames("t", '{"topic":"t"}'));
    await eventually(() => relay.counts.forwarded === 1, "it was forwarded");
    expect((await firstPage(relay.replay as string)).header.head).toBe(position);
    await relay.drain();
  }
});

/** A journal whose disk is full now and then, and which commits groups of three. */
function fullNowAndThen(isFull: () => boolean): Journal {
  const kept = createMemoryJournal();
  let turn: Promise<void> = Promise.resolve();
  let place = 0;
  let failed = false;
  const append = (build: (position: number) => NewEntry) => {
    const isFirst = place++ % 3 === 0;
    const mine = turn.then(async () => {
      if (isFirst) failed = isFull();
      if (!failed) return kept.append(build);
      build(kept.info.head + 1);
      throw new FedmsgError("FEDMSG_JOURNAL", "the disk is full");
    });
    turn = mine.then(
      () => {},
      () => {},
    );
    return mine;
  };
  return new Proxy(kept, {
    get: (journal, name) => {
      if (name === "append") return append;
      const value = journal[name as keyof Journal];
      return typeof value === "function" ? value.bind(journal) : value;
    },
  });
}

/** A forwarder with a journal, its publisher, and what it warned of. */
async function openForwarder(sockets: Sockets, journal: Journal) {
  const [output, address] = await sockets.listening();
  const inbox = sockets.inbox(address, { prefixes: ["t"] });
  await output.subscribed();
  const [publisher, inbound] = await sockets.listening();
  const warnings: string[] = [];
  const onWarning = (detail: string) => void warnings.push(detail);
  const journalled = new JournalledPublisher({
    ...{ publisher: output, journal, reopen: async () => journal, onWarning },
    encode: (topic, msg) => toFrames(topic, JSON.stringify({ topic, msg })),
  });
  const keeping = new KeepingOutput(journalled, onWarning);
  const wayOut = { output: keeping, bodyBytesMax: 1000 };
  const forwarder = await startForwarding(sockets.transport, [inbound], wayOut, (event) => {
    if (event.type === "warning") onWarning(event.detail);
  });
  await publisher.subscribed();
  const say = (n: number) => publisher.send(toFrames("t", `{"n":${n},"topic":"t"}`));
  return { forwarder, inbox, keeping, say, warnings };
}

test("while the journal refuses, that is a problem", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  let isFull = false;
  const { forwarder, inbox, keeping, say } = await openForwarder(
    sockets,
    fullNowAndThen(() => isFull),
  );
  await Promise.all([say(1), say(2), say(3)]);
  await inbox.bodies(3);
  expect(keeping.problem).toBeUndefined();
  isFull = true;
  await say(4);
  await eventually(() => keeping.problem !== undefined, "the refusal");
  expect(keeping.problem).toMatch(/the disk is full/);
  isFull = false;
  await inbox.bodies(1);
  expect(keeping.problem).toBeUndefined();
  await withTimeout(forwarder.drain(), "the end");
});

test("while the journal refuses, everything waits; then it goes on, in order, and nothing is lost", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  let tries = 0;
  const { forwarder, inbox, say, warnings } = await openForwarder(
    sockets,
    fullNowAndThen(() => tries++ % 3 !== 1),
  );
  await Promise.all(Array.from({ length: 10 }, (_, n) => say(n)));
  expect(await inbox.bodies(10)).toEqual(Array.from({ length: 10 }, (_, n) => `{"n":${n},"topic":"t"}`));
  await withTimeout(forwarder.drain(), "the end");
  expect(forwarder.counts).toEqual({ forwarded: 10, dropped: 0, refused: {} });
  expect(warnings.length).toBeGreaterThan(0);
  expect(warnings.length).toBeLessThan(5);
  expect(warnings[0]).toMatch(/nothing is forwarded at the moment: the disk is full/);
});

test.each(["drain", "close"] as const)(
  "%s ends a forwarder whose journal refuses, and says what is lost",
  async (end) => {
    await using sockets = new Sockets(createMemoryTransport());
    const { forwarder, say, warnings } = await openForwarder(
      sockets,
      fullNowAndThen(() => true),
    );
    await say(1);
    await eventually(() => warnings.length > 0, "the refusal");
    await withTimeout(forwarder[end](), "the end", 3000);
    await withTimeout(forwarder.done, "done");
    if (end === "drain") expect(warnings.at(-1)).toMatch(/up to 1 message is lost at the end: the disk is full/);
  },
);
