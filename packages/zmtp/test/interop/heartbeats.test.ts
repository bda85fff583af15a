import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { PeerOptions, PeerSocket } from "./adapters.ts";
import { each, exchange, isSubscriber, meet, pairOf, texts, ways } from "./pairs.ts";
import { PeerProcess } from "./peer-process.ts";
import { Room } from "./room.ts";
import { Tap } from "./tap.ts";

const heartbeatMs = 100;
const beating: PeerOptions = { heartbeatMs };

/** Both sockets, `b` connected to `a` through a tap. */
async function tapped(room: Room, [, pair, way]: ReturnType<typeof each>[number], a: PeerOptions, b: PeerOptions) {
  const bound = room.socket(way[0], pair.a, { ...pair.aOptions, ...a });
  const other = room.socket(way[1], pair.b, { ...pair.bOptions, ...b });
  const [tap, address] = await Tap.before(await bound.bind(room.address()));
  room.keep(tap);
  if (isSubscriber(other)) await other.subscribe("");
  other.connect(address);
  await meet(bound, other);
  return [bound, other, tap] as const;
}

describe.each(each([pairOf("PUB", "SUB"), pairOf("DEALER", "ROUTER")]))("%s", (...it) => {
  const [, pair] = it;
  expectNoLeaks();

  test("PINGs of both sides are answered, and an idle connection stays", async () => {
    await using room = new Room();
    const [a, b, tap] = await tapped(room, it, beating, beating);
    const { counts } = tap;
    await eventually(() => counts.forward.PING >= 2 && counts.back.PING >= 2, "two PINGs from either side");
    await eventually(() => counts.forward.PONG >= 2 && counts.back.PONG >= 2, "two PONGs from either side");
    await exchange(pair, a, b, ["still there"]);
    expect([a.peers, b.peers, tap.connections]).toEqual([1, 1, 1]);
  });
});

describe.each(each([pairOf("DEALER", "ROUTER")]))("%s", (...it) => {
  const [, pair] = it;
  expectNoLeaks();

  test.each(["a", "b"])("PINGs of one side alone are answered: %s", async (who) => {
    await using room = new Room();
    const [a, b, { counts }] = await tapped(room, it, who === "a" ? beating : {}, who === "b" ? beating : {});
    const [asking, answering] = who === "a" ? [counts.back, counts.forward] : [counts.forward, counts.back];
    await eventually(() => asking.PING >= 2 && answering.PONG >= 2, "two PINGs and two PONGs");
    expect([asking.PONG, answering.PING]).toEqual([0, 0]);
    await exchange(pair, a, b, ["still there"]);
    expect([...a.happened, ...b.happened]).not.toContain("disconnected");
  });
});

/** What a socket says of a peer that is silent for too long. */
const wordFor = { ours: "cut: heartbeat-timeout", libzmq: "disconnected" };

describe.each(ways)("%s notices that a %s process hangs", (survivor, hanging) => {
  expectNoLeaks();

  test("a publisher that was stopped is cut, and is heard again when it goes on", async () => {
    await using room = new Room();
    const address = await room.freeAddress();
    const b = room.socket(survivor, "SUB", beating);
    await b.subscribe("");
    b.connect(address);
    const child = new PeerProcess(room, hanging, "publish", address);
    const last = lastTopic(b);
    await eventually(() => last() === "flood", "the publisher to be heard");
    child.signal("SIGSTOP");
    await eventually(() => b.happened.includes(wordFor[survivor]), "the silence to be noticed");
    child.signal("SIGCONT");
    await eventually(() => last() === "resumed", "the publisher to be heard again");
    expect(b.happened.filter((event) => event === "connected").length).toBeGreaterThanOrEqual(2);
  });

  test("a subscriber that was stopped is cut, and comes back when it goes on", async () => {
    await using room = new Room();
    const a = room.socket(survivor, "XPUB", beating);
    const child = new PeerProcess(room, hanging, "subscribe", await a.bind(room.address()));
    expect(texts(await a.receive())).toEqual(["\x01"]);
    await a.send(["hello"]);
    await child.works();
    child.signal("SIGSTOP");
    await eventually(() => a.happened.includes(wordFor[survivor]), "the silence to be noticed");
    expect(texts(await a.receive())).toEqual(["\x00"]);
    child.signal("SIGCONT");
    expect(texts(await a.receive())).toEqual(["\x01"]);
  });
});

/** Takes everything that comes, and tells the last topic. */
function lastTopic(b: PeerSocket): () => string | undefined {
  let topic: string | undefined;
  const run = async () => {
    for (;;) topic = String((await b.receive())[0]);
  };
  run().catch(() => {}); // Closed.
  return () => topic;
}
