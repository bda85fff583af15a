import { describe, expect, test } from "vitest";
import { faultOf, hex } from "../../test/support/collect.ts";
import { encodeGreeting, greetingLength, parseGreeting } from "./greeting.ts";

/** RFC 37: signature FF 8*00 7F, version 03 01, "NULL" and 16 NULs, as-server 0, 31 NULs. */
const written = hex(`ff 00 00 00 00 00 00 00 00 7f  03 01  4e 55 4c 4c ${"00".repeat(16)}  00  ${"00".repeat(31)}`);

describe("encodeGreeting", () => {
  test("writes the 64 bytes of RFC 37", () => {
    expect(encodeGreeting().toString("hex")).toBe(written.toString("hex"));
    expect(written).toHaveLength(greetingLength);
  });

  test("writes version, mechanism and role where they belong", () => {
    const bytes = encodeGreeting({ major: 4, minor: 7, mechanism: "CURVE", asServer: true });
    expect(bytes.subarray(10, 12).toString("hex")).toBe("0407");
    expect(bytes.subarray(12, 32).toString("latin1")).toBe(`CURVE${"\0".repeat(15)}`);
    expect(bytes[32]).toBe(1);
    expect(bytes.subarray(33).every((byte) => byte === 0)).toBe(true);
  });

  test("keeps a mechanism within its 20 bytes", () => {
    const bytes = encodeGreeting({ mechanism: "M".repeat(25) });
    expect(bytes.subarray(12, 32).toString("latin1")).toBe("M".repeat(20));
    expect(bytes[32]).toBe(0);
  });
});

describe("parseGreeting", () => {
  test("waits for all 64 bytes, however many are there", () => {
    for (let length = 0; length < greetingLength; length++) {
      expect(parseGreeting(written.subarray(0, length)), `${length} bytes`).toBeUndefined();
    }
    expect(parseGreeting(written)).toEqual({ major: 3, minor: 1, mechanism: "NULL", asServer: false });
  });

  test("reads a view into the midst of a larger buffer", () => {
    const view = Buffer.concat([Buffer.alloc(7, 1), written, Buffer.alloc(9, 2)]).subarray(7, 7 + greetingLength);
    expect(parseGreeting(view)).toEqual({ major: 3, minor: 1, mechanism: "NULL", asServer: false });
  });

  test("takes any padding in the signature and any filler, as RFC 23 demands", () => {
    const bytes = Buffer.from(written);
    bytes.fill(0x5a, 1, 9);
    bytes.fill(0x77, 33);
    expect(parseGreeting(bytes)).toMatchObject({ major: 3, minor: 1, mechanism: "NULL" });
  });

  test.each([
    [3, 0],
    [3, 1],
    [3, 9],
    [4, 0],
    [255, 255],
  ])("reads version %i.%i", (major, minor) => {
    expect(parseGreeting(encodeGreeting({ major, minor }))).toMatchObject({ major, minor });
  });

  test.each(["NULL", "PLAIN", "CURVE", "M".repeat(20), ""])("reads the mechanism %j", (mechanism) => {
    expect(parseGreeting(encodeGreeting({ mechanism, asServer: true }))).toMatchObject({ mechanism, asServer: true });
  });

  test("cuts a mechanism at trailing NULs only", () => {
    const bytes = encodeGreeting({ mechanism: "A\0B" });
    expect(parseGreeting(bytes)?.mechanism).toBe("A\0B");
  });
});

describe("what is no greeting of ZMTP 3", () => {
  test.each([
    ["ZMTP 1.0 without an identity", "01 00"],
    ["ZMTP 1.0 with an identity of 3 bytes", "04 00 61 62 63"],
    ["ZMTP 1.0 with a long length", "ff 00 00 00 00 00 00 00 01 00"],
    ["the signature and revision 0", "ff 00 00 00 00 00 00 00 01 7f 00"],
    ["ZMTP 2.0, a PUB", "ff 00 00 00 00 00 00 00 01 7f 01 01 00 00"],
    ["version 2.1", "ff 00 00 00 00 00 00 00 01 7f 02 01"],
  ])("%s is told as an old version", (_, bytes) => {
    expect(faultOf(() => parseGreeting(hex(bytes)))).toBe("old-version");
  });

  test.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")],
    ["a TLS hello", hex("16 03 01 02 00 01 00 01 fc 03 03")],
    ["SSH", Buffer.from("SSH-2.0-OpenSSH_9.6\r\n")],
    ["zeros", Buffer.alloc(64)],
    ["one zero", Buffer.alloc(1)],
    ["a signature with a wrong end", hex("ff 00 00 00 00 00 00 00 00 7d")],
    ["ones", Buffer.alloc(64, 0xff)],
  ])("%s is told as a bad greeting", (_, bytes) => {
    expect(faultOf(() => parseGreeting(bytes))).toBe("bad-greeting");
  });

  test.each([
    ["HTTP", Buffer.from("GE"), 2],
    ["zeros", Buffer.alloc(64), 1],
    ["ZMTP 1.0", hex("01 00"), 2],
    ["a wrong end of the signature", hex("ff 00 00 00 00 00 00 00 00 7d 03 01"), 10],
    ["ZMTP 2.0", hex("ff 00 00 00 00 00 00 00 01 7f 01 01"), 11],
  ])("%s is told at the first byte that shows it", (_, bytes, shownBy) => {
    for (let length = 0; length < shownBy; length++) expect(parseGreeting(bytes.subarray(0, length))).toBeUndefined();
    expect(faultOf(() => parseGreeting(bytes.subarray(0, shownBy)))).not.toBe("no fault");
  });
});
