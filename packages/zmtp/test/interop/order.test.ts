import { expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import type { PeerSocket } from "./adapters.ts";
import { each, isLong, isSubscriber, link, meet, pairOf, pairs, publishing, say, texts } from "./pairs.ts";
import { carriers, Room } from "./room.ts";

const many = isLong ? 200_000 : 20_000;
/** Those that may send without waiting for an answer. */
const streaming = pairs.filter(({ a, b }) => a !== "REQ" && b !== "REP");

/** The last frame of so many messages, as numbers. */
async function numbers(b: PeerSocket, count: number): Promise<Int32Array> {
  const came = new Int32Array(count);
  for (let n = 0; n < count; n++) came[n] = Number(String((await b.receive()).at(-1)));
  return came;
}

const counted = (count: number) => Int32Array.from({ length: count }, (_, n) => n);
const isSame = (came: Int32Array, wanted: Int32Array) => Buffer.compare(bytesOf(came), bytesOf(wanted)) === 0;
const bytesOf = ({ buffer }: Int32Array) => new Uint8Array(buffer);

describe.each(each(streaming))("%s", (_, pair, way) => {
  expectNoLeaks();

  test.each(isLong ? carriers : (["tcp"] as const))(
    `${many} messages arrive in order, none twice and none missing, over %s`,
    async (carrier) => {
      await using room = new Room();
      const [a, b] = await link(room, pair, way, { carrier });
      await say(pair, a, ["0"]);
      const came = numbers(b, many);
      for (let n = 1; n < many; n++) await a.send([...pair.lead, `${n}`]);
      expect(isSame(await came, counted(many))).toBe(true);
    },
  );
});

describe.each(each([...publishing, pairOf("DEALER", "DEALER"), pairOf("DEALER", "ROUTER")]))("%s", (_, pair, way) => {
  expectNoLeaks();

  test("of several that send to one, each arrives in order", async () => {
    await using room = new Room();
    const b = room.socket(way[1], pair.b);
    if (isSubscriber(b)) await b.subscribe("");
    const address = await b.bind(room.address());
    const senders: PeerSocket[] = [];
    for (let n = 0; n < 3; n++) {
      const a = room.socket(way[0], pair.a);
      a.connect(address);
      await meet(a, b);
      senders.push(a);
    }
    const each = 1000;
    for (let n = 0; n < each; n++) for (const [from, a] of senders.entries()) await a.send([`${from}`, `${n}`]);
    const came: string[][] = [[], [], []];
    for (let n = 0; n < 3 * each; n++) {
      const [from, at] = texts((await b.receive()).slice(pair.leadToB)) as [string, string];
      came[Number(from)]?.push(at);
    }
    const wanted = counted(each).join();
    expect(came.map((list) => list.join() === wanted)).toEqual([true, true, true]);
  });
});

describe.each(each(publishing))("%s", (_, pair, way) => {
  expectNoLeaks();

  test("one publisher's messages reach several subscribers, each in order", async () => {
    await using room = new Room();
    const a = room.socket(way[0], pair.a);
    const address = await a.bind(room.address());
    const subscribers: PeerSocket[] = [];
    for (const prefix of ["", "even", "odd"]) {
      const b = room.socket(way[1], pair.b);
      await b.subscribe(prefix);
      b.connect(address);
      await meet(a, b, `${prefix} probe`);
      subscribers.push(b);
    }
    const count = 3000;
    await a.send(["even and odd", "-1"]);
    await a.send(["odd", "-1"]);
    for (let n = 0; n < count; n++) await a.send([n % 2 === 0 ? "even" : "odd", `${n}`]);
    const came = await Promise.all(subscribers.map((b) => untilLast(b, count)));
    expect(came[0]).toEqual([...counted(count)]);
    expect(came[1]).toEqual([...counted(count)].filter((n) => n % 2 === 0));
    expect(came[2]).toEqual([...counted(count)].filter((n) => n % 2 === 1));
  });
});

/** Numbers from 0 on up to the last or the last but one. Probes have three frames. */
async function untilLast(b: PeerSocket, count: number): Promise<number[]> {
  const came: number[] = [];
  while ((came.at(-1) ?? 0) < count - 2 || (came.length > count / 2 && came.at(-1) !== count - 1)) {
    const frames = texts(await b.receive());
    if (frames.length === 2 && frames[1] !== "-1") came.push(Number(frames[1]));
  }
  return came;
}
