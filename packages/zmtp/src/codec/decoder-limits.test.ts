/** What hostile bytes may cost: limits, claims, and what happens around a fault. */

import { describe, expect, test } from "vitest";
import { Collector, encode, everyByte, faultOf, hex, pushReused } from "../../test/support/collect.ts";
import { encodeSubscribe } from "./commands.ts";
import { FrameDecoder, type FrameLimits } from "./decoder.ts";
import { encodeMessage } from "./frames.ts";

const limits: FrameLimits = { frameBytesMax: 300, messageBytesMax: 500, framesMax: 3, commandBytesMax: 280 };
const sized = (...sizes: number[]) => encodeMessage(sizes.map((size) => Buffer.alloc(size, 0x61)));
const command = (bytes: number) => encodeSubscribe(Buffer.alloc(bytes - "9SUBSCRIBE".length));

/** Why a stream is refused, whole or cut, always for the same reason. */
function refusal(stream: Buffer, of: FrameLimits = limits): string {
  const reasons = new Set<string>();
  const cuts = [[], everyByte(stream), ...everyByte(stream).map((cut) => [cut])];
  for (const at of cuts) reasons.add(faultOf(() => pushReused(new FrameDecoder(new Collector(), of), stream, at)));
  return [...reasons].join(" or ");
}

describe("limits hold at every cut", () => {
  test.each<[string, Buffer, string]>([
    ["a frame of as many bytes as are allowed", sized(300), "no fault"],
    ["one byte more", sized(301), "frame-too-large"],
    ["a later frame of one byte more", sized(1, 301), "frame-too-large"],
    ["a message of as many bytes as are allowed", sized(300, 200), "no fault"],
    ["one byte more in all", sized(300, 201), "message-too-large"],
    ["one byte more in the third frame", sized(300, 200, 1), "message-too-large"],
    ["two messages that are too much together", Buffer.concat([sized(300, 200), sized(300, 200)]), "no fault"],
    ["as many frames as are allowed", sized(0, 0, 0), "no fault"],
    ["one frame more", sized(0, 0, 0, 0), "too-many-frames"],
    [
      "a message after one that has as many as are allowed",
      Buffer.concat([sized(0, 0, 0), sized(1, 1, 1)]),
      "no fault",
    ],
    ["a command of as many bytes as are allowed", command(280), "no fault"],
    ["a command of one byte more", command(281), "bad-command"],
  ])("%s", (_, stream, expected) => {
    expect(refusal(stream)).toBe(expected);
  });

  test("a command within a message does not count for it, and the message's bytes not for the command", () => {
    const frame = sized(300).fill(1, 0, 1).fill(3, 0, 1);
    expect(refusal(Buffer.concat([frame, command(280), sized(200)]))).toBe("no fault");
    expect(refusal(Buffer.concat([frame, command(280), sized(201)]))).toBe("message-too-large");
  });

  test("a frame is refused by its header, before its body", () => {
    const decoder = new FrameDecoder(new Collector(), limits);
    expect(faultOf(() => decoder.push(hex("02 000000000000012d")))).toBe("frame-too-large");
  });

  test.each([
    ["2^63 bytes", "02 8000000000000000", "frame-too-large"],
    ["2^64 - 1 bytes", "02 ffffffffffffffff", "frame-too-large"],
    ["2^63 bytes and more frames", "03 8000000000000000", "frame-too-large"],
    ["2^32 bytes", "02 0000000100000000", "frame-too-large"],
    ["2^53 + 1 bytes", "02 0020000000000001", "frame-too-large"],
    ["a command of 2^63 bytes", "06 8000000000000000", "bad-command"],
  ])("a claim of %s is refused", (_, header, reason) => {
    expect(refusal(Buffer.concat([hex(header), Buffer.alloc(20)]))).toBe(reason);
    expect(refusal(Buffer.concat([hex(header), Buffer.alloc(20)]), { ...limits, commandBytesMax: 2 ** 32 })).toBe(
      reason,
    );
  });

  test.each(["08", "10", "20", "40", "80", "ff", "05", "07", "0c"])("flags of %s are refused", (flags) => {
    expect(refusal(hex(`${flags} 01 00 00 00 00 00 00 00 01`))).toBe("bad-frame");
  });

  test("without limits a claim of 2^63 bytes is waited for, at no cost", () => {
    const none = Number.POSITIVE_INFINITY;
    const boundless = { frameBytesMax: none, messageBytesMax: none, framesMax: none, commandBytesMax: none };
    const decoder = new FrameDecoder(new Collector(), boundless);
    decoder.push(Buffer.concat([hex("02 8000000000000000"), Buffer.alloc(1000)]));
    expect(decoder.idle).toBe(false);
  });
});

describe("memory follows what has come, not what is claimed", () => {
  const claim = hex("02 0000000004000000");
  const grown = (work: () => unknown) => {
    const before = process.memoryUsage().arrayBuffers;
    const kept = work();
    const bytes = process.memoryUsage().arrayBuffers - before;
    expect(kept).toBeDefined();
    return bytes;
  };

  test("a header that claims 64 MiB gets less than 1 MiB", () => {
    const decoder = new FrameDecoder(new Collector());
    expect(grown(() => decoder.push(claim) ?? decoder)).toBeLessThan(1024 * 1024);
  });

  test("so does one whose size comes byte by byte, and 8 KiB of its body", () => {
    const decoder = new FrameDecoder(new Collector());
    const bytes = grown(() => {
      for (const byte of claim) decoder.push(Buffer.of(byte));
      for (let n = 0; n < 8; n++) decoder.push(Buffer.alloc(1024));
      return decoder;
    });
    expect(bytes).toBeLessThan(1024 * 1024);
  });

  test("a hundred half-open frames of 64 MiB stay below 32 MiB together", () => {
    const bytes = grown(() =>
      Array.from({ length: 100 }, () => {
        const decoder = new FrameDecoder(new Collector());
        decoder.push(claim);
        return decoder;
      }),
    );
    expect(bytes).toBeLessThan(32 * 1024 * 1024);
  });

  test("a frame of 64 MiB that does come is whole", () => {
    const chunk = Buffer.alloc(64 * 1024);
    let size = 0;
    const decoder = new FrameDecoder({
      command: () => {},
      messages: (batch) => {
        size = batch.frameLength(0, 0);
      },
    });
    decoder.push(claim);
    for (let n = 0; n < 1024; n++) decoder.push(chunk);
    expect(size).toBe(64 * 1024 * 1024);
    expect(decoder.idle).toBe(true);
  });

  test("a frame in single bytes costs time in proportion to its size", () => {
    const perByte = (size: number) => {
      const decoder = new FrameDecoder(new Collector());
      const byte = Buffer.of(1);
      decoder.push(hex(`02 ${size.toString(16).padStart(16, "0")}`));
      const from = performance.now();
      for (let n = 0; n < size; n++) decoder.push(byte);
      return (performance.now() - from) / size;
    };
    const best = (size: number) => Math.min(perByte(size), perByte(size), perByte(size));
    const [small, large] = [best(100_000), best(1_600_000)];
    expect(large).toBeLessThan(Math.max(small * 6, 0.002));
  });
});

describe("around a fault", () => {
  test("messages before it are given out, wherever the stream is cut", () => {
    const stream = Buffer.concat([encodeMessage([Buffer.from("good")]), hex("08 00")]);
    for (const cuts of [[], ...everyByte(stream).map((cut) => [cut])]) {
      const collector = new Collector();
      expect(faultOf(() => pushReused(new FrameDecoder(collector, limits), stream, cuts))).toBe("bad-frame");
      expect(collector.texts, `cut at ${cuts}`).toEqual([["good"]]);
    }
  });

  test("another decoder is not touched by it", () => {
    const collector = new Collector();
    const good = new FrameDecoder(collector);
    const stream = encode([{ message: [Buffer.from("a"), Buffer.from("b")] }]);
    for (const byte of stream) {
      expect(faultOf(() => new FrameDecoder(new Collector(), limits).push(hex("01 01 61 08 00")))).toBe("bad-frame");
      good.push(Buffer.of(byte));
    }
    expect(collector.texts).toEqual([["a", "b"]]);
  });
});
