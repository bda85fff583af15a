import { codeOf, eventually, expectNoLeaks, type Inbox, Sockets, toFrames, withTimeout } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { FedmsgError } from "../errors.ts";
import { createMemoryTransport } from "../transport/memory/index.ts";
import type { Frames, PublisherOptions, SocketOptions } from "../transport/transport.ts";
import { parseHeartbeat } from "./heartbeat.ts";
import type { Journal, NewEntry } from "./journal.ts";
import { type JournalledOptions, JournalledPublisher } from "./journalled.ts";
import { createMemoryJournal } from "./memory-journal.ts";

expectNoLeaks();

/** A journal in memory that gets into trouble when it is told to, and commits when it is told to. */
class TroubledJournal {
  readonly kept = createMemoryJournal();
  inPlace = true;
  trouble: FedmsgError | undefined;
  closed = false;
  /** While it is there, nothing is committed. */
  held: Promise<void> | undefined;

  /** What `Journal` asks for; the rest is what is underneath. */
  get journal(): Journal {
    const append = async (build: (position: number) => NewEntry) => {
      await this.held;
      if (!this.trouble) return this.kept.append(build);
      build(this.kept.info.head + 1);
      throw this.trouble;
    };
    const close = async () => {
      this.closed = true;
    };
    const own = { append, close, isInPlace: () => this.inPlace };
    return new Proxy(this.kept, {
      get: (journal, name) => {
        if (name in own) return own[name as keyof typeof own];
        const value = journal[name as keyof Journal];
        return typeof value === "function" ? value.bind(journal) : value;
      },
    });
  }
}

/** A promise, and what resolves it. */
function openGate<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}

const longMs = 600_000;
const diskFull = () => new FedmsgError("FEDMSG_JOURNAL", "the disk is full");

/** A message with a key that says its position. */
function keptAs(topic: string, position: number, text = `{"n":${position}}`) {
  const body = Buffer.from(text);
  return { frames: [Buffer.from(topic), body], topic, msgId: `id-${position}`, body, key: keyOf(position), position };
}

function keyOf(position: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeUInt32BE(position, 4);
  return key;
}

interface Peers {
  readonly socket?: PublisherOptions;
  readonly inbox?: SocketOptions;
}

/** A journalled publisher, whoever listens to it, and what it warned of. */
async function open(sockets: Sockets, options: Partial<JournalledOptions> & Peers = {}) {
  const troubled = new TroubledJournal();
  const [publisher, address] = await sockets.listening(options.socket);
  const inbox = sockets.inbox(address, options.inbox);
  await publisher.subscribed();
  const warnings: string[] = [];
  const journalled = new JournalledPublisher({
    publisher,
    journal: troubled.journal,
    reopen: async () => createMemoryJournal(),
    encode: (topic, msg) => toFrames(topic, JSON.stringify({ topic, msg })),
    onWarning: (detail) => void warnings.push(detail),
    beatMs: longMs,
    idleMs: longMs,
    ...options,
  });
  const say = async (topic = "t") => (await journalled.keep((position) => keptAs(topic, position))).position;
  return { journalled, publisher, troubled, inbox, warnings, say };
}

function heartbeatOf([topic, body]: Frames) {
  const text = String(topic);
  return parseHeartbeat(text, JSON.parse(String(body)).msg);
}

/** Topics and keys of what is heard until a heartbeat comes, and that. */
async function untilHeartbeat(inbox: Inbox) {
  const topics: string[] = [];
  for (;;) {
    const frames = await inbox.next();
    const heartbeat = heartbeatOf(frames);
    if (heartbeat) return { topics, heartbeat };
    topics.push(String(frames[0]));
  }
}

test("the first heartbeat says at once where the journal is", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { journalled, inbox, troubled } = await open(sockets);
  const { journal, from, to } = (await untilHeartbeat(inbox)).heartbeat;
  expect({ journal, from, to }).toEqual({ journal: troubled.kept.info.uuid, from: 0, to: 0 });
  await journalled.close();
});

test("what was sent is listed a while later, behind it, by topic, in the order of positions", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { journalled, inbox, say } = await open(sockets, { beatMs: 20 });
  await untilHeartbeat(inbox);
  await Promise.all(["a", "b", "a"].map((topic) => say(topic)));
  const { topics, heartbeat } = await untilHeartbeat(inbox);
  expect(topics).toEqual(["a", "b", "a"]);
  expect(heartbeat).toMatchObject({ from: 0, to: 3 });
  expect(Object.fromEntries(heartbeat.topics)).toEqual({ a: [keyOf(1), keyOf(3)], b: [keyOf(2)] });
  await journalled.close();
});

test("1000 messages are listed at once, and so are 256 topics", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { journalled, inbox, say } = await open(sockets);
  await untilHeartbeat(inbox);
  void Promise.all(Array.from({ length: 1000 }, () => say())).catch(() => {});
  expect((await untilHeartbeat(inbox)).heartbeat).toMatchObject({ from: 0, to: 1000 });
  void Promise.all(Array.from({ length: 256 }, (_, n) => say(`t.${n}`))).catch(() => {});
  expect((await untilHeartbeat(inbox)).heartbeat).toMatchObject({ from: 1000, to: 1256 });
  await journalled.close();
});

test("while nothing happens heartbeats go on, and list nothing", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { journalled, inbox, say } = await open(sockets, { idleMs: 10 });
  await untilHeartbeat(inbox);
  await say();
  await journalled.drain();
  const ours = await open(sockets, { idleMs: 10 });
  for (let n = 0; n < 4; n++) expect((await untilHeartbeat(ours.inbox)).heartbeat).toMatchObject({ from: 0, to: 0 });
  await ours.journalled.close();
});

test("what cannot be kept is refused, is not sent, and takes no position; the next is", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { journalled, inbox, say, troubled } = await open(sockets);
  await untilHeartbeat(inbox);
  troubled.trouble = diskFull();
  expect(await Promise.all([codeOf(say("lost")), codeOf(say("lost"))])).toEqual(["FEDMSG_JOURNAL", "FEDMSG_JOURNAL"]);
  troubled.trouble = undefined;
  expect(await say("kept")).toBe(1);
  const broken = journalled.keep(() => {
    throw new FedmsgError("FEDMSG_ENCODE", "it has no JSON form");
  });
  expect([await codeOf(broken), await say("next")]).toEqual(["FEDMSG_ENCODE", 2]);
  await journalled.drain();
  const { topics, heartbeat } = await untilHeartbeat(inbox);
  expect(topics).toEqual(["kept", "next"]);
  expect(heartbeat).toMatchObject({ from: 0, to: 2 });
});

test("a signal gives up until it is the message's turn, and not afterwards", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { journalled, inbox, troubled } = await open(sockets);
  await untilHeartbeat(inbox);
  const gate = openGate<void>();
  troubled.held = gate.promise;
  const abort = new AbortController();
  const given = journalled.keep((position) => keptAs("given up", position), abort.signal);
  abort.abort();
  const late = new AbortController();
  const kept = journalled.keep((position) => {
    late.abort();
    return keptAs("kept", position);
  }, late.signal);
  gate.resolve(undefined);
  expect([await codeOf(given), (await kept).position]).toEqual(["FEDMSG_ABORTED", 1]);
  expect(await inbox.text()).toBe("kept");
  await journalled.close();
});

test("drained keeps, sends and lists what was taken, and takes no more", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const closed: string[] = [];
  const replay = { close: async () => void closed.push("replay") };
  const { journalled, inbox, say, troubled } = await open(sockets, { replay });
  await untilHeartbeat(inbox);
  const gate = openGate<void>();
  troubled.held = gate.promise;
  const taken = [say("a"), say("b")];
  const drained = journalled.drain();
  expect(await codeOf(say("late"))).toBe("FEDMSG_CLOSED");
  expect(troubled.closed).toBe(false);
  gate.resolve(undefined);
  expect(await Promise.all(taken)).toEqual([1, 2]);
  await withTimeout(Promise.all([drained, journalled.drain(), journalled.close()]), "the end");
  const { topics, heartbeat } = await untilHeartbeat(inbox);
  expect({ topics, to: heartbeat.to, closed, journal: troubled.closed }).toEqual({
    ...{ topics: ["a", "b"], to: 2, closed: ["replay"], journal: true },
  });
});

test("closed takes nothing that waits for its turn, even while it is drained", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { journalled, say, troubled } = await open(sockets);
  const gate = openGate<void>();
  troubled.held = gate.promise;
  const waiting = codeOf(say());
  const drained = journalled.drain();
  const closed = journalled.close();
  gate.resolve(undefined);
  expect(await waiting).toBe("FEDMSG_CLOSED");
  await withTimeout(Promise.all([drained, closed]), "the end");
  expect(troubled.kept.info.head).toBe(0);
});

test("where the journal's file is gone a new one begins, and what was not listed yet is not listed", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const next = createMemoryJournal();
  const gate = openGate<Journal>();
  const { journalled, inbox, say, troubled, warnings } = await open(sockets, {
    beatMs: 20,
    reopen: () => gate.promise,
  });
  await untilHeartbeat(inbox);
  await say("unlisted");
  troubled.inPlace = false;
  await eventually(() => warnings.length > 0, "the warning");
  const waiting = say("waits");
  gate.resolve(next);
  expect(await waiting).toBe(1);
  expect(journalled.journal.info.uuid).toBe(next.info.uuid);
  const { topics, heartbeat } = await untilHeartbeat(inbox);
  expect(topics).toEqual(["unlisted"]);
  expect(heartbeat).toMatchObject({ journal: next.info.uuid, from: 0, to: 0 });
  expect((await untilHeartbeat(inbox)).heartbeat).toMatchObject({ journal: next.info.uuid, from: 0, to: 1 });
  expect(warnings).toEqual([expect.stringMatching(/deleted, replaced or damaged/)]);
  expect(troubled.closed).toBe(true);
  await journalled.close();
});

test("what waits for its turn while the journal is replaced is refused", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const gate = openGate<Journal>();
  const { journalled, inbox, say, troubled, warnings } = await open(sockets, {
    idleMs: 20,
    reopen: () => gate.promise,
  });
  await untilHeartbeat(inbox);
  const hold = openGate<void>();
  troubled.held = hold.promise;
  const waiting = codeOf(say());
  troubled.inPlace = false;
  await eventually(() => warnings.length > 0, "the warning");
  hold.resolve(undefined);
  expect(await waiting).toBe("FEDMSG_JOURNAL");
  expect(troubled.kept.info.head).toBe(0);
  gate.resolve(createMemoryJournal());
  await untilHeartbeat(inbox);
  await journalled.close();
});

test("while no journal can be opened everything is refused; it is tried again", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  let canOpen = false;
  const reopen = async () => {
    if (!canOpen) throw diskFull();
    return createMemoryJournal();
  };
  const { journalled, inbox, say, troubled, warnings } = await open(sockets, { idleMs: 20, reopen });
  await untilHeartbeat(inbox);
  troubled.inPlace = false;
  await eventually(() => warnings.length > 2, "it was tried");
  expect(await codeOf(say())).toBe("FEDMSG_JOURNAL");
  canOpen = true;
  const { heartbeat } = await untilHeartbeat(inbox);
  expect(heartbeat.journal).not.toBe(troubled.kept.info.uuid);
  expect(await say()).toBe(1);
  await journalled.close();
});

test("where a subscriber is full nothing more is taken; what was kept before is acknowledged", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const queueBytesMax = 2000;
  const socket = { queueBytesMax, stallMs: Number.POSITIVE_INFINITY };
  const { journalled, troubled, inbox } = await open(sockets, { socket, inbox: { queueBytesMax: 1000 } });
  let acknowledged = 0;
  const keeps = () =>
    journalled
      .keep((position) => keptAs("t", position))
      .then(
        () => ++acknowledged > 0,
        () => false,
      );
  const codes: string[] = [];
  while (codes.length === 0) {
    journalled
      .keep((position) => keptAs("t", position, "x".repeat(500)))
      .then(
        () => acknowledged++,
        (error: FedmsgError) => codes.push(error.code),
      );
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(codes).toEqual(["FEDMSG_QUEUE_FULL"]);
  await inbox.take(4); // There is room again.
  await eventually(async () => await keeps(), "more is taken");
  await journalled.close();
  await eventually(() => acknowledged === troubled.kept.info.head, "all that is kept is acknowledged");
});

test("a heartbeat that cannot be written is told, and ends nothing", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  let fails = true;
  const encode = (topic: string, msg: unknown) => {
    if (fails) throw new Error("no key");
    return toFrames(topic, JSON.stringify({ topic, msg }));
  };
  const { journalled, inbox, warnings, say } = await open(sockets, { encode, idleMs: 10 });
  expect(warnings).toEqual([expect.stringMatching(/a heartbeat cannot be written: .*no key/)]);
  fails = false;
  await untilHeartbeat(inbox);
  expect(await say()).toBe(1);
  await journalled.close();
});

test("what waits for the journal is bounded", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { journalled, troubled, say } = await open(sockets);
  const gate = openGate<void>();
  troubled.held = gate.promise;
  const waiting = Array.from({ length: 100_000 }, () => say());
  expect(await codeOf(say())).toBe("FEDMSG_QUEUE_FULL");
  gate.resolve();
  expect((await Promise.all(waiting)).at(-1)).toBe(100_000);
  await journalled.close();
});
