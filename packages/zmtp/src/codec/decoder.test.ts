import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Collector, commandOf, decode, encode, everyByte, type Heard, hex } from "../../test/support/collect.ts";
import { encodePing, encodeReady, encodeSubscribe } from "./commands.ts";
import { FrameDecoder } from "./decoder.ts";
import { encodeMessage, flagMore, writeHeader } from "./frames.ts";

const text = (...parts: string[]) => parts.map((part) => Buffer.from(part));

describe("bytes as RFC 37 has them", () => {
  test.each<[string, string, Heard[]]>([
    ["a short frame", "00 03 616263", [{ message: text("abc") }]],
    ["a long header for a short body", "02 0000000000000003 616263", [{ message: text("abc") }]],
    ["an empty frame", "00 00", [{ message: text("") }]],
    ["three frames, the second one empty", "01 01 61 01 00 00 01 62", [{ message: text("a", "", "b") }]],
    ["two messages", "00 01 61 00 01 62", [{ message: text("a") }, { message: text("b") }]],
    ["a command", "04 05 04 50494e47", [{ command: hex("04 50494e47") }]],
    ["a long command", "06 0000000000000005 04 50494e47", [{ command: hex("04 50494e47") }]],
    [
      "a command between two frames of a message",
      "01 01 61 04 05 04 504f4e47 00 01 62",
      [{ command: hex("04 504f4e47") }, { message: text("a", "b") }],
    ],
    [
      "a message, a command and a message",
      "00 01 61 04 05 04 504f4e47 00 01 62",
      [{ message: text("a") }, { command: hex("04 504f4e47") }, { message: text("b") }],
    ],
  ])("%s", (_, bytes, expected) => {
    const stream = hex(bytes);
    expect(decode(stream, [])).toEqual(expected);
    for (const cut of everyByte(stream)) expect(decode(stream, [cut]), `cut at ${cut}`).toEqual(expected);
    expect(decode(stream, everyByte(stream))).toEqual(expected);
  });
});

const smallSizes = fc.constantFrom(0, 1, 2, 17, 254, 255, 256, 257);
const largeSizes = fc.constantFrom(0, 1, 254, 255, 256, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 700_000);
/** A message by the sizes of its frames, or a command; bytes are made from it, so that a counterexample can be read. */
type Plan = { readonly sizes: readonly number[] } | { readonly command: "PING" | "READY" | number };

function plans(sizes: fc.Arbitrary<number>, framesMax: number, itemsMax: number): fc.Arbitrary<Plan[]> {
  const message = fc.record({ sizes: fc.array(sizes, { minLength: 1, maxLength: framesMax }) });
  const command = fc.record({ command: fc.oneof(fc.constantFrom("PING" as const, "READY" as const), fc.nat(300)) });
  const item = fc.oneof<[fc.WeightedArbitrary<Plan>, fc.WeightedArbitrary<Plan>]>(
    { weight: 3, arbitrary: message },
    { weight: 1, arbitrary: command },
  );
  return fc.array(item, { minLength: 1, maxLength: itemsMax });
}

function make(plan: readonly Plan[]): Heard[] {
  let seed = 1;
  return plan.map((item) => {
    if ("sizes" in item) return { message: item.sizes.map((size) => patterned(size, seed++)) };
    const { command } = item;
    if (command === "PING") return { command: bodyOf(encodePing(100, Buffer.from("ctx"))) };
    if (command === "READY") return { command: bodyOf(encodeReady("DEALER", Buffer.from("me"))) };
    return { command: bodyOf(encodeSubscribe(patterned(command, seed++))) };
  });
}

const bodyOf = (frame: Buffer) => frame.subarray((frame[0] as number) & 2 ? 9 : 2);

/** No period of it is that of a buffer. */
function patterned(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let n = 0; n < size; n++) bytes[n] = (n * 31 + (n >>> 8) + seed * 7) & 0xff;
  return bytes;
}

/** Cut positions within a stream. */
const cutsIn = (length: number, most: number) =>
  fc.array(fc.integer({ min: 0, max: length }), { maxLength: most }).map((cuts) => cuts.sort((a, b) => a - b));

/** Compared as bytes: faster than `toEqual` on large buffers. */
function same(heard: readonly Heard[], items: readonly Heard[]): boolean {
  if (heard.length !== items.length) return false;
  return heard.every((item, n) => {
    const other = items[n] as Heard;
    if ("command" in item) return "command" in other && item.command.equals(other.command);
    if (!("message" in other) || item.message.length !== other.message.length) return false;
    return item.message.every((frame, at) => frame.equals(other.message[at] as Buffer));
  });
}

describe("whatever the stream holds, what was encoded is decoded", () => {
  test("when it is cut in two, at every position", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(plans(smallSizes, 20, 4), (plan) => {
        const items = make(plan);
        const stream = encode(items);
        for (let cut = 0; cut <= stream.length; cut++) {
          if (!same(decode(stream, [cut]), items)) throw new Error(`cut at ${cut} of ${stream.length}`);
        }
      }),
      { numRuns: 25 },
    );
  });

  test("when it comes byte by byte", () => {
    fc.assert(
      fc.property(plans(smallSizes, 20, 5), (plan) => {
        const items = make(plan);
        const stream = encode(items);
        return same(decode(stream, everyByte(stream)), items);
      }),
      { numRuns: 60 },
    );
  });

  test("when it is cut anywhere, in frames of any size", { timeout: 60_000 }, () => {
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });
    fc.assert(
      fc.property(plans(largeSizes, 5, 4), cuts, (plan, parts) => {
        const items = make(plan);
        const stream = encode(items);
        const at = parts.map((part) => Math.floor(part * stream.length)).sort((a, b) => a - b);
        return same(decode(stream, at), items);
      }),
      { numRuns: 80 },
    );
  });

  test("when it is cut around each header of large frames", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(plans(largeSizes, 3, 3), (plan) => {
        const items = make(plan);
        const stream = encode(items);
        let at = 0;
        for (const item of items) {
          for (const cut of [at, at + 1, at + 2, at + 8, at + 9, at + 10]) {
            if (cut <= stream.length && !same(decode(stream, [cut]), items)) throw new Error(`cut at ${cut}`);
          }
          at += encode([item]).length;
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("commands between the frames of a message", () => {
  /** A message of three frames with a PING before each frame but the first, and another message. */
  const ping = encodePing(0, Buffer.from("x"));
  const frame = (body: Buffer, flags: number) => {
    const bytes = Buffer.alloc(9 + body.length);
    const at = writeHeader(bytes, 0, body.length, flags);
    body.copy(bytes, at);
    return bytes.subarray(0, at + body.length);
  };
  const [a, b, c] = [Buffer.alloc(300, 1), Buffer.alloc(0), Buffer.alloc(5, 3)];
  const stream = Buffer.concat([
    frame(a, flagMore),
    ping,
    frame(b, flagMore),
    ping,
    frame(c, 0),
    encodeMessage(text("z")),
  ]);
  const expected: Heard[] = [
    { command: ping.subarray(2) },
    { command: ping.subarray(2) },
    { message: [a, b, c] },
    { message: text("z") },
  ];

  test("are given out at once and leave the message whole, at every cut", () => {
    for (let cut = 0; cut <= stream.length; cut++)
      expect(same(decode(stream, [cut]), expected), `cut at ${cut}`).toBe(true);
  });

  test("likewise byte by byte and at any two cuts", () => {
    expect(same(decode(stream, everyByte(stream)), expected)).toBe(true);
    fc.assert(
      fc.property(cutsIn(stream.length, 2), (cuts) => same(decode(stream, cuts), expected)),
      { numRuns: 2000 },
    );
  });
});

describe("the order and the size of batches", () => {
  test("messages of one chunk come in one batch", () => {
    const collector = new Collector();
    new FrameDecoder(collector).push(encode(["a", "b", "c"].map((body) => ({ message: text(body) }))));
    expect(collector.batches).toEqual([3]);
  });

  test("a command parts the messages before it from those behind", () => {
    const collector = new Collector();
    const ping: Heard = { command: encodePing().subarray(2) };
    const items: Heard[] = [{ message: text("a") }, { message: text("b") }, ping, { message: text("c", "d") }];
    new FrameDecoder(collector).push(encode(items));
    expect(collector.batches).toEqual([2, 1]);
    expect(same(collector.heard, items)).toBe(true);
  });

  test("what is complete is given out before more comes", () => {
    const collector = new Collector();
    const decoder = new FrameDecoder(collector);
    decoder.push(Buffer.concat([encodeMessage(text("a")), hex("00 05 6162")]));
    expect(collector.texts).toEqual([["a"]]);
    expect(decoder.idle).toBe(false);
    decoder.push(hex("636465"));
    expect(collector.texts).toEqual([["a"], ["abcde"]]);
    expect(decoder.idle).toBe(true);
  });

  test("an empty chunk changes nothing", () => {
    const collector = new Collector();
    const decoder = new FrameDecoder(collector);
    for (const byte of encodeMessage(text("a", ""))) {
      decoder.push(Buffer.alloc(0));
      decoder.push(Buffer.of(byte));
    }
    expect(collector.texts).toEqual([["a", ""]]);
  });

  test("two decoders fed in turns do not mix", () => {
    const pairs = ["one", "two"].map((name) => {
      const collector = new Collector();
      return { collector, decoder: new FrameDecoder(collector), bytes: encodeMessage(text(name, `${name}!`)) };
    });
    for (let at = 0; at < (pairs[0]?.bytes.length ?? 0); at++) {
      for (const { decoder, bytes } of pairs) decoder.push(bytes.subarray(at, at + 1));
    }
    expect(pairs.map(({ collector }) => collector.texts)).toEqual([[["one", "one!"]], [["two", "two!"]]]);
  });

  test("the commands of the helpers are what the encoder writes", () => {
    expect(commandOf(encodePing().subarray(2)).equals(encodePing())).toBe(true);
  });
});
