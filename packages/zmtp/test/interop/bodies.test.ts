import { expectNoLeaks } from "@fedmsg/testkit";
import { describe, test } from "vitest";
import type { Frames, SocketType } from "./adapters.ts";
import { each, exchange, isLong, link, pairOf, pairs, ways } from "./pairs.ts";
import { carriers, Room } from "./room.ts";

const shapes: Record<string, Frames> = {
  "one frame": ["body"],
  "three frames": ["one", "two", "three"],
  "an empty frame first": ["", "body"],
  "an empty frame in the middle": ["topic", "", "body"],
  "an empty frame last": ["topic", "body", ""],
  "only empty frames": ["", "", ""],
  "one empty frame": [""],
};

const kibibyte = 1024;
/** Around the boundary between short and long frames, and around what buffers hold. */
const lengths = [
  0,
  1,
  254,
  255,
  256,
  8 * kibibyte,
  64 * kibibyte - 1,
  64 * kibibyte,
  64 * kibibyte + 1,
  kibibyte * kibibyte,
];
const largest = 64_000_000;

/** One for each family of pairs; every pair in a long run. */
const forLargest: readonly (readonly [a: SocketType, b: SocketType])[] = isLong
  ? pairs.map(({ a, b }) => [a, b] as const)
  : [
      ["PUB", "SUB"],
      ["REQ", "REP"],
      ["DEALER", "ROUTER"],
    ];

/** Bytes that differ from their neighbours, so that a shift shows. */
function bytes(length: number): Buffer {
  const body = Buffer.alloc(length);
  for (let n = 0; n < length; n++) body[n] = (n * 31 + (n >>> 8)) & 0xff;
  return body;
}

const bodies = lengths.map(bytes);

describe.each(each(pairs))("%s", (_, pair, way) => {
  expectNoLeaks();

  test.each(carriers)("messages of any shape arrive as they were sent, over %s", async (carrier) => {
    await using room = new Room();
    const [a, b] = await link(room, pair, way, { carrier });
    for (const shape of Object.values(shapes)) await exchange(pair, a, b, shape);
  });

  test.each(carriers)("frames of 0 bytes to 1 MiB arrive as they were sent, over %s", async (carrier) => {
    await using room = new Room();
    const [a, b] = await link(room, pair, way, { carrier });
    for (const body of bodies) await exchange(pair, a, b, [body]);
    await exchange(pair, a, b, bodies);
  });
});

describe.each(forLargest)("%s–%s", (a, b) => {
  expectNoLeaks();

  test.each(isLong ? ways : ways.slice(0, 3))("64 MB arrive, %s to %s", async (...way) => {
    await using room = new Room();
    const pair = pairOf(a, b);
    const [from, to] = await link(room, pair, way);
    await exchange(pair, from, to, [Buffer.alloc(largest, "0123456789abcdef!")]);
    await exchange(pair, from, to, ["afterwards"]);
  });
});
