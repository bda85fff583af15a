import type { EntryQuery, Journal, JournalEntry, NewEntry } from "fedmsg/plugin";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expectNoLeaks } from "./leaks.ts";
import { codeOf } from "./waiting.ts";

/** How a journal is made for a test. */
export interface MakeJournalOptions {
  /** The clock that its entries get their times from. */
  readonly now: () => number;
}

/** Makes an empty journal; called once for each test. */
export type MakeJournal = (options: MakeJournalOptions) => Journal | Promise<Journal>;

/** What the cases share: a journal, made anew for each test, and its clock. */
interface Bench {
  journal: Journal;
  nowMs: number;
}

const startMs = 1_700_000_000_000;

/**
 * Defines the tests that every journal passes: the words of `Journal` in `fedmsg/plugin`, one by one.
 */
export function journalCompliance(name: string, makeJournal: MakeJournal): void {
  describe(`journal ${name}`, () => {
    const bench = {} as Bench;
    expectNoLeaks();
    beforeEach(async () => {
      bench.nowMs = startMs;
      bench.journal = await makeJournal({ now: () => bench.nowMs });
    });
    afterEach(() => bench.journal.close());
    describe("appends", () => appendingCases(bench));
    describe("pages", () => pagingCases(bench));
    describe("finds", () => findingCases(bench));
    describe("prunes", () => pruningCases(bench));
    describe("ends", () => endingCases(bench));
  });
}

function entry(n: number | string, topic = "org.test.a", msgId = `2026-${n}`): NewEntry {
  return { topic, msgId, body: Buffer.from(`{"i":"${n}"}`) };
}

/** Appends entries of these topics in turn, all in one turn of the event loop. */
function fill({ journal }: Bench, count: number, topics = ["org.test.a"]): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => journal.append((at) => entry(at, topics[n % topics.length]))),
  );
}

/** Appends entries of these times. */
async function fillAt(bench: Bench, timesMs: readonly number[]): Promise<void> {
  for (const timeMs of timesMs) {
    bench.nowMs = timeMs;
    await bench.journal.append(entry);
  }
}

function positionsOf(entries: readonly JournalEntry[]): number[] {
  return entries.map(({ position }) => position);
}

function sizeOf(entries: readonly JournalEntry[]): number {
  return entries.reduce((sum, { topic, body }) => sum + Buffer.byteLength(topic) + body.byteLength, 0);
}

const everything = { after: 0, limit: 1_000_000, bytesMax: 1_000_000_000 };

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

function appendingCases(bench: Bench): void {
  test("begins empty, with a UUID of its own", () => {
    const { uuid, ...rest } = bench.journal.info;
    expect(bench.journal.page(everything)).toEqual({ entries: [], through: 0 });
    expect(rest).toEqual({ first: 1, head: 0, earlier: [], bytes: 0 });
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(bench.journal.isInPlace()).toBe(true);
  });

  test("gives out positions 1, 2, 3, … in the order of the calls, across turns and groups", async () => {
    const before = bench.journal.info.uuid;
    expect(await fill(bench, 2500)).toEqual(range(1, 2500));
    expect(await bench.journal.append(entry)).toBe(2501);
    expect(bench.journal.info).toMatchObject({ uuid: before, first: 1, head: 2501 });
  });

  test("keeps exactly what was built, and when", async () => {
    const body = Uint8Array.from({ length: 256 }, (_, n) => n);
    const texts = ["org.test.größe.🎉", "", "a\0b", " \n", "half \ud83c of a pair", "\udf89\0"];
    for (const text of texts) await bench.journal.append(() => ({ topic: text, msgId: `id ${text}`, body }));
    await bench.journal.append(() => ({ topic: "t", msgId: "", body: new Uint8Array() }));
    const { entries } = bench.journal.page(everything);
    expect(entries.map(({ topic, msgId }) => [topic, msgId])).toEqual([
      ...texts.map((text) => [text, `id ${text}`]),
      ["t", ""],
    ]);
    for (const { body: kept, timeMs } of entries.slice(0, -1)) {
      expect([Buffer.from(kept).equals(body), timeMs]).toEqual([true, startMs]);
    }
    expect(entries.at(-1)?.body.byteLength).toBe(0);
    expect(bench.journal.info.bytes).toBe(sizeOf(entries));
    for (const text of texts) expect(bench.journal.count({ msgIds: [`id ${text}`] }, 10)).toBe(1);
  });

  test("what a caller does with its bytes afterwards changes nothing", async () => {
    const body = Buffer.from("kept");
    await bench.journal.append(() => ({ topic: "t", msgId: "", body }));
    body.fill("x");
    expect(String(Buffer.from(bench.journal.page(everything).entries[0]?.body as Uint8Array))).toBe("kept");
  });

  test("a build that throws is left out alone, and its position goes to the next", async () => {
    const failure = new Error("no signature");
    const seen: number[] = [];
    const build = (position: number) => {
      seen.push(position);
      if (seen.length === 2) throw failure;
      return entry(position);
    };
    const settled = await Promise.allSettled([1, 2, 3].map(() => bench.journal.append(build)));
    expect(settled).toEqual([
      { status: "fulfilled", value: 1 },
      { status: "rejected", reason: failure },
      { status: "fulfilled", value: 2 },
    ]);
    expect(seen).toEqual([1, 2, 2]);
    await expect(bench.journal.append(() => undefined as never)).rejects.toThrow(TypeError);
    expect(bench.journal.info.head).toBe(2);
  });

  test("a build may append; what it appends comes later", async () => {
    let inner: Promise<number> | undefined;
    const outer = bench.journal.append((position) => {
      inner = bench.journal.append((at) => entry(`inner ${at}`));
      return entry(`outer ${position}`);
    });
    expect([await outer, await inner]).toEqual([1, 2]);
    const bodies = bench.journal.page(everything).entries.map(({ body }) => Buffer.from(body).toString());
    expect(bodies).toEqual(['{"i":"outer 1"}', '{"i":"inner 2"}']);
  });

  test("shows an entry once it is committed, not while it is built", async () => {
    await fill(bench, 1);
    let seen: unknown;
    await Promise.all([
      bench.journal.append(entry),
      bench.journal.append((position) => {
        const { entries, through } = bench.journal.page(everything);
        seen = { head: bench.journal.info.head, through, positions: positionsOf(entries) };
        return entry(position);
      }),
    ]);
    const { head, positions, through } = seen as { head: number; through: number; positions: number[] };
    expect({ through, last: positions.at(-1) }).toEqual({ through: head, last: head });
    expect(bench.journal.info.head).toBe(3);
  });
}

function pagingCases(bench: Bench): void {
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

function findingCases(bench: Bench): void {
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

function pruningCases(bench: Bench): void {
  test("what is older; `first` moves, positions stay", async () => {
    const { journal } = bench;
    await fillAt(bench, range(1, 10));
    const before = journal.info.bytes;
    const removed = journal.page({ ...everything, limit: 4 }).entries;
    expect(journal.prune({ olderThanMs: 5 })).toEqual({ removed: 4 });
    expect(journal.info).toMatchObject({ first: 5, head: 10, bytes: before - sizeOf(removed) });
    expect(journal.prune({ olderThanMs: 5 })).toEqual({ removed: 0 });
    expect(journal.page({ after: 1, limit: 2, bytesMax: 1e9 })).toMatchObject({ through: 6 });
    expect(positionsOf(journal.page(everything).entries)).toEqual(range(5, 10));
    const gone: EntryQuery = { positions: [1, 4], msgIds: ["2026-2"], timeRangeMs: [0, 4] };
    expect([journal.find(gone, 10), journal.count(gone, 10)]).toEqual([[], 0]);
    expect(journal.positionAt(4)).toBe(0);
    expect(await journal.append(entry)).toBe(11);
  });

  test("what is at a position and before it", async () => {
    const { journal } = bench;
    await fill(bench, 1000);
    expect(journal.prune({ through: 700 })).toEqual({ removed: 700 });
    expect(journal.info).toMatchObject({ first: 701, head: 1000 });
    expect(journal.prune({ through: 700 })).toEqual({ removed: 0 });
    expect(journal.prune({ through: 5000 })).toEqual({ removed: 300 });
    expect(journal.info).toMatchObject({ first: 1001, head: 1000, bytes: 0 });
  });

  test("as many of the oldest as the bytes demand", async () => {
    const { journal } = bench;
    await fill(bench, 100);
    const last = journal.page({ after: 90, limit: 10, bytesMax: 1e9 }).entries;
    expect(journal.prune({ bytesMax: sizeOf(last) })).toEqual({ removed: 90 });
    expect(journal.info).toMatchObject({ first: 91, head: 100, bytes: sizeOf(last) });
    expect(journal.prune({})).toEqual({ removed: 0 });
  });

  test("everything, over thousands; the next position is still the next", async () => {
    const { journal } = bench;
    await fill(bench, 9000);
    expect(journal.prune({ bytesMax: 0 })).toEqual({ removed: 9000 });
    expect(journal.info).toMatchObject({ first: 9001, head: 9000, bytes: 0, earlier: [] });
    expect(journal.page({ ...everything, after: 10 })).toEqual({ entries: [], through: 9000 });
    expect([journal.find({ all: true }, 10), journal.count({ all: true }, 10)]).toEqual([[], 0]);
    expect(journal.prune({ bytesMax: 0 })).toEqual({ removed: 0 });
    expect(await fill(bench, 5000)).toEqual(range(9001, 14_000));
    expect(positionsOf(journal.find({ msgIds: ["2026-9001", "2026-13000"] }, 10))).toEqual([9001, 13_000]);
    expect(journal.info).toMatchObject({ first: 9001, head: 14_000 });
  });

  test("only up to the first that is not older, where the clock went back", async () => {
    await fillAt(bench, [1, 2, 9, 3, 10]);
    expect(bench.journal.prune({ olderThanMs: 5 })).toEqual({ removed: 2 });
    expect(bench.journal.info.first).toBe(3);
  });
}

function endingCases(bench: Bench): void {
  test("close() commits what was appended, and may be called twice", async () => {
    const appended = fill(bench, 3000);
    await Promise.all([bench.journal.close(), bench.journal.close()]);
    expect(await appended).toEqual(range(1, 3000));
    await bench.journal.close();
    expect(bench.journal.info.head).toBe(3000);
  });

  test("what comes after close() is refused", async () => {
    const closed = bench.journal.close();
    expect(await codeOf(bench.journal.append(entry))).toBe("FEDMSG_CLOSED");
    await closed;
    expect(await codeOf(bench.journal.append(entry))).toBe("FEDMSG_CLOSED");
    const ask = async () => bench.journal.page(everything);
    expect(await codeOf(ask())).toBe("FEDMSG_CLOSED");
    expect(bench.journal.info.head).toBe(0);
  });
}
