import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { canonicalize, dumps, Float, type LoadsOptions, loads, lossless } from "../encoding.ts";

const runs = { numRuns: 500 };
const decodeError = expect.objectContaining({ name: "FedmsgError", code: "FEDMSG_DECODE" });

describe("without options", () => {
  test("loads is JSON.parse, but for big integers and -0", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), fc.constantFrom(0, 2, "\t"), (json, indent) => {
        const text = JSON.stringify(JSON.parse(json), undefined, indent);
        expect(loads(text, { int: Number })).toStrictEqual(JSON.parse(text));
        if (!/\d{16}/.test(text)) expect(loads(text)).toStrictEqual(JSON.parse(text));
      }),
      runs,
    );
    expect(loads("[-0, -0.0]")).toStrictEqual([0, -0]);
  });

  test("whole numbers that a number would round are bigint, and no others", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 60n), 2n ** 60n), (value) => {
        expect(loads(String(value))).toBe(Number.isSafeInteger(Number(value)) ? Number(value) : value);
      }),
      runs,
    );
    expect(loads("9007199254740991")).toBe(9007199254740991);
    expect(loads("9007199254740993")).toBe(9007199254740993n);
  });

  test("as many digits are read as Python reads", () => {
    expect(loads("9".repeat(4300))).toBe(BigInt("9".repeat(4300)));
    expect(loads(`-${"9".repeat(4300)}`)).toBe(-BigInt("9".repeat(4300)));
    expect(() => loads("9".repeat(4301))).toThrow(decodeError);
    expect(() => loads(`-${"9".repeat(4301)}`)).toThrow(decodeError);
    expect(loads(`0.${"1".repeat(5000)}`)).toBeCloseTo(1 / 9);
  });

  test("constants, lone surrogates and the last of duplicate keys come as in Python", () => {
    expect(loads('[NaN, Infinity, -Infinity, "\\ud800", "\\ud83d\\ude00"]')).toEqual([
      NaN,
      Infinity,
      -Infinity,
      "\ud800",
      "😀",
    ]);
    expect(loads('{"a": 1, "b": 2, "a": 3}')).toEqual({ a: 3, b: 2 });
  });

  test("a member called __proto__ is a member", () => {
    const value = loads('{"__proto__": {"polluted": 1}, "constructor": 2, "a": {"__proto__": null}}') as Record<
      string,
      object
    >;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["__proto__", "constructor", "a"]);
    expect(Object.getOwnPropertyDescriptor(value, "__proto__")?.value).toEqual({ polluted: 1 });
    expect(Object.getPrototypeOf(value.a)).toBe(Object.prototype);
    expect("polluted" in value || "polluted" in {}).toBe(false);
    expect(dumps(value)).toBe('{"__proto__":{"polluted":1},"a":{"__proto__":null},"constructor":2}');
  });

  test("objects are made member by member, and parsed anew only where a name is special", () => {
    const parsing = vi.spyOn(JSON, "parse");
    try {
      expect(loads('[{"a":1,"b2":{"-1":[]},"":0,"é":"x"},NaN]')).toEqual([
        { a: 1, b2: { "-1": [] }, "": 0, é: "x" },
        NaN,
      ]);
      expect(parsing).not.toHaveBeenCalled();
      expect(loads('[{"a":1,"10":2},NaN]')).toEqual([{ "10": 2, a: 1 }, NaN]);
      expect(parsing).toHaveBeenCalledOnce();
    } finally {
      parsing.mockRestore();
    }
  });

  test("the last __proto__ wins, whatever the first was", () => {
    expect(dumps(loads('{"__proto__": [1], "__proto__": "x"}'))).toBe('{"__proto__":"x"}');
  });
});

describe("hooks", () => {
  const text = '{"a": [1, {"b": 2.50}, NaN], "a": {}, "c": -Infinity}';

  test("are called in the order in which Python calls them: numbers as met, objects when they end", () => {
    const calls: unknown[] = [];
    const note = (name: string) => (token: unknown) => {
      calls.push([name, token]);
      return name;
    };
    const result = loads(text, {
      object: note("object"),
      float: note("float"),
      int: note("int"),
      constant: note("constant"),
    });
    expect(result).toBe("object");
    expect(calls).toEqual([
      ["int", "1"],
      ["float", "2.50"],
      ["object", { b: "float" }],
      ["constant", "NaN"],
      ["object", {}],
      ["constant", "-Infinity"],
      ["object", { a: "object", c: "constant" }],
    ]);
  });

  test("pairs gets duplicates in the order of the text, and keeps object from being called", () => {
    const object = () => expect.unreachable();
    expect(loads(text, { object, pairs: (pairs) => pairs })).toEqual([
      ["a", [1, [["b", 2.5]], NaN]],
      ["a", []],
      ["c", -Infinity],
    ]);
    expect(loads('{"10":0,"9":0,"__proto__":0}', { pairs: (pairs) => pairs.map(([key]) => key) })).toEqual([
      "10",
      "9",
      "__proto__",
    ]);
  });

  test("get the token as it is spelled", () => {
    const options: LoadsOptions = { int: (token) => `int ${token}`, float: (token) => `float ${token}` };
    expect(loads("[-0, 12, 1.50, 1E+05, -0.0, 1e400]", options)).toEqual([
      "int -0",
      "int 12",
      "float 1.50",
      "float 1E+05",
      "float -0.0",
      "float 1e400",
    ]);
  });

  test("take the place of the value, whatever they return", () => {
    expect(loads('[{"a": 1}, 2]', { object: () => undefined, int: () => null })).toEqual([undefined, null]);
  });

  test("that throw end the reading with their own error", () => {
    const error = new TypeError("not today");
    const int = () => {
      throw error;
    };
    expect(() => loads("[1]", { int })).toThrow(error);
  });

  test("lossless keeps floats, big integers, and the order of keys", () => {
    const value = loads('{"9": 1.0, "1": 12345678901234567890, "x": 1}', lossless);
    expect(value).toEqual(
      new Map<string, unknown>([
        ["9", new Float(1)],
        ["1", 12345678901234567890n],
        ["x", 1],
      ]),
    );
  });
});

describe("encoding", () => {
  const text = '{"name": "Łukasz 😀", "n": [1, 2.5]}';
  const value = { name: "Łukasz 😀", n: [1, 2.5] };

  test("is UTF-8 unless told otherwise", () => {
    expect(loads(new TextEncoder().encode(text))).toEqual(value);
    expect(loads(Buffer.from(text), { encoding: "utf8" })).toEqual(value);
  });

  test.each([
    ["utf-16le", Buffer.from(text, "utf16le"), value],
    ["utf-16be", Buffer.from(text, "utf16le").swap16(), value],
    ["latin1", Buffer.from('["caf\u00e9"]', "latin1"), ["café"]],
    ["iso-8859-2", Buffer.from([0x22, 0xa3, 0x22]), "Ł"],
  ])("may be %s", (encoding, bytes, expected) => expect(loads(bytes, { encoding })).toEqual(expected));

  test("does not matter for a string", () => expect(loads(text, { encoding: "utf-16le" })).toEqual(value));

  test.each(["klingon", "", "utf-9"])("%j is refused by name", (encoding) => {
    expect(() => loads(Buffer.from("1"), { encoding })).toThrow(decodeError);
    expect(() => loads(Buffer.from("1"), { encoding })).toThrow(`not ${encoding} text`);
  });

  test.each([
    ["utf-8", [0x22, 0xff, 0x22], Buffer.from('"ok"')],
    ["utf-8", [0x22, 0xe2, 0x82], Buffer.from('"ok"')],
    ["utf-16le", [0x22, 0x00, 0x22], Buffer.from('"ok"', "utf16le")],
    ["shift_jis", [0x22, 0xff, 0x22], Buffer.from('"ok"')],
  ])("%s that is broken is refused, and does not spoil what is read next", (encoding, broken, good) => {
    expect(() => loads(Uint8Array.from(broken), { encoding })).toThrow(decodeError);
    expect(loads(good, { encoding })).toBe("ok");
  });

  test("a byte order mark is refused, as Python refuses it", () => {
    expect(() => loads("\ufeff1")).toThrow("byte order mark");
    expect(() => loads(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))).toThrow(decodeError);
    expect(() => canonicalize(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))).toThrow(decodeError);
  });

  test("part of a larger buffer is read as that part", () => {
    const whole = Buffer.from("xxx[1]xxx");
    expect(loads(whole.subarray(3, 6))).toEqual([1]);
  });
});
