import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dumps, Float } from "../encoding.ts";
import { formatFloat, formatNumber } from "./number.ts";

const doubles = fc.double();
const runs = { numRuns: 2000 };

/** From CPython: `repr(x)`, but for the names of the constants, which are those of `json.dumps`. */
const spellings: readonly [number, string][] = [
  [0, "0.0"],
  [-0, "-0.0"],
  [1, "1.0"],
  [-1.5, "-1.5"],
  [100, "100.0"],
  [0.1, "0.1"],
  [0.1 + 0.2, "0.30000000000000004"],
  [1.1, "1.1"],
  [1e-4, "0.0001"],
  [9.999e-5, "9.999e-05"],
  [1e-5, "1e-05"],
  [1e-7, "1e-07"],
  [1.5e-10, "1.5e-10"],
  [1e-100, "1e-100"],
  [123456789.125, "123456789.125"],
  [1e15, "1000000000000000.0"],
  [9007199254740992, "9007199254740992.0"],
  [9999999999999998, "9999999999999998.0"],
  [1e16, "1e+16"],
  [12345678901234568, "1.2345678901234568e+16"],
  [1e21, "1e+21"],
  [1e22, "1e+22"],
  [1e100, "1e+100"],
  [Number.MAX_VALUE, "1.7976931348623157e+308"],
  [Number.MIN_VALUE, "5e-324"],
  [2.2250738585072014e-308, "2.2250738585072014e-308"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "Infinity"],
  [Number.NEGATIVE_INFINITY, "-Infinity"],
];

describe("formatFloat", () => {
  test.each(spellings)("spells %d as %s", (value, text) => {
    expect(formatFloat(value)).toBe(text);
    expect(dumps(new Float(value))).toBe(text);
  });

  test("reads back as the same number", () => {
    fc.assert(
      fc.property(doubles, (value) => Object.is(Number(formatFloat(value)), value)),
      runs,
    );
  });

  test("always shows that the number is a float, with at least two digits of exponent", () => {
    const shape = /^-?(\d+\.\d+|\d(\.\d+)?e[+-]\d{2,3}|Infinity)$|^NaN$/;
    fc.assert(
      fc.property(doubles, (value) => shape.test(formatFloat(value))),
      runs,
    );
  });

  test("uses an exponent below 1e-4 and from 1e16 on, and nowhere else", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const magnitude = Math.abs(value);
        expect(formatFloat(value).includes("e")).toBe(magnitude >= 1e16 || (magnitude > 0 && magnitude < 1e-4));
      }),
      runs,
    );
  });
});

describe("formatNumber", () => {
  test.each([
    [1, "1"],
    [-5, "-5"],
    [0, "0"],
    [-0, "-0.0"],
    [1e16, "10000000000000000"],
    [1e20, "100000000000000000000"],
    [1e21, "1e+21"],
    [1.5, "1.5"],
    [1e-7, "1e-07"],
  ] as const)("spells %d as %s", (value, text) => expect(formatNumber(value)).toBe(text));

  test("reads back as the same number", () => {
    fc.assert(
      fc.property(doubles, (value) => Object.is(Number(formatNumber(value)), value)),
      runs,
    );
  });
});

test("a Float counts as the number it holds, and has a place in JSON.stringify", () => {
  const price = new Float(2);
  expect([Number(price) + 1, `${price}`, JSON.stringify({ price })]).toEqual([3, "2.0", '{"price":2}']);
});
