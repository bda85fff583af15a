import { expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { Frames, PeerSocket } from "./adapters.ts";
import { each, isSubscriber, link, make, meet, publishing, show, texts } from "./pairs.ts";
import { Room } from "./room.ts";

/** Everything that a subscriber gets of these, until one that it is known to want. */
async function heard(a: PeerSocket, b: PeerSocket, topics: Frames, last: string | Uint8Array): Promise<string[]> {
  for (const topic of [...topics, last]) await a.send([topic]);
  const came: Buffer[] = [];
  for (;;) {
    const [topic] = (await b.receive()) as [Buffer];
    if (topic.equals(Buffer.from(last))) return show(came);
    came.push(topic);
  }
}

/** A connected pair whose subscriber asked for these, and for `end`. */
async function subscribed(room: Room, [, pair, way]: ReturnType<typeof each>[number], prefixes: Frames) {
  const a = room.socket(way[0], pair.a);
  const b = room.socket(way[1], pair.b);
  b.connect(await a.bind(room.address()));
  await b.subscribe(...prefixes, "end");
  await meet(a, b, "end");
  return [a, b] as const;
}

/** Takes back or adds, and waits until the publisher knows. */
async function change(a: PeerSocket, b: PeerSocket, work: () => Promise<void>): Promise<void> {
  const mark = `mark ${Math.random()}`;
  await work();
  await b.subscribe(mark);
  await meet(a, b, mark);
}

/** How many topics each of two subscribers wants. */
const counts = [10_000, 1000];
/** None begins another one, and `~` comes behind them all: libzmq asks for them in this order. */
const topics = counts.map((count, who) =>
  Array.from({ length: count }, (_, n) => `${who}.${`${n}`.padStart(5, "0")}.`),
);

describe.each(each(publishing))("%s", (...it) => {
  const [, pair, way] = it;
  expectNoLeaks();

  test("a subscriber gets what begins with one of its prefixes, and nothing else", async () => {
    await using room = new Room();
    const [a, b] = await subscribed(room, it, ["org.fedora", "com."]);
    const topics = ["org.fedora", "org.fedora.x", "org.fedor", "org", "com", "com.", "com.x", "net.x", ""];
    expect(await heard(a, b, topics, "end")).toEqual(["org.fedora", "org.fedora.x", "com.", "com.x"]);
  });

  test("overlapping prefixes deliver a message once", async () => {
    await using room = new Room();
    const [a, b] = await subscribed(room, it, ["", "a", "ab", "abc", "ab"]);
    expect(await heard(a, b, ["abcd", "ab", "x"], "end")).toEqual(["abcd", "ab", "x"]);
  });

  test("subscriptions are counted: the last one that is taken back ends it", async () => {
    await using room = new Room();
    const [a, b] = await subscribed(room, it, ["a", "a", "b"]);
    await change(a, b, () => b.unsubscribe("a"));
    expect(await heard(a, b, ["a1", "b1"], "end")).toEqual(["a1", "b1"]);
    await change(a, b, () => b.unsubscribe("a"));
    expect(await heard(a, b, ["a2", "b2"], "end")).toEqual(["b2"]);
    await change(a, b, () => b.subscribe("a"));
    expect(await heard(a, b, ["a3", "b3"], "end")).toEqual(["a3", "b3"]);
  });

  test("the longer of two overlapping prefixes stays when the shorter is taken back, and the other way round", async () => {
    await using room = new Room();
    const [a, b] = await subscribed(room, it, ["a", "ab", "", "x", "xy"]);
    await change(a, b, () => b.unsubscribe("a", "xy", ""));
    expect(await heard(a, b, ["a1", "ab1", "x1", "xy1", "z"], "end")).toEqual(["ab1", "x1", "xy1"]);
  });

  test("prefixes are bytes: zeros, ff and what is no UTF-8 are as good as letters", async () => {
    await using room = new Room();
    const [zero, one, high] = [Buffer.of(0), Buffer.of(1, 0), Buffer.of(0xff, 0xfe)];
    const [a, b] = await subscribed(room, it, [zero, one, high]);
    const topics = [Buffer.of(0, 5), Buffer.of(1), Buffer.of(1, 0), Buffer.of(0xff), Buffer.of(0xff, 0xfe, 0xfd)];
    expect(await heard(a, b, topics, "end")).toEqual(show([topics[0]!, topics[2]!, topics[4]!]));
  });

  test("only the first frame counts", async () => {
    await using room = new Room();
    const [a, b] = await subscribed(room, it, ["a"]);
    await a.send(["b", "a"]);
    await a.send(["a", "b"]);
    expect(texts(await b.receive())).toEqual(["a", "b"]);
  });

  test("three subscribers with different prefixes each get theirs", async () => {
    await using room = new Room();
    const a = room.socket(way[0], pair.a);
    const address = await a.bind(room.address());
    const wanted = [["a"], ["b"], ["a", "c"]];
    const subscribers: PeerSocket[] = [];
    for (const prefixes of wanted) {
      const b = room.socket(way[1], pair.b);
      b.connect(address);
      await b.subscribe(...prefixes, "end");
      await meet(a, b, "end");
      subscribers.push(b);
    }
    for (const topic of ["a1", "b1", "c1", "d1", "end!"]) await a.send([topic]);
    const came: string[][] = [];
    for (const b of subscribers) {
      const topics: string[] = [];
      while (topics.at(-1) !== "end!") topics.push(...texts(await b.receive()).slice(0, 1));
      came.push(topics.filter((topic) => topic.length === 2));
    }
    expect(came).toEqual([["a1"], ["b1"], ["a1", "c1"]]);
  });

  test("10,000 subscriptions on one socket: each topic reaches exactly its subscriber, also after a reconnect", async () => {
    await using room = new Room();
    const first = room.socket(way[0], pair.a);
    const address = await first.bind(room.address());
    const subscribers: PeerSocket[] = [];
    for (const wanted of topics) {
      const b = room.socket(way[1], pair.b);
      await b.subscribe(...wanted, "~");
      b.connect(address);
      subscribers.push(b);
    }
    await checkAll(first, subscribers);
    await first.close();
    const second = room.socket(way[0], pair.a);
    await second.bind(address);
    await checkAll(second, subscribers);
  });

  test("a subscriber that comes back asks for what it wants by then", async () => {
    await using room = new Room();
    const [first, b, address] = await link(room, pair, way);
    await b.unsubscribe("");
    await b.subscribe("a", "b", "end");
    await first.close();
    await b.unsubscribe("a");
    await b.subscribe("c");
    const [second] = await make(room, pair, way);
    await second.bind(address);
    await change(second, b, async () => {});
    expect(await heard(second, b, ["a1", "b1", "c1", "d1"], "end")).toEqual(["b1", "c1"]);
    expect(isSubscriber(b)).toBe(true);
  });
});

/** Each topic is sent once, and each subscriber gets its own in order, and no other. */
async function checkAll(a: PeerSocket, subscribers: readonly PeerSocket[]): Promise<void> {
  for (const b of subscribers) await meet(a, b, "~");
  for (const topic of topics.flat()) await a.send([topic, "body"]);
  await a.send(["~ end"]);
  for (const [who, b] of subscribers.entries()) {
    const came: string[] = [];
    for (;;) {
      const [topic] = texts(await b.receive()) as [string];
      if (topic === "~ end") break;
      if (topic !== "~") came.push(topic);
    }
    expect(came.length).toBe(topics[who]?.length);
    expect(came.join() === topics[who]?.join()).toBe(true);
  }
}
