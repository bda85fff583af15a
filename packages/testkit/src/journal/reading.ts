/** Cases for journals: what is read by pages, and found. */

import type { EntryQuery } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { range } from "../range.ts";
import { type Bench, entry, everything, fill, fillAt, positionsOf, sizeOf, startMs } from "./bench.ts";

/** Pages of what lies behind a position. */
export function pagingCases(bench: Bench): void {
  const topics = ["org.test.a", "org.test.b", "org.other.c"];

  test("of what is behind a position, up to a limit; the next page begins at `through`", async () => {
    await fill(bench, 25);
    const { journal } = bench;
    const first = journal.page({ after: 0, limit: 10, bytesMax: 1e9 });
    expect([positionsOf(first.entries), first.through]).toEqual([range(1, 10), 10]);
    const last = journal.page({ after: 20, limit: 10, bytesMax: 1e9 });
    expect([positionsOf(last.entries), last.through]).toEqual([range(21, 25), 25]);
    expect(journal.page({ after: 25, limit: 10, bytesMax: 1e9 })).toEqual({ entries: [], through: 25 });
    expect(journal.page({ after: 99, limit: 10, bytesMax: 1e9 })).toEqual({ entries: [], through: 25 });
    expect(journal.page({ after: 3, limit: 0, bytesMax: 1e9 })).toEqual({ entries: [], through: 3 });
  });

  test("up to so many bytes, and one entry always fits", async () => {
    await fill(bench, 5);
    const one = sizeOf(bench.journal.page({ ...everything, limit: 1 }).entries);
    const pageOf = (bytesMax: number) => {
      const { entries, through } = bench.journal.page({ after: 1, limit: 100, bytesMax });
      return [positionsOf(entries), through];
    };
    expect(pageOf(0)).toEqual([[2], 2]);
    expect(pageOf(2 * one)).toEqual([[2, 3], 3]);
    expect(pageOf(3 * one - 1)).toEqual([[2, 3], 3]);
    expect(pageOf(4 * one)).toEqual([[2, 3, 4, 5], 5]);
  });

  test("of topics that begin so, all of them, in order, page by page", async () => {
    await fill(bench, 10_000, topics);
    const pages = (chosen: readonly string[] | undefined, limit: number) => {
      const positions: number[] = [];
      for (let after = 0; after < bench.journal.info.head; ) {
        const { entries, through } = bench.journal.page({
          after,
          ...(chosen && { topics: chosen }),
          limit,
          bytesMax: 1e9,
        });
        expect(through).toBeGreaterThan(after);
        expect(entries.every(({ position }) => position > after && position <= through)).toBe(true);
        positions.push(...positionsOf(entries));
        after = through;
      }
      return positions;
    };
    const all = range(1, 10_000);
    expect(pages(undefined, 999)).toEqual(all);
    expect(pages(["org.test."], 777)).toEqual(all.filter((n) => n % 3 !== 0));
    expect(pages(["org.test.b", "org.other"], 1000)).toEqual(all.filter((n) => n % 3 !== 1));
    expect(pages(["org.test.b.more", "ORG.", "%"], 1000)).toEqual([]);
    expect(pages([], 1000)).toEqual([]);
    expect(pages([""], 1000)).toEqual(all);
  });

  test("of topics with letters that take several bytes", async () => {
    await fill(bench, 6, ["größe.a", "gröss.b", "🎉.c"]);
    const { entries } = bench.journal.page({ ...everything, topics: ["größ", "🎉"] });
    expect(positionsOf(entries)).toEqual([1, 3, 4, 6]);
  });
}

/** Entries by position, id and time. */
export function findingCases(bench: Bench): void {
  const at = (n: number) => startMs + n * 1000;
  const queries: [string, EntryQuery, number[]][] = [
    ["nothing", {}, []],
    ["everything", { all: true }, range(1, 20)],
    ["positions, in order, once", { positions: [7, 3, 7, 0, 21, -1, 1.5] }, [3, 7]],
    ["a range of positions", { positionRange: [18, 99] }, [18, 19, 20]],
    ["a range that is empty", { positionRange: [5, 4] }, []],
    ["ids", { msgIds: ["2026-9", "2026-2", "nobody's"] }, [2, 9]],
    ["a range of times", { timeRangeMs: [at(3), at(5)] }, [3, 4, 5]],
    ["times between two entries", { timeRangeMs: [at(3) + 1, at(4) - 1] }, []],
    [
      "what is true of any",
      { positions: [1], positionRange: [5, 6], msgIds: ["2026-6", "2026-12"], timeRangeMs: [at(19), at(99)] },
      [1, 5, 6, 12, 19, 20],
    ],
  ];

  test.each(queries)("%s", async (_, query, expected) => {
    await fillAt(bench, range(1, 20).map(at));
    expect(positionsOf(bench.journal.find(query, 100))).toEqual(expected);
    expect(positionsOf(bench.journal.find(query, 2))).toEqual(expected.slice(0, 2));
    expect(bench.journal.find(query, 0)).toEqual([]);
    expect(bench.journal.count(query, 100)).toBe(expected.length);
    expect(bench.journal.count(query, 2)).toBe(Math.min(3, expected.length));
    expect(bench.journal.count(query, 0)).toBe(Math.min(1, expected.length));
  });

  test("ids and times far back, and every entry that has the same id", async () => {
    const { journal } = bench;
    const build = (n: number) => (position: number) => entry(position, "t", n % 5000 === 0 ? "twice" : `id ${n}`);
    for (let n = 0; n < 10_000; n += 1000) {
      bench.nowMs = at(n);
      await Promise.all(range(n, n + 999).map((k) => journal.append(build(k))));
    }
    expect(positionsOf(journal.find({ msgIds: ["twice"] }, 10))).toEqual([1, 5001]);
    expect(positionsOf(journal.find({ msgIds: ["twice", "id 4095", "id 9999"] }, 10))).toEqual([1, 4096, 5001, 10_000]);
    expect(journal.count({ msgIds: ["twice"] }, 0)).toBe(1);
    expect(positionsOf(journal.find({ timeRangeMs: [at(4000), at(4000)] }, 5000))).toEqual(range(4001, 5000));
    expect(journal.count({ timeRangeMs: [at(0), at(8000)] }, 100_000)).toBe(9000);
    expect([at(0) - 1, at(0), at(3999), at(8000)].map((timeMs) => journal.positionAt(timeMs))).toEqual([
      0, 1000, 4000, 9000,
    ]);
  });

  test("the last position at or before a time, also where the clock went back", async () => {
    expect(bench.journal.positionAt(Number.MAX_SAFE_INTEGER)).toBe(0);
    await fillAt(
      bench,
      [100, 200, 900, 300, 300, 50, 400].map((n) => startMs + n),
    );
    const asked = [49, 50, 99, 150, 300, 399, 400, 900, 1e12].map((n) => bench.journal.positionAt(startMs + n));
    expect(asked).toEqual([0, 6, 6, 6, 6, 6, 7, 7, 7]);
    expect(positionsOf(bench.journal.page(everything).entries)).toEqual(range(1, 7));
    const found = bench.journal.find({ timeRangeMs: [startMs + 200, startMs + 300] }, 10);
    expect(positionsOf(found)).toEqual([2, 4, 5]);
  });
}
