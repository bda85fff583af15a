import type { CursorStore, Transaction } from "fedmsg/plugin";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expectNoLeaks } from "./leaks.ts";
import { codeOf } from "./waiting.ts";

/** How a store is made for a test. */
export interface MakeCursorsOptions {
  readonly keysKept?: number;
  /** Not a new one, but what the last one left; only asked for where there is a database. */
  readonly again?: boolean;
}

/** Makes a store. */
export type MakeCursors = (options: MakeCursorsOptions) => CursorStore | Promise<CursorStore>;

/** What differs between stores. */
export interface CursorTraits {
  /** There is a database: `work` runs, in SQLite's words, and what was handled is there after `close()`. */
  readonly hasDatabase: boolean;
}

/** What the cases share: a store, made anew for each test. */
interface Bench {
  store: CursorStore;
  readonly make: MakeCursors;
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

/** A key of eight bytes, of all values. */
function keyOf(n: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(n);
  bytes.writeUInt32BE(Math.imul(n, 2_654_435_761) >>> 0, 4);
  return bytes.toString("latin1");
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

/** Handles messages without work, in one turn of the event loop. */
function fill(store: CursorStore, numbers: readonly number[]): Promise<unknown[]> {
  return Promise.all(numbers.map((n) => store.handle(keyOf(n))));
}

/** Those of the numbers whose keys are kept. */
function kept(store: CursorStore, numbers: readonly number[]): number[] {
  return numbers.filter((n) => store.has(keyOf(n)));
}

function handlingCases(bench: Bench): void {
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

function rememberingCases(bench: Bench): void {
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

function endingCases(bench: Bench): void {
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

/** Work that writes a row. */
function writing(n: number): (transaction: Transaction) => number {
  return (transaction) => {
    transaction.run("INSERT INTO seen (n) VALUES (?)", n);
    return n;
  };
}

/** A message without a number of a test's own. */
let others = 1_000_000;

/** Does something in a message of its own. */
function inWork<T>(store: CursorStore, work: (transaction: Transaction) => T): Promise<T | undefined> {
  return store.handle(keyOf(others++), work);
}

async function createTable(store: CursorStore): Promise<void> {
  await inWork(store, (transaction) => transaction.run("CREATE TABLE seen (n INTEGER UNIQUE)").changes);
}

/** The rows that were written, in the order of writing. */
async function seen(store: CursorStore): Promise<unknown[]> {
  const rows = await inWork(store, (transaction) => transaction.all("SELECT n FROM seen ORDER BY rowid"));
  return (rows ?? []).map(({ n }) => n);
}

function workCases(bench: Bench): void {
  beforeEach(() => createTable(bench.store));

  test("once for each key, in the order of the calls, and return what it returned", async () => {
    const { store } = bench;
    const numbers = range(1, 1500);
    const results = await Promise.all([...numbers, ...numbers].map((n) => store.handle(keyOf(n), writing(n))));
    expect(results).toEqual([...numbers, ...numbers.map(() => undefined)]);
    expect(await store.handle(keyOf(7), writing(7))).toBeUndefined();
    expect(await seen(store)).toEqual(numbers);
  });

  test("each value comes back as it was", async () => {
    const values = [null, 1, -1.5, 2 ** 40, "größe 🎉", "", Uint8Array.of(0, 255), new Uint8Array()];
    for (const value of values) {
      const row = await inWork(bench.store, (transaction) => transaction.get("SELECT ? AS value", value));
      expect(row).toEqual({ value });
    }
    expect(await inWork(bench.store, (transaction) => transaction.get("SELECT ? AS n", 12n))).toEqual({ n: 12 });
    expect(await inWork(bench.store, (transaction) => transaction.get("SELECT n FROM seen"))).toBeUndefined();
  });

  test.each([
    ["SELECT 'a;b' AS \"x;y\" ; -- COMMIT; and more", [{ "x;y": "a;b" }]],
    ["/* ; */ /* BEGIN */\nSELECT 'it''s; /*' AS [;]", [{ ";": "it's; /*" }]],
    ["CREATE TEMP TRIGGER t AFTER INSERT ON seen BEGIN SELECT 1; SELECT 2; END;", []],
  ])("one statement, whatever is in it: %s", async (sql, rows) => {
    expect(await inWork(bench.store, (transaction) => transaction.all(sql))).toEqual(rows);
  });

  test("what throws is undone alone, and may be handled again", async () => {
    const { store } = bench;
    const failure = new Error("not today");
    const failing = (transaction: Transaction) => {
      writing(2)(transaction);
      throw failure;
    };
    const settled = await Promise.allSettled([
      store.handle(keyOf(1), writing(1)),
      store.handle(keyOf(2), failing),
      store.handle(keyOf(3), writing(3)),
      store.handle(keyOf(4), (transaction) => transaction.run("no SQL")),
      store.handle(keyOf(5), writing(5)),
    ]);
    expect(settled.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(settled[1]).toEqual({ status: "rejected", reason: failure });
    expect(kept(store, range(1, 5))).toEqual([1, 3, 5]);
    expect(await store.handle(keyOf(2), writing(2))).toBe(2);
    expect(await seen(store)).toEqual([1, 3, 5, 2]);
  });

  test("of a key that comes twice: the second runs only where the first failed", async () => {
    const { store } = bench;
    const failing = () => {
      throw new Error("not today");
    };
    const first = store.handle(keyOf(1), failing).catch(() => "failed");
    const rest = [store.handle(keyOf(1), writing(1)), store.handle(keyOf(1), failing)];
    expect(await Promise.all([first, ...rest])).toEqual(["failed", 1, undefined]);
    expect(await seen(store)).toEqual([1]);
  });

  test("a key is there once it is committed, not before", async () => {
    const { store } = bench;
    const before = store.handled;
    const during: unknown[] = [];
    const look = () => during.push(store.has(keyOf(1)), store.handled - before);
    const promise = store.handle(keyOf(1), look);
    look();
    await Promise.all([promise, store.handle(keyOf(2), look)]);
    expect(during).toEqual([false, 0, false, 0, false, 0]);
    expect([store.has(keyOf(1)), store.handled]).toEqual([true, before + 2]);
  });

  test("work may call everything else; what it handles comes later", async () => {
    const { store } = bench;
    let inner: Promise<unknown> | undefined;
    await store.handle(keyOf(1), (transaction) => {
      inner = store.handle(keyOf(2), writing(2));
      store.move({ name: "relay", journal: "a", position: 1 });
      store.describeFilter("b");
      store.forget(0);
      writing(1)(transaction);
    });
    expect([await inner, await seen(store)]).toEqual([2, [1, 2]]);
    let closing: Promise<void> | undefined;
    await store.handle(keyOf(3), (transaction) => {
      closing = store.close();
      writing(3)(transaction);
    });
    await closing;
    expect(store.has(keyOf(3))).toBe(true);
  });
}

function refusedCases(bench: Bench): void {
  beforeEach(() => createTable(bench.store));

  /** Handles it between two others, and answers with its code; the others must not feel it. */
  async function amongOthers(work: (transaction: Transaction) => unknown): Promise<string | undefined> {
    const { store } = bench;
    const [one, code, three] = await Promise.all([
      store.handle(keyOf(1), writing(1)),
      codeOf(store.handle(keyOf(2), work)),
      store.handle(keyOf(3), writing(3)),
    ]);
    expect([one, three, kept(store, [1, 2, 3]), await seen(store)]).toEqual([1, 3, [1, 3], [1, 3]]);
    return code;
  }

  test("that waits", async () => {
    let later: Promise<unknown> = Promise.resolve();
    const work = async (transaction: Transaction) => {
      writing(2)(transaction);
      later = Promise.resolve().then(() => writing(4)(transaction));
      await later;
    };
    expect(await amongOthers(work)).toBe("FEDMSG_UNSUPPORTED");
    expect(await codeOf(later)).toBe("FEDMSG_CLOSED");
  });

  test("that goes on with its transaction afterwards", async () => {
    const { store } = bench;
    const transaction = (await inWork(store, (own) => own)) as Transaction;
    for (const call of ["run", "get", "all"] as const) {
      expect(await codeOf(new Promise(() => transaction[call]("SELECT 1")))).toBe("FEDMSG_CLOSED");
    }
  });

  test.each([
    "COMMIT",
    "commit and chain",
    "END",
    "ROLLBACK",
    "  rollback to fedmsg_work",
    "-- now\n;/* it */ BEGIN",
    "SAVEPOINT mine",
    "RELEASE fedmsg_work",
    "ATTACH 'other.db' AS other",
    "INSERT INTO seen VALUES (8); INSERT INTO seen VALUES (9)",
  ])("with %j", async (sql) => {
    const work = (transaction: Transaction) => {
      writing(2)(transaction);
      transaction.run(sql);
    };
    expect(await amongOthers(work)).toBe("FEDMSG_UNSUPPORTED");
  });

  test("that rolls everything back by a conflict clause, whether it notices or not", async () => {
    const work = (transaction: Transaction) => {
      writing(2)(transaction);
      try {
        transaction.run("INSERT OR ROLLBACK INTO seen VALUES (2)");
      } catch {
        writing(4)(transaction);
      }
    };
    expect(await amongOthers(work)).toBe("FEDMSG_UNSUPPORTED");
  });

  test("that breaks a deferred constraint, which only the commit finds", async () => {
    const { store } = bench;
    await inWork(
      store,
      (transaction) =>
        transaction.run("CREATE TABLE parts (n INTEGER REFERENCES seen (n) DEFERRABLE INITIALLY DEFERRED)").changes,
    );
    const breaking = (transaction: Transaction) => transaction.run("INSERT INTO parts VALUES (77)");
    expect(await amongOthers(breaking), "it is no fault of the disk").not.toBe("FEDMSG_JOURNAL");
    await expect(store.handle(keyOf(4), breaking)).rejects.toThrow(/FOREIGN KEY/);
    expect(await inWork(store, (transaction) => transaction.all("SELECT n FROM parts"))).toEqual([]);
  });
}

function reopeningCases(bench: Bench): void {
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
