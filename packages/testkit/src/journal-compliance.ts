import type { Journal } from "fedmsg/plugin";
import { afterEach, beforeEach, describe } from "vitest";
import { type Bench, startMs } from "./journal/bench.ts";
import { findingCases, pagingCases } from "./journal/reading.ts";
import { appendingCases, endingCases, pruningCases } from "./journal/writing.ts";
import { expectNoLeaks } from "./leaks.ts";

/** How a journal is made for a test. */
export interface MakeJournalOptions {
  /** The clock that its entries get their times from. */
  readonly now: () => number;
}

/** Makes an empty journal; called once for each test. */
export type MakeJournal = (options: MakeJournalOptions) => Journal | Promise<Journal>;

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
