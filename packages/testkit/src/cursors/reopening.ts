/** Cases for stores of cursors with a database: what is there when it is opened again. */

import type { CursorStore } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { range } from "../range.ts";
import { type Bench, createTable, fill, kept, keyOf, type MakeCursorsOptions, seen, writing } from "./bench.ts";

/** All of it is there again. */
export function reopeningCases(bench: Bench): void {
  /** Closes the store, and opens what it left. */
  async function reopen(options: MakeCursorsOptions = {}): Promise<CursorStore> {
    await bench.store.close();
    bench.store = await bench.make({ ...options, again: true });
    return bench.store;
  }

  test("with keys, rows, cursors and filter", async () => {
    const { store } = bench;
    await createTable(store);
    await Promise.all(range(1, 100).map((n) => store.handle(keyOf(n), writing(n))));
    store.move({ name: "relay", journal: "a", position: 5 });
    store.move({ name: "relay", journal: "b", position: Number.MAX_SAFE_INTEGER });
    store.describeFilter("größe");
    const { handled, cursors } = store;
    const again = await reopen();
    expect([again.handled, again.filter, again.cursors]).toEqual([handled, "größe", cursors]);
    expect(kept(again, range(0, 200))).toEqual(range(1, 100));
    expect(await again.handle(keyOf(7), writing(7))).toBeUndefined();
    expect(await seen(again)).toEqual(range(1, 100));
  });

  test("with keys that are older than those in memory", async () => {
    await fill(bench.store, range(1, 100));
    const again = await reopen({ keysKept: 10 });
    expect(kept(again, range(0, 200))).toEqual(range(1, 100));
    await fill(again, range(50, 150));
    expect([again.handled, kept(again, range(0, 200))]).toEqual([150, range(1, 150)]);
  });

  test("with the count of what was handled, when all of it is forgotten", async () => {
    await reopen({ keysKept: 0 });
    await fill(bench.store, range(1, 100));
    bench.store.forget(100);
    await fill(bench.store, [101]);
    const again = await reopen({ keysKept: 0 });
    expect(again.handled).toBe(101);
    expect(kept(again, range(1, 100))).toEqual([]);
    await again.handle(keyOf(1));
    expect(again.handled).toBe(102);
  });
}
