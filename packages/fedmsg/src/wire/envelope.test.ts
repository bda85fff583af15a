import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { canonicalize, Float } from "../encoding.ts";
import { createEnvelope, encodeEnvelope, encodeMessage } from "./envelope.ts";

function errorOf(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    return (error as Error).message;
  }
}

const fields = {
  topic: "org.fedoraproject.dev.git.receive",
  msg: { b: 1, a: "é" },
  nowMs: Date.UTC(2024, 5, 1, 12, 0, 0, 999),
  uuid: "fb6ee9be-3081-4616-b742-539b6c1229e3",
  i: 3,
  username: "ralph",
};

describe("createEnvelope", () => {
  test("puts the fields around the message that fedmsg/core.py puts there, and no others", () => {
    expect(createEnvelope(fields)).toStrictEqual({
      topic: fields.topic,
      msg: fields.msg,
      timestamp: 1717243200,
      msg_id: `2024-${fields.uuid}`,
      i: 3,
      username: "ralph",
    });
  });

  test.each([
    ["undefined", undefined],
    ["null", null],
    ["false", false],
    ["0", 0],
    ["-0", -0],
    ["0n", 0n],
    ["0.0", new Float(0)],
    ["an empty text", ""],
    ["[]", []],
    ["{}", {}],
    ["an empty Map", new Map()],
    ["an empty Set", new Set()],
  ])("sends {} for %s", (_, msg) => expect(createEnvelope({ ...fields, msg }).msg).toStrictEqual({}));

  test.each([1, "x", [0], true, new Set([1])])("sends %j as it is", (msg) => {
    expect(createEnvelope({ ...fields, msg }).msg).toBe(msg);
  });

  test("keeps NaN, so that it is refused and not hidden", () => {
    expect(() => encodeMessage(createEnvelope({ ...fields, msg: Number.NaN }))).toThrow("msg: NaN is not JSON");
  });
});

describe("the year in msg_id", () => {
  const zone = process.env.TZ;
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  test.each([
    ["Pacific/Kiritimati", Date.UTC(2020, 11, 31, 12), 2021],
    ["America/Los_Angeles", Date.UTC(2021, 0, 1, 5), 2020],
    ["UTC", Date.UTC(2020, 11, 31, 23, 59, 59, 999), 2020],
  ])("is that of the clock in %s", (place, nowMs, year) => {
    process.env.TZ = place;
    expect(createEnvelope({ ...fields, nowMs }).msg_id).toBe(`${year}-${fields.uuid}`);
  });
});

describe("encodeEnvelope", () => {
  test("writes what encodeMessage writes", () => {
    const anything = fc.record({
      msg: fc.jsonValue(),
      topic: fc.string({ unit: "binary" }),
      username: fc.string(),
      i: fc.nat(),
    });
    fc.assert(
      fc.property(anything, fc.option(fc.maxSafeNat(), { nil: undefined }), (changed, position) => {
        const message = createEnvelope({ ...fields, ...changed, position });
        expect(encodeEnvelope(message)).toBe(encodeMessage(message));
      }),
    );
  });

  test("names the path to what cannot be written as encodeMessage does", () => {
    const message = createEnvelope({ ...fields, msg: { a: [{ b: Number.NaN }] } });
    expect(() => encodeEnvelope(message)).toThrow("msg.a[0].b: NaN is not JSON");
    const circle: { again?: unknown } = {};
    circle.again = circle;
    expect(errorOf(() => encodeEnvelope(createEnvelope({ ...fields, msg: circle })))).toEqual(
      errorOf(() => encodeMessage(createEnvelope({ ...fields, msg: circle }))),
    );
  });
});

describe("encodeMessage", () => {
  test("writes the canonical text that Python's validator hashes", () => {
    const text = encodeMessage(createEnvelope(fields));
    expect(text).toBe(
      '{"i":3,"msg":{"a":"\\u00e9","b":1},"msg_id":"2024-fb6ee9be-3081-4616-b742-539b6c1229e3",' +
        '"timestamp":1717243200,"topic":"org.fedoraproject.dev.git.receive","username":"ralph"}',
    );
    expect(canonicalize(text)).toBe(text);
  });

  test("writes as many bytes as characters", () => {
    const text = encodeMessage({ topic: "t.ü", msg: ["😀", "\ud800", "\u007f"] });
    expect(Buffer.byteLength(text)).toBe(text.length);
  });

  test("is canonical where a Map has number keys, which dumps sorts as Python does", () => {
    const text = encodeMessage({
      topic: "t",
      msg: new Map([
        [10, 1],
        [9, 2],
      ]),
    });
    expect(text).toBe('{"msg":{"10":1,"9":2},"topic":"t"}');
    expect(canonicalize(text)).toBe(text);
  });

  test("keeps the fields of others, seq_id and signature for instance", () => {
    expect(encodeMessage({ topic: "t", signature: "x", seq_id: 5, crypto: "x509" })).toBe(
      '{"crypto":"x509","seq_id":5,"signature":"x","topic":"t"}',
    );
  });
});
