/** What cannot be written, and how the error says where it is. */
import { describe, expect, test } from "vitest";
import { dumps, Float } from "../encoding.ts";
import { FedmsgError } from "../errors.ts";
import { createEnvelope, encodeMessage } from "./envelope.ts";

function refusal(write: () => unknown): FedmsgError {
  try {
    write();
  } catch (error) {
    expect(error).toBeInstanceOf(FedmsgError);
    expect(error).toMatchObject({ code: "FEDMSG_ENCODE" });
    return error as FedmsgError;
  }
  return expect.unreachable("it was written");
}

const publish = (msg: unknown) =>
  encodeMessage(createEnvelope({ topic: "a.b", msg, nowMs: 0, uuid: "u", i: 1, username: "x" }));

describe("the path", () => {
  test.each([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
  ])("leads from the message to %s", (what, author) => {
    const { message } = refusal(() => publish({ commits: [{ author, id: 1 }] }));
    expect(message).toBe(`msg.commits[0].author: ${what} cannot be written as JSON`);
  });

  test("leads through Map, Set, class instances and what methods returned", () => {
    class Holder {
      readonly held = new Map([[5, new Set([1, { __json__: () => [undefined] }])]]);
    }
    expect(refusal(() => dumps({ "a b": new Holder() })).message).toMatch(/^\["a b"\]\.held\[5\]\[1\]\[0\]: undefined/);
  });

  test("is `the value` at the top, and is cut where it grows long", () => {
    expect(refusal(() => dumps(undefined)).message).toBe("the value: undefined cannot be written as JSON");
    let deep: unknown;
    for (let n = 0; n < 900; n++) deep = { member: deep };
    expect(refusal(() => dumps(deep)).message).toMatch(/^member(\.member)+…: undefined/);
    expect(refusal(() => dumps(deep)).message.length).toBeLessThan(600);
  });

  test("leads to the hole in a sparse array", () => {
    const sparse = [1];
    sparse[3] = 2;
    expect(refusal(() => dumps({ sparse })).message).toMatch(/^sparse\[1\]: undefined/);
  });
});

describe("plain cycles", () => {
  test("are refused with both ends of the path", () => {
    const inner: unknown[] = [1];
    const outer = { commits: [{ files: inner }] };
    inner.push(outer.commits[0]);
    expect(refusal(() => publish(outer)).message).toBe(
      "msg.commits[0].files[1]: contains itself (it is msg.commits[0] again)",
    );
  });

  test("of one array, object, Map or Set are found", () => {
    const array: unknown[] = [];
    array.push(array);
    const object: Record<string, unknown> = {};
    object.self = object;
    const map = new Map<string, unknown>();
    map.set("self", map);
    expect(refusal(() => dumps(array)).message).toBe("[0]: contains itself (it is the value again)");
    expect(refusal(() => dumps(object)).message).toBe("self: contains itself (it is the value again)");
    expect(refusal(() => dumps({ map })).message).toBe("map.self: contains itself (it is map again)");
    const set = new Set<unknown>();
    set.add(set);
    expect(refusal(() => dumps({ set })).message).toBe("set[0]: contains itself (it is set again)");
  });
});

describe("what has no JSON form is refused by kind", () => {
  test.each([
    ["Buffer", Buffer.from("x"), /^x: bytes .* base64/],
    ["Uint8Array", new Uint8Array(1), /^x: bytes/],
    ["DataView", new DataView(new ArrayBuffer(1)), /^x: bytes/],
    ["ArrayBuffer", new ArrayBuffer(1), /^x: bytes/],
    ["SharedArrayBuffer", new SharedArrayBuffer(1), /^x: bytes/],
    ["Promise", Promise.resolve(1), /^x: a promise .* await/],
    ["RegExp", /x/, /^x: an object of type RegExp/],
    ["Error", new RangeError("x"), /^x: an object of type RangeError/],
    ["WeakMap", new WeakMap(), /^x: an object of type WeakMap/],
    ["WeakSet", new WeakSet(), /^x: an object of type WeakSet/],
    ["WeakRef", new WeakRef({}), /^x: an object of type WeakRef/],
    ["a Date that is invalid", new Date(Number.NaN), /^x: an invalid Date/],
    ["a bigint of 4301 digits", 10n ** 4300n, /^x: an integer of 4301 digits; Python reads at most 4300/],
    ["a negative bigint of 4301 digits", -(10n ** 4300n), /^x: an integer of 4301 digits/],
  ])("%s", (_, x, message) => expect(refusal(() => dumps({ x })).message).toMatch(message));
});

describe("keys of a Map", () => {
  test.each<[string, unknown[], RegExp]>([
    ["strings and numbers mixed", ["a", 1], /different kinds/],
    ["null among others", [null, 1], /different kinds/],
    ["two that are written alike", ["1", 1], /written alike/],
    ["true and its text", [true, "true"], /written alike/],
    ["an object", [{}], /a key of a Map is a object; use strings/],
    ["undefined", [undefined], /a key of a Map is undefined; use strings/],
    ["a symbol", [Symbol("x")], /a key of a Map is a symbol; use strings/],
  ])("%s are refused", (_, keys, message) => {
    const map = new Map(keys.map((key) => [key, 0]));
    expect(refusal(() => dumps({ map })).message).toMatch(message);
    expect(refusal(() => dumps({ map })).message).toMatch(/^map: /);
  });

  test("of different kinds are no problem to encodeMessage, which sorts them as written", () => {
    const msg = new Map<unknown, unknown>([
      ["a", 1],
      [10, 2],
      [9, 3],
      [null, 4],
    ]);
    expect(publish(msg)).toContain('"msg":{"10":2,"9":3,"a":1,"null":4}');
  });
});

describe("NaN and the infinities", () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "%d is written by dumps, refused by encodeMessage",
    (x) => {
      expect(dumps({ x, y: new Float(x) })).toBe(`{"x":${x},"y":${x}}`);
      expect(refusal(() => publish({ x: [x] })).message).toBe(
        `msg.x[0]: ${x} is not JSON; leave it out, or send null or a text`,
      );
      expect(refusal(() => publish({ x: new Float(x) })).message).toMatch(/^msg\.x: /);
      expect(refusal(() => publish(Object(x))).message).toMatch(/^msg: /);
    },
  );
});

describe("what the caller's own code throws", () => {
  const cause = new TypeError("no database");
  const fail = () => {
    throw cause;
  };

  test.each<[string, object]>([
    ["a getter", Object.defineProperty({}, "x", { get: fail, enumerable: true })],
    ["toJSON", { x: { toJSON: fail } }],
    ["__json__", { x: { __json__: fail } }],
    ["a proxy", { x: new Proxy({}, { ownKeys: fail }) }],
  ])("in %s becomes the cause of an error with its path", (_, row) => {
    const error = refusal(() => publish({ rows: [row] }));
    expect(error.message).toBe("msg.rows[0].x: reading the value failed: TypeError: no database");
    expect(error.cause).toBe(cause);
  });

  test("may be anything", () => {
    const odd = Object.create(null) as object;
    const toJSON = () => {
      throw odd;
    };
    expect(refusal(() => dumps({ toJSON })).cause).toBe(odd);
  });

  test("leaves nothing behind: the next value is written", () => {
    refusal(() => dumps({ toJSON: fail }));
    expect(dumps({ toJSON: () => 1 })).toBe("1");
  });
});

describe("methods that never come to an end", () => {
  test("are stopped", () => {
    const forever = { toJSON: () => ({ toJSON: forever.toJSON }) };
    expect(refusal(() => dumps(forever)).message).toContain("nested deeper than 1000 levels");
    const growing = { toJSON: () => ({ a: [{ toJSON: growing.toJSON }] }) };
    refusal(() => dumps(growing));
    const calling: { toJSON(): string } = { toJSON: () => dumps({ calling: { ...calling } }) };
    refusal(() => dumps(calling));
  });
});
