import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { awkwardTexts } from "../../test/awkward-text.ts";
import { canonicalize, loads } from "../encoding.ts";
import { compareCodePoints, joinTexts, quote, sortKeys } from "./text.ts";

const strings = fc.oneof(fc.string({ unit: "binary", maxLength: 8 }), awkwardTexts);
const runs = { numRuns: 400 };

function compareByDefinition(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => Array.from(text, (character) => character.codePointAt(0) as number));
  for (const [n, unit] of (left ?? []).entries()) {
    const other = right?.[n];
    if (other === undefined) return 1;
    if (unit !== other) return unit - other;
  }
  return (left?.length ?? 0) - (right?.length ?? 0);
}

describe("keys", () => {
  test("are written in the order of their code points", () => {
    fc.assert(
      fc.property(fc.uniqueArray(strings, { maxLength: 12 }), (keys) => {
        const canonical = canonicalize(`{${keys.map((key) => `${JSON.stringify(key)}:0`).join(",")}}`);
        const written = loads(canonical, { pairs: (pairs) => pairs.map(([key]) => key) });
        expect(written).toEqual([...keys].sort(compareByDefinition));
      }),
      runs,
    );
  });

  test("are compared and sorted as the definition says", () => {
    fc.assert(
      fc.property(fc.array(strings, { maxLength: 12 }), (keys) => {
        expect(sortKeys([...keys])).toEqual([...keys].sort(compareByDefinition));
        for (const key of keys) {
          expect(Math.sign(compareCodePoints(key, keys[0] as string))).toBe(
            Math.sign(compareByDefinition(key, keys[0] as string)),
          );
        }
      }),
      runs,
    );
  });
});

describe("strings", () => {
  test("quote escapes a long text as it does each part of it", () => {
    const part = fc.tuple(strings, fc.integer({ min: 1, max: 3000 })).map(([text, times]) => text.repeat(times));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 3 }), (parts) => {
        const quoted = quote(parts.join(""));
        const units = parts.join("").split("");
        expect(quoted).toBe(`"${units.map((unit) => quote(unit).slice(1, -1)).join("")}"`);
        expect(JSON.parse(quoted)).toBe(parts.join(""));
      }),
      { numRuns: 40 },
    );
  });

  test("joinTexts joins as Array.join does", () => {
    const text = fc.oneof(
      fc.constantFrom("", "a", "bc"),
      fc.constantFrom("x".repeat(4095), "y".repeat(4096), "z".repeat(9000)),
    );
    fc.assert(
      fc.property(
        fc.array(text),
        fc.constantFrom(",", ",\n  "),
        (all, separator) => joinTexts(all, separator) === all.join(separator),
      ),
    );
  });
});
