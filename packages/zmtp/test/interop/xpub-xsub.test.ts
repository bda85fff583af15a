import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { PeerSocket } from "./adapters.ts";
import { each, link, pairOf, publishing, show, ways } from "./pairs.ts";
import { Room } from "./room.ts";

const on = (prefix: string) => show([`\x01${prefix}`]);
const off = (prefix: string) => show([`\x00${prefix}`]);

/** An XPUB and two subscribers, connected; each has told a first wish, `0` and `1`. */
async function audience(room: Room, [, pair, way]: ReturnType<typeof each>[number], verbose = false) {
  const a = room.socket(way[0], "XPUB", { verbose });
  const address = await a.bind(room.address());
  const subscribers: PeerSocket[] = [];
  for (const n of [0, 1]) {
    const b = room.socket(way[1], pair.b);
    b.connect(address);
    await b.subscribe(`${n}`);
    expect(show(await a.receive())).toEqual(on(`${n}`));
    subscribers.push(b);
  }
  return [a, subscribers[0] as PeerSocket, subscribers[1] as PeerSocket] as const;
}

/** What an XPUB is told until a subscriber's mark comes. */
async function toldUntilMark(a: PeerSocket, b: PeerSocket): Promise<string[]> {
  const mark = `mark ${Math.random()}`;
  await b.subscribe(mark);
  const told: string[] = [];
  for (;;) {
    const [wish] = show(await a.receive()) as [string];
    if (wish === `\x01${mark}`) return told;
    told.push(wish);
  }
}

describe.each(each(publishing.filter(({ a }) => a === "XPUB")))("%s", (...it) => {
  expectNoLeaks();

  test("an XPUB is told of the first subscription to a prefix and of the end of the last", async () => {
    await using room = new Room();
    const [a, b, c] = await audience(room, it);
    await b.subscribe("a", "a", "ab", "");
    expect(await toldUntilMark(a, b)).toEqual([...on("a"), ...on("ab"), ...on("")]);
    await c.subscribe("a", "c");
    expect(await toldUntilMark(a, c)).toEqual(on("c"));
    await b.unsubscribe("a", "a", "ab");
    expect(await toldUntilMark(a, b)).toEqual(off("ab"));
    await c.unsubscribe("a");
    expect(await toldUntilMark(a, c)).toEqual(off("a"));
  });

  test("a verbose XPUB is told of each", async () => {
    await using room = new Room();
    const [a, b, c] = await audience(room, it, true);
    await b.subscribe("a");
    expect(await toldUntilMark(a, b)).toEqual(on("a"));
    await c.subscribe("a");
    expect(await toldUntilMark(a, c)).toEqual(on("a"));
    await b.unsubscribe("a");
    expect(await toldUntilMark(a, b)).toEqual(off("a"));
    await c.unsubscribe("a");
    expect(await toldUntilMark(a, c)).toEqual(off("a"));
  });

  test("an XPUB is told of the end of what only a subscriber wanted that is gone", async () => {
    await using room = new Room();
    const [a, b, c] = await audience(room, it);
    await b.subscribe("both", "only b");
    await toldUntilMark(a, b);
    await c.subscribe("both");
    await toldUntilMark(a, c);
    await b.close();
    const told = [show(await a.receive()), show(await a.receive()), show(await a.receive())].flat();
    expect(told.filter((wish) => !wish.includes("mark")).sort()).toEqual([...off("0"), ...off("only b")]);
  });
});

describe.each(ways)("%s XPUB–XSUB %s", (...way) => {
  expectNoLeaks();

  test("what an XSUB sends that is no subscription reaches the XPUB as it is", async () => {
    await using room = new Room();
    const [a, b] = await link(room, pairOf("XPUB", "XSUB"), way);
    expect(show(await a.receive())).toEqual(on(""));
    await b.send(["upstream"]);
    await b.send(["upstream", "in two"]);
    expect(show(await a.receive())).toEqual(["upstream"]);
    expect(show(await a.receive())).toEqual(["upstream", "in two"]);
  });

  test("a proxy of XSUB and XPUB carries subscriptions one way and messages the other", async () => {
    await using room = new Room();
    const [implFront, implBack] = way;
    const [publisher, subscriber] = [room.socket(implBack, "XPUB"), room.socket(implFront, "SUB")];
    const [front, back] = [room.socket(implFront, "XPUB"), room.socket(implBack, "XSUB")];
    back.connect(await publisher.bind(room.address()));
    subscriber.connect(await front.bind(room.address()));
    await subscriber.subscribe("a");
    const wish = await front.receive();
    await back.send(wish);
    expect(show(await publisher.receive())).toEqual(on("a"));
    await publisher.send(["a1", "body"]);
    await front.send(await back.receive());
    expect(show(await subscriber.receive())).toEqual(["a1", "body"]);
    await subscriber.close();
    await back.send(await front.receive());
    expect(show(await publisher.receive())).toEqual(off("a"));
    await eventually(() => front.peers === 0, "the subscriber to be gone");
  });
});
