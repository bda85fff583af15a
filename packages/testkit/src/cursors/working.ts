/** Cases for stores of cursors with a database: work in the transaction of its message. */

import type { Transaction } from "fedmsg/plugin";
import { beforeEach, expect, test } from "vitest";
import { range } from "../range.ts";
import { codeOf } from "../waiting.ts";
import { type Bench, createTable, inWork, kept, keyOf, seen, writing } from "./bench.ts";

/** Work runs once for each key, and is undone alone. */
export function workCases(bench: Bench): void {
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

/** Work that would leave its transaction fails, and nobody else feels it. */
export function refusedCases(bench: Bench): void {
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
