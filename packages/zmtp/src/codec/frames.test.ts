import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hex } from "../../test/support/collect.ts";
import {
  encodedLength,
  encodeMessage,
  flagCommand,
  flagLong,
  flagMore,
  headerLength,
  headerLengthMax,
  shortSizeMax,
  writeHeader,
  writeMessage,
} from "./frames.ts";

const header = (size: number, flags: number) => {
  const target = Buffer.alloc(headerLengthMax + 1, 0xee);
  const end = writeHeader(target, 0, size, flags);
  expect(target.subarray(end).every((byte) => byte === 0xee)).toBe(true);
  return target.subarray(0, end).toString("hex");
};

describe("frame headers", () => {
  test("flags are the bits of RFC 37", () => {
    expect([flagMore, flagLong, flagCommand]).toEqual([1, 2, 4]);
  });

  test.each([
    [0, 0, "0000"],
    [1, 0, "0001"],
    [254, flagMore, "01fe"],
    [255, flagMore, "01ff"],
    [255, flagCommand, "04ff"],
    [256, 0, "02 0000000000000100"],
    [256, flagMore, "03 0000000000000100"],
    [256, flagCommand, "06 0000000000000100"],
    [65_535, 0, "02 000000000000ffff"],
    [65_536, 0, "02 0000000000010000"],
    [0x0102_0304, 0, "02 0000000001020304"],
    [0xffff_ffff, 0, "02 00000000ffffffff"],
    [0x1_0000_0000, 0, "02 0000000100000000"],
    [0x1234_5678_9abc, 0, "02 0000123456789abc"],
    [0xcd12_3456_7890, 0, "02 0000cd1234567890"],
  ])("a body of %i bytes with flags %i", (size, flags, expected) => {
    expect(header(size, flags)).toBe(expected.replaceAll(" ", ""));
    expect(headerLength(size)).toBe(expected.replaceAll(" ", "").length / 2);
  });

  test("any size up to 2^48 is written as 64 bits, big endian", () => {
    const sizes = fc.integer({ min: shortSizeMax + 1, max: 2 ** 48 - 1 });
    fc.assert(
      fc.property(sizes, fc.constantFrom(0, flagMore, flagCommand), (size, flags) => {
        const wanted = Buffer.alloc(9);
        wanted[0] = flags | flagLong;
        wanted.writeBigUInt64BE(BigInt(size), 1);
        expect(header(size, flags)).toBe(wanted.toString("hex"));
      }),
    );
  });

  test("a header leaves alone what is before it", () => {
    const target = Buffer.alloc(14, 0xee);
    expect(writeHeader(target, 5, 300, 0)).toBe(14);
    expect(target.subarray(0, 5).toString("hex")).toBe("eeeeeeeeee");
  });
});

describe("messages", () => {
  test("every frame but the last has MORE", () => {
    const message = encodeMessage(["topic", "", "body"].map((text) => Buffer.from(text)));
    expect(message.toString("hex")).toBe(hex("01 05 746f706963  01 00  00 04 626f6479").toString("hex"));
  });

  test("one empty frame takes two bytes", () => {
    expect(encodeMessage([Buffer.alloc(0)]).toString("hex")).toBe("0000");
  });

  test("long and short frames mix", () => {
    const message = encodeMessage([Buffer.alloc(256, 7), Buffer.from("x")]);
    const wanted = Buffer.concat([hex("03 0000000000000100"), Buffer.alloc(256, 7), hex("00 01 78")]);
    expect(message.equals(wanted)).toBe(true);
  });

  test("no frames take no bytes", () => {
    expect(encodedLength([])).toBe(0);
    expect(encodeMessage([])).toHaveLength(0);
  });

  test("encodedLength is what writeMessage writes, wherever it writes it", () => {
    const sizes = fc.array(fc.constantFrom(0, 1, 2, 254, 255, 256, 257, 65_535, 65_536), { maxLength: 8 });
    fc.assert(
      fc.property(sizes, fc.nat(20), (lengths, at) => {
        const frames = lengths.map((length, n) => Buffer.alloc(length, n + 1));
        const target = Buffer.alloc(at + encodedLength(frames) + 5, 0xee);
        const end = writeMessage(target, at, frames);
        expect(end).toBe(at + encodedLength(frames));
        expect(target.subarray(at, end).equals(encodeMessage(frames))).toBe(true);
        expect([...target.subarray(0, at), ...target.subarray(end)].every((byte) => byte === 0xee)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("frames may be plain Uint8Arrays and views", () => {
    const bytes = Uint8Array.of(9, 8, 7, 6);
    expect(encodeMessage([bytes.subarray(1, 3), new Uint8Array(0)]).toString("hex")).toBe("010208070000");
  });
});
