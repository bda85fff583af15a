import { describe, expect, test } from "vitest";
import { filledJournal, TestJournal, timeMsOf } from "../../test/test-journal.ts";
import { type Answer, answerLimits, answerQuery } from "./answer.ts";
import { parseHeader } from "./header.ts";
import type { PageQuery } from "./journal.ts";
import type { Query } from "./query.ts";

const never = new AbortController().signal;

function answer(query: Query, journal: TestJournal, signal = never): Promise<Answer> {
  return answerQuery(query, journal, answerLimits, signal) as Promise<Answer>;
}

/** Notes what is read in each turn of the event loop. */
function watch(journal: TestJournal) {
  const turns: { entries: number; bytes: number }[] = [];
  let current: { entries: number; bytes: number } | undefined;
  const page = journal.page.bind(journal);
  journal.page = (query: PageQuery) => {
    if (!current) {
      current = { entries: 0, bytes: 0 };
      turns.push(current);
      setImmediate(() => {
        current = undefined;
      });
    }
    const result = page(query);
    current.entries += result.entries.length;
    for (const { body } of result.entries) current.bytes += body.byteLength;
    return result;
  };
  return turns;
}

describe("an answer is put together in small steps", () => {
  const mebibyte = 1024 * 1024;

  test.each<[string, Query]>([
    ["everything", { kind: "entries", query: { all: true } }],
    ["every second one", { kind: "entries", query: { positions: [...Array(5000).keys()].map((n) => 2 * n) } }],
    ["a page", { kind: "page", after: 0, limit: 1000 }],
  ])("%s, of many small messages", async (_, query) => {
    const journal = await filledJournal(10_000);
    const turns = watch(journal);
    const { entries, frames } = await answer(query, journal);
    expect(frames.length).toBeGreaterThanOrEqual(entries);
    expect(turns.reduce((sum, turn) => sum + turn.entries, 0)).toBe(entries);
    expect(Math.max(...turns.map((turn) => turn.entries))).toBeLessThanOrEqual(400);
  });

  test.each<[string, Query]>([
    ["everything", { kind: "entries", query: { all: true } }],
    ["a page", { kind: "page", after: 0, limit: 1000 }],
  ])("%s, of large messages", async (_, query) => {
    const journal = new TestJournal();
    for (let n = 0; n < 15; n++) await journal.add("t", Buffer.alloc(mebibyte / 2 + n * 40_000));
    const turns = watch(journal);
    await answer(query, journal);
    expect(turns.length).toBeGreaterThan(3);
    expect(Math.max(...turns.map((turn) => turn.bytes))).toBeLessThanOrEqual(1.7 * mebibyte);
  });
});

test("a page ends where the journal looked at enough, whether it holds anything or not", async () => {
  const journal = await filledJournal(1000);
  journal.page = ({ after }) => ({ entries: [], through: after + 5 });
  const { frames, entries } = await answer({ kind: "page", after: 10, limit: 1000, topics: ["rare"] }, journal);
  expect(entries).toBe(0);
  expect(parseHeader(frames[0] as Uint8Array)).toMatchObject({ head: 1000, through: 510 });
});

test("a journal that does not go on ends an answer", async () => {
  const journal = await filledJournal(10);
  journal.page = ({ after }) => ({ entries: [], through: after });
  expect(await answer({ kind: "entries", query: { all: true } }, journal)).toMatchObject({ kind: "refusal" });
  expect(await answer({ kind: "page", after: 0, limit: 5 }, journal)).toMatchObject({ entries: 0 });
});

test("what is pruned while an answer is put together is left out of it", async () => {
  const journal = await filledJournal(2000);
  const page = journal.page.bind(journal);
  journal.page = (query) => {
    if (query.after === 200) journal.prune({ olderThanMs: timeMsOf(600) });
    return page(query);
  };
  const { frames } = await answer({ kind: "entries", query: { positionRange: [1, 1000] } }, journal);
  const ids = frames.map((body) => JSON.parse(String(Buffer.from(body))).seq_id);
  expect(ids).toEqual([...Array(1000).keys()].map((n) => n + 1).filter((id) => id <= 200 || id >= 600));
});

test("nothing is read any more once it is given up", async () => {
  const journal = await filledJournal(100_000);
  const controller = new AbortController();
  const page = journal.page.bind(journal);
  journal.page = (query) => {
    if (journal.pages === 5) controller.abort();
    return page(query);
  };
  const wide = { ...answerLimits, entriesMax: 1e6 };
  await answerQuery({ kind: "entries", query: { all: true } }, journal, wide, controller.signal);
  expect(journal.pages).toBe(6);
});
