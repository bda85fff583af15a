/** Properties of canonical JSON, held against another reader that keeps the spelling of numbers. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { parse } from "lossless-json";
import { describe, expect, test } from "vitest";
import { awkwardTexts } from "../../test/awkward-text.ts";
import { canonicalize, dumps, loads, lossless } from "../encoding.ts";
import { encodeText } from "./text.ts";

/** A JSON document whose numbers are tokens, so that each can be spelled in several ways. */
type Document = null | boolean | string | NumberToken | Document[] | Map<string, Document>;

class NumberToken {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

const awkward = [
  "__proto__",
  "constructor",
  "toString",
  "",
  "0",
  "1",
  "10",
  "-1",
  "4294967295",
  "\ufeff",
  "é",
  "𝄞",
  "\uffff",
];
const strings = fc.oneof(fc.string({ unit: "binary", maxLength: 8 }), fc.constantFrom(...awkward), awkwardTexts);

const wholeNumbers = fc.oneof(
  fc.bigInt(-(10n ** 40n), 10n ** 40n).map(String),
  fc.integer().map(String),
  fc.constant("-0"),
);
const fractions = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
  fc.tuple(fc.integer(), fc.nat(), fc.integer({ min: -30, max: 30 })).map(([a, b, c]) => `${a}.${b}e${c}`),
  fc.tuple(fc.integer(), fc.nat()).map(([a, b]) => `${a}.${b}`),
  fc.constantFrom("0.0", "-0.0", "0e0", "1E+2", "1e16", "9999999999999998.0", "0.0001", "0.00001", "5e-324", "1e-400"),
);

const documents: fc.Arbitrary<Document> = fc.letrec<{ any: Document }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false),
    strings,
    fc.oneof(wholeNumbers, fractions).map((text) => new NumberToken(text)),
    fc.array(tie("any"), { maxLength: 5 }),
    fc
      .uniqueArray(fc.tuple(strings, tie("any")), { selector: ([key]) => key, maxLength: 5 })
      .map((all) => new Map(all)),
  ),
})).any;

/** Spells documents, taking every decision that JSON leaves open from a sequence of numbers. */
class Speller {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  document(value: Document): string {
    return this.#space() + this.#value(value) + this.#space();
  }

  #value(value: Document): string {
    if (typeof value === "string") return this.#string(value);
    if (value instanceof NumberToken) return this.#number(value.text);
    if (Array.isArray(value))
      return this.#list(
        "[",
        value.map((item) => this.document(item)),
        "]",
      );
    if (!(value instanceof Map)) return String(value);
    const members = [...value].map(
      ([key, item]) => `${this.#space()}${this.#string(key)}${this.#space()}:${this.document(item)}`,
    );
    for (let n = members.length - 1; n > 0; n--) members.push(...members.splice(this.#below(n), 1));
    return this.#list("{", members, "}");
  }

  #list(open: string, texts: string[], close: string): string {
    return open + (texts.length > 0 ? texts.join(",") : this.#space()) + close;
  }

  #string(text: string): string {
    return `"${text
      .split("")
      .map((unit) => this.#unit(unit))
      .join("")}"`;
  }

  #unit(unit: string): string {
    const hex = unit.charCodeAt(0).toString(16).padStart(4, "0");
    const raw = JSON.stringify(unit).slice(1, -1);
    return this.#pick([
      /["\\\x00-\x1f]/.test(unit) ? raw : unit,
      raw,
      `\\u${hex}`,
      `\\u${hex.toUpperCase()}`,
      unit === "/" ? "\\/" : raw,
    ]);
  }

  #number(token: string): string {
    if (!/[.e]/i.test(token)) return token;
    return this.#pick([token, token.toUpperCase(), token.replace(/\.\d+/, (digits) => `${digits}00`)]);
  }

  #space(): string {
    return this.#pick(["", "", " ", "\n", "\t", "\r\n "]);
  }

  #pick(choices: readonly string[]): string {
    return choices[this.#below(choices.length)] as string;
  }

  #below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return (this.#state >>> 16) % bound;
  }
}

const seeds = fc.integer({ min: 0, max: 0xffffffff });
const texts = fc.tuple(documents, seeds).map(([document, seed]) => new Speller(seed).document(document));
const runs = { numRuns: 400 };

/** What another reader sees: whole numbers exactly, all others as doubles, `1` different from `1.0`. */
function readElsewhere(text: string): unknown {
  const parseNumber = (token: string) => (/^-?\d+$/.test(token) ? BigInt(token) : Number(token));
  return parse(text, undefined, { parseNumber });
}

describe("canonicalize", () => {
  test("changes nothing the second time", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const once = canonicalize(text);
        expect(canonicalize(once)).toBe(once);
      }),
      runs,
    );
  });

  test("keeps every value, to the last digit of a number", () => {
    fc.assert(
      fc.property(texts, (text) => isDeepStrictEqual(readElsewhere(canonicalize(text)), readElsewhere(text))),
      runs,
    );
  });

  test("gives one text for all spellings of a document", () => {
    fc.assert(
      fc.property(documents, seeds, seeds, (document, one, other) => {
        const canonical = canonicalize(new Speller(one).document(document));
        expect(canonicalize(new Speller(other).document(document))).toBe(canonical);
      }),
      runs,
    );
  });

  test("is what dumps makes of a lossless reading", () => {
    fc.assert(
      fc.property(texts, (text) => dumps(loads(text, lossless)) === canonicalize(text)),
      runs,
    );
  });

  test("writes printable ASCII only, and reads the same from bytes", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const canonical = canonicalize(text);
        expect(canonical).toMatch(/^[\x20-\x7e]*$/);
        // A lone surrogate that is not escaped has no UTF-8.
        if (!/\p{Surrogate}/u.test(text)) expect(canonicalize(encodeText(text))).toBe(canonical);
      }),
      runs,
    );
  });

  test("lets the last of duplicate keys win, however they are spelled", () => {
    expect(canonicalize('{"a":1,"b":2,"\\u0061":[3]}')).toBe('{"a":[3],"b":2}');
    expect(canonicalize('{"__proto__":1,"__proto__":{"x":2}}')).toBe('{"__proto__":{"x":2}}');
  });

  test("keeps the constants of Python, also where a number overflows to one", () => {
    expect(canonicalize("[NaN, Infinity, -Infinity, 1e400, -1e400]")).toBe(
      "[NaN,Infinity,-Infinity,Infinity,-Infinity]",
    );
  });

  test.each([
    "",
    " ",
    "+1",
    "01",
    ".5",
    "5.",
    "1e",
    "-",
    "--1",
    "-NaN",
    "nan",
    "Infinit",
    "tru",
    "'a'",
    "[1,]",
    "[,1]",
    '{"a"}',
    '{"a":}',
    "{a:1}",
    '{"a":1,}',
    "[1 2]",
    "1 2",
    "[",
    "{",
    "]",
    '"',
    '"\\"',
    '"\\x41"',
    '"\\u12g4"',
    '"\\u12',
    '"\n"',
    '"\t"',
    "\ufeff1",
    "\u00a01",
    "1\v",
    "/**/1",
    "0x10",
    "1_000",
    "1n",
    "undefined",
  ])("refuses %j", (text) => {
    expect(() => canonicalize(text)).toThrow(expect.objectContaining({ name: "FedmsgError", code: "FEDMSG_DECODE" }));
  });

  test("names line and column of what is wrong", () => {
    expect(() => canonicalize("")).toThrow("line 1, column 1: found the end of the text");
    expect(() => canonicalize("[1,\n 2,\n  x]")).toThrow('line 3, column 3: found "x", expected a value');
    expect(() => canonicalize('{"a": "b\nc"}')).toThrow('line 1, column 9: found "\\n"');
    expect(() => canonicalize('\n\n"\\x"')).toThrow('line 3, column 2: found "\\\\", expected one of');
  });

  test("refuses bytes that are not UTF-8", () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0xff, 0xfe, 0x31, 0],
    ]) {
      expect(() => canonicalize(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: "FEDMSG_DECODE" }));
    }
  });
});
