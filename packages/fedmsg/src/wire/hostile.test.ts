/** Deep, large and crafted input does no harm: it is read, or refused by a value or a FedmsgError, in little time. */
import { processorMs } from "@fedmsg/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { canonicalize, dumps, Float, loads, lossless, prettyDumps } from "../encoding.ts";
import { bodyBytesMaxDefault, decodeMessage } from "./frames.ts";

const MiB = 1024 * 1024;
const encodeError = expect.objectContaining({ name: "FedmsgError", code: "FEDMSG_ENCODE" });
const decodeError = expect.objectContaining({ name: "FedmsgError", code: "FEDMSG_DECODE" });

/** Quadratic work on these inputs takes minutes; what is allowed here leaves room for a slow machine. */
function timed<T>(run: () => T, allowedMs = 20_000): T {
  const started = processorMs();
  const result = run();
  expect(processorMs() - started).toBeLessThan(allowedMs);
  return result;
}

const decodeBody = (body: string | Uint8Array, bodyBytesMax = bodyBytesMaxDefault) =>
  decodeMessage([Buffer.from("t"), Buffer.from(body)], bodyBytesMax);

const nestings: [string, (levels: number, leaf: string) => string][] = [
  ["arrays", (levels, leaf) => "[".repeat(levels) + leaf + "]".repeat(levels)],
  ["objects", (levels, leaf) => '{"a":'.repeat(levels) + leaf + "}".repeat(levels)],
  [
    "both",
    (levels, leaf) =>
      `${levels % 2 ? "[" : ""}${'{"a":['.repeat(levels / 2)}${leaf}${"]}".repeat(levels / 2)}${levels % 2 ? "]" : ""}`,
  ],
];

describe.each(nestings)("nested %s", (_, nest) => {
  const message = (levels: number, leaf: string) => `{"topic":"t","msg":${nest(levels - 1, leaf)}}`;

  test("are read and written up to 1000 levels, whatever is inside", () => {
    for (const leaf of ["1", "1.0", "NaN", '"x"', "null"]) {
      const text = nest(1000, leaf);
      expect(canonicalize(text)).toBe(text);
      expect(dumps(loads(text, lossless))).toBe(text);
      expect(dumps(loads(text))).toBe(text.replace("1.0", "1"));
      expect(canonicalize(prettyDumps(loads(text, lossless)))).toBe(text);
      expect(decodeBody(message(1000, leaf)).valid).toBe(true);
    }
  });

  test.each([1001, 10_000, 1_000_000])("of %d levels are refused", (levels) => {
    const text = nest(levels, "1");
    expect(() => canonicalize(text)).toThrow(decodeError);
    expect(() => loads(text)).toThrow(decodeError);
    expect(() => loads(text, lossless)).toThrow(decodeError);
    expect(decodeBody(message(levels, "1"))).toMatchObject({ reason: "too-deep" });
    expect(decodeBody(message(levels, "NaN"))).toMatchObject({ reason: "too-deep" });
    expect(() => dumps(JSON.parse(text))).toThrow(encodeError);
    expect(() => prettyDumps(JSON.parse(text))).toThrow(encodeError);
  });

  test("that never end are refused", () => {
    const text = nest(10_000, "1").slice(0, 10_000);
    expect(() => canonicalize(text)).toThrow(decodeError);
    expect(decodeBody(message(10_000, "1").slice(0, 10_000))).toMatchObject({ valid: false });
  });
});

describe("nested values", () => {
  class Node {
    readonly child: unknown;
    constructor(child: unknown) {
      this.child = child;
    }
  }
  const containers: [string, (inner: unknown) => unknown][] = [
    ["Map", (inner) => new Map([["a", inner]])],
    ["Set", (inner) => new Set([inner])],
    ["class instances", (inner) => new Node(inner)],
    ["objects without a prototype", (inner) => Object.assign(Object.create(null), { inner })],
  ];

  test.each(containers)("of %s are written up to 1000 levels", (_, wrap) => {
    const nest = (levels: number, value: unknown) => {
      let nested = value;
      for (let n = 0; n < levels; n++) nested = wrap(nested);
      return nested;
    };
    expect(loads(dumps(nest(1000, new Float(1))))).toBeInstanceOf(Object);
    expect(loads(dumps(nest(999, new Node(new Date(0)))))).toBeInstanceOf(Object);
    expect(() => dumps(nest(1001, 1))).toThrow(encodeError);
    expect(() => dumps(nest(100_000, 1))).toThrow(encodeError);
  });

  test("of objects that convert themselves are written or refused, but never exhaust the stack", () => {
    let nested: unknown = 1;
    for (let n = 0; n < 100_000; n++) {
      const inner = nested;
      nested = { toJSON: () => [inner] };
      if (n === 300) expect(dumps(nested)).toMatch(/^\[{301}1\]{301}$/);
    }
    expect(() => dumps(nested)).toThrow(encodeError);
  });
});

test("brackets in strings are no nesting", () => {
  for (const text of ["[".repeat(5000), '\\"[{'.repeat(5000), `${"\\\\".repeat(5001)}`, `\\\\\\"${"{".repeat(5000)}`]) {
    expect(decodeBody(`{"topic":"t","a":"${text}","b":[]}`).valid).toBe(true);
  }
  expect(decodeBody(`{"topic":"t","a":"\\\\","b":${"[".repeat(1000)}"\\"]"${"]".repeat(1000)}}`)).toMatchObject({
    reason: "too-deep",
  });
});

describe("large bodies", () => {
  const size = 50 * MiB;
  const few = 3 * MiB;
  const repeat = (text: string, bytes: number) => text.repeat(Math.floor(bytes / Buffer.byteLength(text)));
  /** As many levels as there may be, with two members each, around something large. */
  const wrap = (open: string, close: string, inner: string) => open.repeat(998) + inner + close.repeat(998);

  test.each<[string, () => string]>([
    ["one text", () => `"${repeat("x", size)}"`],
    ["many small numbers", () => `[${repeat("7,", size)}7]`],
    ["a text deep in arrays", () => wrap("[1,", "]", `"${repeat("x", size)}"`)],
    ["a text deep in objects", () => wrap('{"a":1,"b":', "}", `"${repeat("x", size)}"`)],
  ])("of 50 MiB, %s, are read and rewritten", (_, make) => {
    const text = make();
    const body = Buffer.from(`{"msg":${text},"topic":"t"}`);
    expect(timed(() => decodeBody(body, 64 * MiB)).valid).toBe(true);
    const canonical = timed(() => canonicalize(text));
    expect(Buffer.from(canonical).equals(Buffer.from(text))).toBe(true);
  });

  test.each<[string, () => string]>([
    ["escapes", () => `"${repeat("\\n", few)}"`],
    ["letters that are not ASCII", () => `"${repeat("é", few)}"`],
    ["floats", () => `[${repeat("1.5,", few)}7]`],
    ["empty arrays", () => `[${repeat("[],", few)}7]`],
    ["deep arrays, many of them", () => `[${repeat(`${wrap("[1,", "]", "1")},`, MiB)}7]`],
    ["members", () => `{${Array.from({ length: 100_000 }, (_, n) => `"k${n}":1`).join(",")}}`],
    ["the same member", () => `{${repeat('"a":1,', few)}"a":1}`],
    ["space", () => `[${repeat(" \n", few)}]`],
  ])("of some MiB, %s, are read, rewritten and written", (_, make) => {
    const text = make();
    expect(timed(() => decodeBody(`{"topic":"t","nan":NaN,"msg":${text}}`)).valid).toBe(true);
    const canonical = timed(() => canonicalize(text));
    expect(timed(() => canonicalize(canonical)) === canonical).toBe(true);
    expect(timed(() => dumps(loads(text, lossless))) === canonical).toBe(true);
  });

  test("that are wrong at their end are refused with the place", () => {
    const text = `[${"\n".repeat(size)}x`;
    timed(() => expect(() => canonicalize(text)).toThrow(`line ${size + 1}, column 1: found "x"`));
    expect(timed(() => decodeBody(text, 64 * MiB))).toMatchObject({ reason: "not-json" });
    timed(() => expect(() => canonicalize(`"${repeat("\\n", few)}`)).toThrow("found the end of the text"));
  });

  test("that are over the limit are refused without a look inside", () => {
    const body = {
      byteLength: bodyBytesMaxDefault + 1,
      get buffer(): never {
        return expect.unreachable("the body was read");
      },
    };
    const frames = [Buffer.from("t"), body as unknown as Uint8Array];
    expect(timed(() => decodeMessage(frames), 1000)).toMatchObject({ reason: "body-too-large", topic: "t" });
  });

  test.each([
    ["backslashes", "\\\\"],
    ["escaped quotation marks", '\\"'],
    ["empty texts", '","'],
    ["brackets between texts", '",["x"],"'],
  ])("of %s take time in proportion to their length", (_, part) => {
    const text = repeat(part, 5 * MiB);
    expect(timed(() => decodeBody(`{"topic":"t","msg":["${text}"]}`), 10_000).valid).toBe(true);
    expect(timed(() => decodeBody(`{"topic":"t","msg":["${text}\\`), 10_000).valid).toBe(false);
  });

  test("of one number with millions of digits are refused, or read where Python reads them", () => {
    const digits = "7".repeat(5 * MiB);
    timed(() => expect(() => canonicalize(digits)).toThrow(decodeError));
    expect(timed(() => canonicalize(`0.${digits}`))).toBe("0.7777777777777778");
    expect(timed(() => canonicalize(`1e-${digits}`))).toBe("0.0");
  });

  afterAll(() => {
    expect(process.resourceUsage().maxRSS / 1024).toBeLessThan(3000);
  });
});

describe("__proto__", () => {
  const text = '{"__proto__":{"polluted":1},"a":[{"__proto__":null,"b":2}],"constructor":{"prototype":{"polluted":1}}}';

  test("is an ordinary key to all that reads and writes", () => {
    const values = [loads(text), loads(text, { object: (value) => value }), JSON.parse(text)] as { a: object[] }[];
    for (const value of values) {
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.getPrototypeOf(value.a[0])).toBe(Object.prototype);
      expect(dumps(value)).toBe(canonicalize(text));
    }
    expect(loads(canonicalize(text))).toEqual(values[2]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
