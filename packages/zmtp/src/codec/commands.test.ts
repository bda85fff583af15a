import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { faultOf, hex } from "../../test/support/collect.ts";
import {
  type Command,
  encodeCancel,
  encodeCommand,
  encodeError,
  encodePing,
  encodePong,
  encodeReady,
  encodeSubscribe,
  parseCommand,
} from "./commands.ts";

/** A command's body, of a frame as it is written. */
const bodyOf = (frame: Buffer) => frame.subarray((frame[0] as number) & 2 ? 9 : 2);
const ascii = (text: string) => Buffer.from(text, "latin1").toString("hex");
const ready = (data: string) => hex(`05 ${ascii("READY")} ${data}`);
const metadataOf = (data: string) => {
  const command = parseCommand(ready(data));
  return command.name === "READY" ? Object.fromEntries([...command.metadata].map(([k, v]) => [k, String(v)])) : {};
};
const socketType = (type: string) =>
  `0b ${ascii("Socket-Type")} ${type.length.toString(16).padStart(8, "0")} ${ascii(type)}`;

describe("commands on the wire", () => {
  test.each<[string, Buffer, string]>([
    ["READY", encodeReady("PUB"), `04 19 05 ${ascii("READY")} 0b ${ascii("Socket-Type")} 00000003 ${ascii("PUB")}`],
    [
      "READY with an identity",
      encodeReady("REQ", Buffer.from("me")),
      `04 28 05 ${ascii("READY")} 0b ${ascii("Socket-Type")} 00000003 ${ascii("REQ")} 08 ${ascii("Identity")} 00000002 6d65`,
    ],
    [
      "READY with an empty identity",
      encodeReady("REQ", Buffer.alloc(0)),
      `04 26 05 ${ascii("READY")} 0b ${ascii("Socket-Type")} 00000003 ${ascii("REQ")} 08 ${ascii("Identity")} 00000000`,
    ],
    ["ERROR", encodeError("no"), `04 09 05 ${ascii("ERROR")} 02 6e6f`],
    ["SUBSCRIBE", encodeSubscribe(Buffer.from("ab")), `04 0c 09 ${ascii("SUBSCRIBE")} 6162`],
    ["SUBSCRIBE to everything", encodeSubscribe(Buffer.alloc(0)), `04 0a 09 ${ascii("SUBSCRIBE")}`],
    ["CANCEL", encodeCancel(Buffer.from("ab")), `04 09 06 ${ascii("CANCEL")} 6162`],
    ["PING", encodePing(), `04 07 04 ${ascii("PING")} 0000`],
    ["PING with a TTL and a context", encodePing(1500, hex("c0ffee")), `04 0a 04 ${ascii("PING")} 000f c0ffee`],
    ["PONG", encodePong(hex("c0ffee")), `04 08 04 ${ascii("PONG")} c0ffee`],
    ["PONG without a context", encodePong(), `04 05 04 ${ascii("PONG")}`],
  ])("%s", (_, frame, expected) => {
    expect(frame.toString("hex")).toBe(hex(expected).toString("hex"));
  });

  test("a command of more than 255 bytes has a long header", () => {
    const frame = encodeSubscribe(Buffer.alloc(300, 0x61));
    expect(frame.subarray(0, 9).toString("hex")).toBe(`06${(310).toString(16).padStart(16, "0")}`);
    expect(parseCommand(bodyOf(frame))).toEqual({ name: "SUBSCRIBE", prefix: Buffer.alloc(300, 0x61) });
  });

  test("a TTL is rounded up to tenths of a second and kept within 16 bits", () => {
    const ttl = (ms: number) => (parseCommand(bodyOf(encodePing(ms))) as Command & { name: "PING" }).ttlMs;
    expect([0, 1, 100, 101, 6_553_500, 1e9].map(ttl)).toEqual([0, 100, 100, 200, 6_553_500, 6_553_500]);
  });

  test("the reason of an ERROR is cut at 255 bytes", () => {
    expect(parseCommand(bodyOf(encodeError("e".repeat(1000))))).toEqual({ name: "ERROR", reason: "e".repeat(255) });
  });
});

describe("parseCommand", () => {
  test("takes its own commands apart, whatever they hold", () => {
    const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
    const context = fc.uint8Array({ maxLength: 16 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes, context, fc.nat(0xffff), (prefix, ping, tenths) => {
        expect(parseCommand(bodyOf(encodeSubscribe(prefix)))).toEqual({ name: "SUBSCRIBE", prefix });
        expect(parseCommand(bodyOf(encodeCancel(prefix)))).toEqual({ name: "CANCEL", prefix });
        const expected = { name: "PING", ttlMs: tenths * 100, context: ping };
        expect(parseCommand(bodyOf(encodePing(tenths * 100, ping)))).toEqual(expected);
        expect(parseCommand(bodyOf(encodePong(ping)))).toEqual({ name: "PONG", context: ping });
        const metadata = new Map([
          ["socket-type", Buffer.from("DEALER")],
          ["identity", prefix],
        ]);
        expect(parseCommand(bodyOf(encodeReady("DEALER", prefix)))).toEqual({ name: "READY", metadata });
      }),
    );
  });

  test("tells names that it does not know, whose case differs or that only begin alike", () => {
    for (const given of ["HELLO", "ready", "READYX", "\0", "N".repeat(255)]) {
      expect(parseCommand(bodyOf(encodeCommand(given, hex("0102"))))).toEqual({ name: "unknown", given });
    }
  });

  test("compares the names of properties without case and takes others along", () => {
    const data = `0b ${ascii("sOcKeT-tYpE")} 00000003 ${ascii("SUB")} 05 ${ascii("X-Any")} 00000000`;
    expect(metadataOf(data)).toEqual({ "socket-type": "SUB", "x-any": "" });
  });

  test("takes READY without properties", () => {
    expect(metadataOf("")).toEqual({});
  });

  test("keeps the last one of two properties of the same name", () => {
    expect(metadataOf(socketType("PUB") + socketType("SUB"))).toEqual({ "socket-type": "SUB" });
  });

  test.each([
    ["nothing", ""],
    ["a name of no bytes", "00 61"],
    ["a name that is cut short", "05 52454144"],
    ["a name of 255 bytes of which one is there", "ff 61"],
    ["a PING without a TTL", `04 ${ascii("PING")}`],
    ["a PING with half a TTL", `04 ${ascii("PING")} 00`],
    ["a PING with a context of 17 bytes", `04 ${ascii("PING")} 0000 ${"aa".repeat(17)}`],
    ["an ERROR whose reason is cut short", `05 ${ascii("ERROR")} 05 616263`],
    ["a property without a name", `05 ${ascii("READY")} 00 00000001 61`],
    ["a property without a value's length", `05 ${ascii("READY")} 01 61 0000`],
    ["a property whose name is cut short", `05 ${ascii("READY")} 0b 536f636b6574`],
    ["a property whose value is cut short", `05 ${ascii("READY")} 01 61 00000002 62`],
    ["a property of 4 GiB", `05 ${ascii("READY")} 01 61 ffffffff 62`],
    ["a second property that is cut short", `05 ${ascii("READY")} ${socketType("SUB")} 08`],
  ])("%s is a bad command", (_, body) => {
    expect(faultOf(() => parseCommand(hex(body)))).toBe("bad-command");
  });

  test("throws nothing but ProtocolFault, whatever the bytes are", () => {
    const names = fc.constantFrom("READY", "ERROR", "SUBSCRIBE", "CANCEL", "PING", "PONG");
    const body = fc
      .tuple(names, fc.uint8Array({ maxLength: 60 }))
      .map(([name, data]) => bodyOf(encodeCommand(name, data)));
    const anything = fc.oneof(
      body,
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        expect(["no fault", "bad-command"]).toContain(faultOf(() => parseCommand(bytes)));
      }),
      { numRuns: 2000 },
    );
  });
});
