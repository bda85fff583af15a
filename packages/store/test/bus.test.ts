/** A bus that keeps what it publishes, with real sockets and a real journal. */

import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  anyAddress,
  codeOf,
  eventually,
  expectNoLeaks,
  type Inbox,
  Sockets,
  signedConfig,
  take,
  takeUntil,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import { type Bus, connect, type FedmsgError, type StatusEvent } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import { createValidator, messageKey } from "fedmsg/crypto";
import { createTransport, type FetchedPage, type Frames, fetchPages } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { openJournal } from "../src/index.ts";
import { tempFile } from "./support.ts";

expectNoLeaks();

const heartbeat = "_heartbeat.";
const transport = await createTransport(testConfig());

async function freeAddress(): Promise<string> {
  await using sockets = new Sockets(transport);
  return await sockets.freeAddress();
}

/** The keys of a publisher with a journal. */
function keptBy(file: string, overrides: ConfigInput = {}): ConfigInput {
  return { endpoints: { me: [anyAddress] }, persistent_store: `sqlite:${file}`, topic_prefix: "org.a", ...overrides };
}

interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly message: Record<string, unknown> & { readonly msg: Record<string, unknown> };
}

function read([topic, body]: Frames): Heard {
  const text = String(body);
  return { topic: String(topic), text, message: JSON.parse(text) };
}

/** The next heartbeat, whatever comes before it. */
async function nextHeartbeat(inbox: Inbox): Promise<Heard> {
  for (;;) {
    const heard = read(await inbox.next());
    if (heard.topic.startsWith(heartbeat)) return heard;
  }
}

/** Everything that the bus says, from when somebody listens to it. */
async function listenTo(sockets: Sockets, bus: Bus): Promise<Inbox> {
  const inbox = sockets.inbox(bus.endpoint as string);
  await withTimeout(bus.subscribed(), "the subscription");
  return inbox;
}

async function firstPage(address: string): Promise<FetchedPage> {
  for await (const page of fetchPages(address, { after: 0 })) return page;
  throw new Error("there is always one");
}

const say = (bus: Bus, n: number) => bus.publish({ topic: "t", modname: "m", msg: { n } });

test("what is published has its position inside, is in the journal, is listed, and can be asked for", async () => {
  const address = await freeAddress();
  await using sockets = new Sockets(transport);
  const bus = await connect({
    name: "me",
    config: testConfig(keptBy(tempFile(), { replay_endpoints: { me: address } })),
  });
  const inbox = await listenTo(sockets, bus);
  const receipts = await Promise.all([0, 1, 2].map((n) => say(bus, n)));
  const live = (await inbox.take(3)).map(read);
  expect(live.map(({ message }) => [message.seq_id, message.msg_id])).toEqual(
    receipts.map(({ msg_id }, n) => [n + 1, msg_id]),
  );
  const beat = read(await inbox.next());
  const pages = await firstPage(address);
  expect(beat.message.msg).toEqual({
    journal: pages.header.journal,
    from: 0,
    to: 3,
    topics: {
      "org.a.dev.m.t": Buffer.concat(live.map(({ text }) => messageKey(text) as Uint8Array)).toString("base64"),
    },
  });
  expect(beat.topic).toBe(heartbeat + pages.header.journal);
  expect(pages.bodies.map(String)).toEqual(live.map(({ text }) => text));
  await bus.drain();
});

test("a signature covers the position; heartbeats are signed too", async () => {
  await using sockets = new Sockets(transport);
  const bus = await connect({ name: "me", config: signedConfig(keptBy(tempFile(), { certname: "shell-vm" })) });
  const inbox = await listenTo(sockets, bus);
  await say(bus, 1);
  await bus.drain();
  const [message, beat] = (await inbox.take(2)).map(read) as [Heard, Heard];
  const validator = await createValidator(signedConfig());
  for (const { text } of [message, beat]) expect(await validator.validate(text)).toMatchObject({ valid: true });
  expect(await validator.validate(message.text.replace('"seq_id":1', '"seq_id":2'))).toMatchObject({ valid: false });
  validator.close();
  const keys = Buffer.from(messageKey(message.text) as Uint8Array).toString("base64");
  expect(beat.message.msg).toMatchObject({ from: 0, to: 1, topics: { "org.a.dev.m.t": keys } });
});

test("started again it goes on where it was; each address has a journal of its own", async () => {
  const file = tempFile("{name}-{port}.db");
  const address = await freeAddress();
  const config = testConfig(keptBy(file, { endpoints: { "me/../x": [address] } }));
  const open = () => connect({ name: "me/../x", config });
  const first = await open();
  await Promise.all([say(first, 1), say(first, 2)]);
  await first.drain();
  expect(existsSync(join(dirname(file), `me_.._x-${address.replace(/.*:/, "")}.db`))).toBe(true);
  await using sockets = new Sockets(transport);
  const second = await open();
  const inbox = await listenTo(sockets, second);
  await say(second, 3);
  expect(read(await inbox.next()).message).toMatchObject({ i: 1, seq_id: 3 });
  expect((await nextHeartbeat(inbox)).message.msg).toMatchObject({ from: 2, to: 3 });
  await second.drain();
});

test("messages leave in the order of their positions; what cannot be written takes none", async () => {
  await using sockets = new Sockets(transport);
  const bus = await connect({ name: "me", config: testConfig(keptBy(tempFile(), { bodyBytesMax: 2000 })) });
  const inbox = await listenTo(sockets, bus);
  const publish = (n: number) => {
    const msg = n % 10 === 3 ? { n: Number.NaN } : n % 10 === 6 ? { n: "x".repeat(3000) } : { n };
    const hook =
      n % 10 === 9 ? (message: { topic: string }) => void Object.assign(message, { topic: "_heartbeat.x" }) : undefined;
    return bus.publish({ topic: "t", modname: "m", msg, ...(hook && { pre_fire_hook: hook }) }).then(
      () => "kept",
      (error: FedmsgError) => error.code,
    );
  };
  const fates = await Promise.all(Array.from({ length: 2500 }, (_, n) => publish(n)));
  const expected = [
    "kept",
    "kept",
    "kept",
    "FEDMSG_ENCODE",
    "kept",
    "kept",
    "FEDMSG_TOO_LARGE",
    "kept",
    "kept",
    "FEDMSG_ENCODE",
  ];
  expect(fates).toEqual(fates.map((_, n) => expected[n % 10]));
  const heard: Heard[] = [];
  while (heard.length < 1750) {
    const one = read(await inbox.next());
    if (one.topic.startsWith(heartbeat)) expect(one.message.msg.to).toBeLessThanOrEqual(heard.length);
    else heard.push(one);
  }
  expect(heard.map(({ message }) => message.seq_id)).toEqual(heard.map((_, n) => n + 1));
  expect(heard.map(({ message }) => message.msg.n)).toEqual(
    Array.from({ length: 2500 }, (_, n) => n).filter((n) => expected[n % 10] === "kept"),
  );
  await bus.drain();
});

test("where the journal was deleted a new one begins, which is told before anything else", async () => {
  const file = tempFile();
  const address = await freeAddress();
  await using sockets = new Sockets(transport);
  const bus = await connect({ name: "me", config: testConfig(keptBy(file, { replay_endpoints: { me: address } })) });
  const inbox = await listenTo(sockets, bus);
  const warned = takeUntil(
    bus.status(),
    (event): event is StatusEvent & { type: "warning" } => event.type === "warning",
  );
  await say(bus, 1);
  const before = (await nextHeartbeat(inbox)).message.msg.journal;
  for (const ending of ["", "-lock", "-wal", "-shm"]) rmSync(`${file}${ending}`, { force: true });
  await say(bus, 2);
  expect((await warned).detail).toMatch(/journal's file was deleted, replaced or damaged/);
  const { msg } = (await nextHeartbeat(inbox)).message;
  expect(msg).toMatchObject({ from: 0, to: 0, topics: {} });
  expect(msg.journal).not.toBe(before);
  await say(bus, 3);
  expect((await firstPage(address)).header).toMatchObject({ journal: msg.journal, head: 1 });
  expect((await nextHeartbeat(inbox)).message.msg).toMatchObject({ journal: msg.journal, from: 0, to: 1 });
  await bus.drain();
});

test("says what is wrong with the journal or its address, and lets go of everything", async () => {
  await using sockets = new Sockets(transport);
  const [, used] = await sockets.listening();
  const file = tempFile();
  const open = (keys: ConfigInput) => connect({ name: "me", config: testConfig(keptBy(file, keys)) });
  const inUse = open({ replay_endpoints: { me: used } });
  expect(await codeOf(inUse)).toBe("FEDMSG_ADDRESS_IN_USE");
  await expect(inUse).rejects.toThrow(
    /^replay_endpoints\["me"\]: .* in use.*; each publisher needs a name, and an address/,
  );
  expect(await codeOf(open({ persistent_store: "postgresql://me:hunter2@db/x" }))).toBe("FEDMSG_UNSUPPORTED");
  await expect(open({ persistent_store: "postgresql://me:hunter2@db/x" })).rejects.not.toThrow(/hunter2/);
  expect(await codeOf(open({ persistent_store: `sqlite:${file}/missing/x.db` }))).toBe("FEDMSG_JOURNAL");
  const writer = await openJournal(file);
  expect(await codeOf(open({}))).toBe("FEDMSG_JOURNAL");
  await writer.close();
  await (await open({})).drain();
});

test("an active publisher says that it keeps nothing", async () => {
  const file = tempFile();
  const config = testConfig(keptBy(file, { active: true, relay_inbound: [await freeAddress()] }));
  const bus = await connect({ name: "me", config });
  const event = await take(bus.status());
  expect(event).toMatchObject({
    type: "warning",
    name: "me",
    detail: expect.stringMatching(/^persistent_store: not used/),
  });
  expect(existsSync(file)).toBe(false);
  await bus.close();
});

test("closed at once it keeps nothing more; what was acknowledged is there", async () => {
  const file = tempFile();
  const bus = await connect({ name: "me", config: testConfig(keptBy(file)) });
  let acknowledged = 0;
  const sent = Array.from({ length: 3000 }, (_, n) =>
    say(bus, n).then(
      () => acknowledged++,
      () => {},
    ),
  );
  await sent[0];
  await bus.close();
  await Promise.all(sent);
  const journal = await openJournal(file);
  expect(journal.info.head).toBe(acknowledged);
  await eventually(() => acknowledged > 0, "some were");
  await journal.close();
});
