/** Cases for every store of cursors: what was handled, where cursors are, and how it ends. */

import { expect, test } from "vitest";
import { range } from "../range.ts";
import { codeOf } from "../waiting.ts";
import { type Bench, fill, kept, keyOf } from "./bench.ts";

/** What was handled stays, each message once. */
export function handlingCases(bench: Bench): void {
  test("begins with nothing", () => {
    const { store } = bench;
    expect([store.handled, store.filter, store.cursors.size, store.has(keyOf(1))]).toEqual([0, undefined, 0, false]);
  });

  test("keeps every key, of whatever bytes, across turns and groups", async () => {
    const { store } = bench;
    expect(new Set(await fill(store, range(1, 2500)))).toEqual(new Set([undefined]));
    await store.handle("\0\0\0\0\0\0\0\0");
    await store.handle("\xff\0\xff\0\xff\0\xff\n");
    expect(store.handled).toBe(2502);
    expect(kept(store, range(1, 2501))).toEqual(range(1, 2500));
    expect(["\0\0\0\0\0\0\0\0", "\xff\0\xff\0\xff\0\xff\n", "\0\0\0\0\0\0\0\x01"].map((key) => store.has(key))).toEqual(
      [true, true, false],
    );
  });

  test("counts a key once, whether it comes in the same turn or later", async () => {
    const { store } = bench;
    await fill(store, [1, 2, 1, 1]);
    await fill(store, [2, 3]);
    expect(store.handled).toBe(3);
  });
}

/** Cursors, the filter, and keys that may be forgotten. */
export function rememberingCases(bench: Bench): void {
  test("a cursor is where it was moved to, at once, each name its own", () => {
    const { store } = bench;
    store.move({ name: "relay", journal: "a", position: 5 });
    store.move({ name: "bodhi", journal: "b", position: 1 });
    store.move({ name: "relay", journal: "c", position: 3 });
    expect(Object.fromEntries(store.cursors)).toEqual({
      relay: { name: "relay", journal: "c", position: 3 },
      bodhi: { name: "bodhi", journal: "b", position: 1 },
    });
  });

  test("save resolves when what was moved is kept, and at once where nothing was", async () => {
    const { store } = bench;
    await store.save();
    store.move({ name: "relay", journal: "a", position: 5 });
    store.describeFilter("a");
    await store.save();
    expect(store.cursors.get("relay")?.position).toBe(5);
    await store.close();
  });

  test("the filter is what was said last", () => {
    bench.store.describeFilter("a");
    bench.store.describeFilter("größe");
    expect(bench.store.filter).toBe("größe");
  });

  test("no key is forgotten unless that is allowed", async () => {
    const store = await bench.make({ keysKept: 10 });
    for (const n of range(0, 9)) await fill(store, range(n * 10, n * 10 + 9));
    expect(kept(store, range(0, 200))).toEqual(range(0, 99));
    await store.close();
  });

  test("the newest keys stay, and those that may not be forgotten", async () => {
    const store = await bench.make({ keysKept: 10 });
    await fill(store, range(1, 50));
    store.forget(20);
    store.forget(5);
    await fill(store, range(51, 55));
    expect(kept(store, range(21, 100))).toEqual(range(21, 55));
    store.forget(1_000_000);
    await fill(store, range(56, 60));
    expect(kept(store, range(51, 100))).toEqual(range(51, 60));
    expect(store.handled).toBe(60);
    await store.close();
  });
}

/** What comes before and after `close()`. */
export function endingCases(bench: Bench): void {
  test("close commits what waits, and may be called again", async () => {
    const { store } = bench;
    const waiting = fill(store, range(1, 2500));
    await Promise.all([store.close(), store.close()]);
    await waiting;
    expect(store.handled).toBe(2500);
    await store.close();
  });

  test("after close nothing is handled", async () => {
    const { store } = bench;
    const closing = store.close();
    expect(await codeOf(store.handle(keyOf(1)))).toBe("FEDMSG_CLOSED");
    await closing;
    expect(await codeOf(store.handle(keyOf(1)))).toBe("FEDMSG_CLOSED");
    store.move({ name: "relay", journal: "a", position: 5 });
  });
}
