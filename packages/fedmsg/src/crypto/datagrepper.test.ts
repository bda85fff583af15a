import { describe, expect, test } from "vitest";
import { dumps, loads, lossless } from "../encoding.ts";
import { Float } from "../wire/number.ts";
import { fixDatagrepperMessage, stripCredentials } from "./index.ts";

describe("fixDatagrepperMessage", () => {
  const added = { source_name: "datanommer", source_version: "0.9.1" };

  test.each([
    ["nothing to fix", { a: 1 }, { a: 1 }],
    [
      "only one of the two",
      { source_name: "x", headers: {}, timestamp: 1.5 },
      { source_name: "x", headers: {}, timestamp: 1.5 },
    ],
    ["both", { ...added, a: 1 }, { a: 1 }],
    ["empty headers", { ...added, headers: {} }, {}],
    ["no headers", { ...added, headers: null }, {}],
    ["headers", { ...added, headers: { a: 1 } }, { headers: { a: 1 } }],
    ["a broken timestamp", { ...added, timestamp: -1.5 }, { timestamp: -1 }],
    ["a timestamp as text", { ...added, timestamp: " 1_0 " }, { timestamp: 10 }],
    ["a timestamp that is none", { ...added, timestamp: [1] }, { timestamp: [1] }],
  ])("%s", (_, before, after) => {
    expect(dumps(fixDatagrepperMessage(before))).toBe(dumps(after));
    expect(JSON.parse(fixDatagrepperMessage(JSON.stringify(before)))).toEqual(after);
    expect(JSON.parse(Buffer.from(fixDatagrepperMessage(Buffer.from(JSON.stringify(before)))).toString())).toEqual(
      after,
    );
  });

  test("keeps the spelling of numbers, and makes the timestamp whole", () => {
    const text = `{"a":1.0,"b":123456789012345678901,"source_name":1,"source_version":2,"timestamp":5.0}`;
    expect(fixDatagrepperMessage(text)).toBe('{"a":1.0,"b":123456789012345678901,"timestamp":5}');
    expect(dumps(fixDatagrepperMessage(loads(text, lossless) as object))).toBe(fixDatagrepperMessage(text));
  });

  test("gives back as it is whatever is no such message", () => {
    for (const text of ["", "{", "[1]", '"x"', '{"a": 1.50}']) expect(fixDatagrepperMessage(text)).toBe(text);
    const bytes = Buffer.from([0xff]);
    expect(fixDatagrepperMessage(bytes)).toBe(bytes);
  });
});

test("stripCredentials copies deeply, keeps crypto, and strips the top level only", () => {
  const float = new Float(1);
  const message = { crypto: "x509", signature: "s", certificate: "c", msg: { signature: "inner", list: [{ float }] } };
  const stripped = stripCredentials(message);
  expect(stripped).toEqual({ crypto: "x509", msg: { signature: "inner", list: [{ float }] } });
  stripped.msg.list.push({ float });
  expect(message.msg.list).toHaveLength(1);
  expect(message.signature).toBe("s");
  const map = new Map<string, unknown>([
    ["signature", 1],
    ["a", new Map([["b", 1]])],
  ]);
  expect(dumps(stripCredentials(map))).toBe('{"a":{"b":1}}');
  expect(JSON.stringify(stripCredentials(JSON.parse('{"__proto__":{"x":1}}')))).toBe('{"__proto__":{"x":1}}');
});
