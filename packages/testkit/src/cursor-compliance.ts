import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bench, keyOf, type MakeCursors } from "./cursors/bench.ts";
import { endingCases, handlingCases, rememberingCases } from "./cursors/keeping.ts";
import { reopeningCases } from "./cursors/reopening.ts";
import { refusedCases, workCases } from "./cursors/working.ts";
import { expectNoLeaks } from "./leaks.ts";
import { codeOf } from "./waiting.ts";

export type { MakeCursors, MakeCursorsOptions } from "./cursors/bench.ts";

/** What differs between stores. */
export interface CursorTraits {
  /** There is a database: `work` runs, in SQLite's words, and what was handled is there after `close()`. */
  readonly hasDatabase: boolean;
}

/**
 * Defines the tests that every store of cursors passes: the words of `CursorStore` in `fedmsg/plugin`, one by one.
 */
export function cursorCompliance(name: string, make: MakeCursors, { hasDatabase }: CursorTraits): void {
  describe(`cursors ${name}`, () => {
    const bench = { make } as Bench;
    expectNoLeaks();
    beforeEach(async () => {
      bench.store = await make({});
    });
    afterEach(() => bench.store.close());
    describe("handle", () => handlingCases(bench));
    describe("remember", () => rememberingCases(bench));
    describe("end", () => endingCases(bench));
    if (!hasDatabase) {
      test("refuse work, and handle nothing then", async () => {
        expect(await codeOf(bench.store.handle(keyOf(1), () => 1))).toBe("FEDMSG_UNSUPPORTED");
        expect([bench.store.has(keyOf(1)), bench.store.handled]).toEqual([false, 0]);
      });
      return;
    }
    describe("run work", () => workCases(bench));
    describe("refuse work", () => refusedCases(bench));
    describe("are there again", () => reopeningCases(bench));
  });
}
