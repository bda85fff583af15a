import { describe, expect, test } from "vitest";
import { orderRecords } from "./order.ts";
import type { SrvRecord } from "./records.ts";

/** A generator with a seed (mulberry32), so that a distribution is the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

function record(target: string, priority: number, weight: number): SrvRecord {
  return { target, priority, weight, port: 3000 };
}

/** How often each target comes first in 10,000 draws, in per cent. */
function firsts(records: readonly SrvRecord[]): Record<string, number> {
  const random = seeded(1);
  const counts: Record<string, number> = {};
  for (let n = 0; n < 10_000; n++) {
    const first = orderRecords(records, random)[0]?.target ?? "";
    counts[first] = (counts[first] ?? 0) + 1 / 100;
  }
  return counts;
}

describe("orderRecords", () => {
  test("puts lower priorities first, whatever the weights", () => {
    const records = [record("c", 20, 65_535), record("b", 10, 0), record("a", 0, 1)];
    for (let n = 0; n < 100; n++) expect(orderRecords(records).map(({ target }) => target)).toEqual(["a", "b", "c"]);
  });

  test("draws the first in proportion to its weight", () => {
    const counts = firsts([record("ten", 1, 10), record("thirty", 1, 30), record("sixty", 1, 60)]);
    expect(counts.ten).toBeCloseTo(10, -0.5);
    expect(counts.thirty).toBeCloseTo(30, -0.5);
    expect(counts.sixty).toBeCloseTo(60, -0.5);
  });

  test("draws the second in proportion to what is left", () => {
    const records = [record("big", 1, 1000), record("one", 1, 1), record("three", 1, 3)];
    const random = seeded(2);
    const seconds = { one: 0, three: 0 };
    for (let n = 0; n < 10_000; n++) {
      const [first, second] = orderRecords(records, random);
      if (first?.target === "big") seconds[second?.target as "one" | "three"]++;
    }
    // Tickets go from 0 to the sum, so of the five for these two, 0 and 1 are for "one".
    expect(seconds.three / seconds.one).toBeCloseTo(3 / 2, 0.5);
  });

  test("lets a weight of 0 come first, but rarely", () => {
    const counts = firsts([record("heavy", 1, 100), record("zero", 1, 0)]);
    expect(counts.zero).toBeGreaterThan(0);
    expect(counts.zero).toBeLessThan(3);
  });

  test("keeps every record once", () => {
    const records = Array.from({ length: 50 }, (_, n) => record(`t${n}`, n % 3, n % 5));
    expect(new Set(orderRecords(records))).toEqual(new Set(records));
    expect(orderRecords([])).toEqual([]);
  });
});
