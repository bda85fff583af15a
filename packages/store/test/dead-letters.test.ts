/** Dead letters: beside cursors that are in use, in a file of their own, and asked for by another process. */

import { readFileSync, statSync } from "node:fs";
import { range } from "@fedmsg/testkit";
import type { CursorStore } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import {
  addDeadLetter,
  type DeadLetterBox,
  deadLettersMax,
  type NewDeadLetter,
  openCursors,
  openDeadLetters,
  openJournal,
} from "../src/index.ts";
import { openDatabase } from "../src/sqlite.ts";
import { append, Child, failure, refusal, tempFile } from "./support.ts";

function keyOf(n: number): string {
  return String(n).padStart(8, "0");
}

function letterOf(n: number, changes: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    topic: "org.test.git.push",
    msgId: `2026-${n}`,
    name: "relay_outbound",
    endpoint: "tcp://127.0.0.1:4001",
    trust: "signed",
    signer: "shell-vm.example.org",
    body: Buffer.from(`{"i":${n},"ratio":1.0}`),
    error: `Error: no ${n}`,
    attempts: 5,
    failedAtMs: 1_795_000_000_000 + n,
    ...changes,
  };
}

/** A consumer that has failed on messages 1 to `count`. */
async function failed(file: string, count: number): Promise<CursorStore> {
  const store = await openCursors(file);
  await Promise.all(
    range(1, count).map((n) => store.handle(keyOf(n), (transaction) => addDeadLetter(transaction, letterOf(n)))),
  );
  return store;
}

function ids(letters: readonly { readonly id: number }[]): number[] {
  return letters.map(({ id }) => id);
}

/** What some work throws, or rejects with. */
async function thrown(work: () => unknown): Promise<{ readonly code?: string; readonly message: string }> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("an error was expected");
}

/** A box of its own, with letters 1 to `count`. */
async function boxOf(count: number, file = tempFile()): Promise<DeadLetterBox> {
  const box = await openDeadLetters(file, { create: true });
  for (let n = 1; n <= count; n++) await box.add(letterOf(n));
  return box;
}

describe("beside the cursors of a consumer that runs", () => {
  test("a letter is kept in the commit of its message, and read at once by another connection", async () => {
    const file = tempFile();
    const store = await openCursors(file);
    const box = await openDeadLetters(file);
    expect([box.count(), box.list({ limit: 10 }), box.get(1)]).toEqual([0, [], undefined]);
    await store.handle(keyOf(1), (transaction) => addDeadLetter(transaction, letterOf(1)));
    expect(box.list({ limit: 10 })).toEqual([
      { ...letterOf(1), body: new Uint8Array(letterOf(1).body), id: 1, isAsked: false },
    ]);
    expect([box.count(), store.has(keyOf(1))]).toEqual([1, true]);
    await box.close();
    await box.close();
    await store.close();
  });

  test("where the work around it throws there is neither a letter nor a message that was handled", async () => {
    const file = tempFile();
    const store = await openCursors(file);
    const handling = store.handle(keyOf(1), (transaction) => {
      addDeadLetter(transaction, letterOf(1));
      throw new Error("not today");
    });
    await expect(handling).rejects.toThrow("not today");
    await store.handle(keyOf(2), (transaction) => addDeadLetter(transaction, letterOf(2)));
    const box = await openDeadLetters(file);
    expect(box.list({ limit: 10 }).map(({ msgId }) => msgId)).toEqual(["2026-2"]);
    expect(store.has(keyOf(1))).toBe(false);
    await box.close();
    await store.close();
  });

  test("retry, drop and settle go on while the consumer commits", async () => {
    const file = tempFile();
    const store = await failed(file, 50);
    const box = await openDeadLetters(file);
    const going = Array.from({ length: 200 }, (_, n) => store.handle(keyOf(1000 + n)));
    expect([await box.askRetry([1, 2, 2, 99]), await box.drop([3, 99])]).toEqual([2, 1]);
    await Promise.all(going);
    expect(await box.settle(1, (transaction) => transaction.run("CREATE TABLE done (n)") && "done")).toBe("done");
    expect([box.count(), store.handled]).toEqual([48, 250]);
    await store.handle(keyOf(5000), (transaction) => transaction.run("INSERT INTO done VALUES (1)"));
    await box.close();
    await store.close();
  });

  test("the cursors wait for another process that holds the file for longer than a second", async () => {
    const file = tempFile();
    const store = await failed(file, 1);
    const child = new Child("hold.mjs", [file, "1500"]);
    expect(await child.line()).toBe("held");
    await store.handle(keyOf(2));
    expect(store.has(keyOf(2))).toBe(true);
    expect(await child.rest()).toEqual(["done"]);
    await store.close();
  });

  test("another process asks for and drops letters of a consumer that goes on; none of the others is lost", async () => {
    const file = tempFile();
    const child = new Child("letters.mjs", [file]);
    let written = 0;
    while (written < 200) written = Number(await child.line());
    const box = await openDeadLetters(file);
    const dropped = await box.drop("all");
    expect(dropped).toBeGreaterThanOrEqual(200);
    while (written < dropped + 200) written = Number(await child.line());
    const asked = await box.askRetry("all");
    expect(asked).toBeGreaterThanOrEqual(200);
    await child.kill();
    for (const line of await child.rest()) written = Number(line);
    expect(box.count() + dropped).toBeGreaterThanOrEqual(written);
    expect(box.takeAsked(100_000)).toHaveLength(asked);
    await box.close();
    const store = await openCursors(file);
    expect(store.handled).toBeGreaterThanOrEqual(written);
    await store.close();
  });
});

describe("a file", () => {
  test("of a consumer without cursors is its owner's alone, and becomes one of cursors", async () => {
    const file = tempFile();
    const box = await boxOf(3, file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const store = await openCursors(file);
    await store.handle(keyOf(4), (transaction) => addDeadLetter(transaction, letterOf(4)));
    expect(ids(box.list({ limit: 10 }))).toEqual([1, 2, 3, 4]);
    await box.close();
    await store.close();
    const again = await openCursors(file);
    expect([again.handled, again.has(keyOf(4))]).toEqual([1, true]);
    await again.close();
  });

  test("that was not closed by its consumer can be read and changed", async () => {
    const file = tempFile();
    const child = new Child("letters.mjs", [file]);
    while (Number(await child.line()) < 20);
    await child.kill();
    const box = await openDeadLetters(file);
    expect(await box.askRetry("all")).toBeGreaterThanOrEqual(20);
    await box.close();
    const store = await openCursors(file);
    expect(store.handled).toBeGreaterThanOrEqual(20);
    await store.close();
  });

  test("that has no letters is not changed by looking", async () => {
    const file = tempFile();
    await (await openCursors(file)).close();
    const before = readFileSync(file);
    const box = await openDeadLetters(file);
    const counts = [
      box.count(),
      await box.askRetry("all"),
      await box.drop([1]),
      box.takeAsked(10).length,
      await box.settle(1),
    ];
    expect(counts).toEqual([0, 0, 0, 0, undefined]);
    await box.failAgain(1, failure("no", 1));
    await box.close();
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test.each([
    ["/not/there/x.db", /there is no such file/],
    ["/tmp", /this is no file/],
    [import.meta.filename, /no SQLite database/],
    [":memory:", /names no file/],
  ])("%j is refused", async (location, message) => {
    expect((await refusal(openDeadLetters(location))).message).toMatch(message);
  });

  test("that is a journal is refused, and left as it is", async () => {
    const file = tempFile();
    const journal = await openJournal(file);
    await append(journal, 3);
    await journal.close();
    const before = readFileSync(file);
    expect((await refusal(openDeadLetters(file, { create: true }))).message).toMatch(/this is a journal/);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test("holds a bounded number of letters; one more is refused, and its message is not handled", async () => {
    const file = tempFile();
    const store = await failed(file, 1);
    const db = await openDatabase(file, { timeoutMs: 1000 });
    db.exec(`INSERT INTO fedmsg_dead_letters (topic, msg_id, name, endpoint, trust, body, error, attempts, failed_at)
      WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ${deadLettersMax})
      SELECT 't', i, 'n', 'e', 'signed', x'7b7d', 'no', 5, i FROM n`);
    db.close();
    const handling = store.handle(keyOf(2), (transaction) => addDeadLetter(transaction, letterOf(2)));
    await expect(handling).rejects.toMatchObject({ code: "FEDMSG_DEAD_LETTERS_FULL" });
    expect(store.has(keyOf(2))).toBe(false);
    const box = await openDeadLetters(file);
    expect(await thrown(() => box.add(letterOf(2)))).toMatchObject({
      code: "FEDMSG_DEAD_LETTERS_FULL",
      message: expect.stringMatching(/fedmsg dead-letters list/),
    });
    expect(await box.askRetry("all")).toBe(deadLettersMax);
    expect(ids(box.takeAsked(3))).toEqual([1, 2, 3]);
    expect(ids(box.takeAsked(2))).toEqual([4, 5]);
    expect(await box.drop([7])).toBe(1);
    await box.add(letterOf(2)); // There is room again, though ids go on.
    expect(box.list({ after: deadLettersMax, limit: 5 })).toMatchObject([{ id: deadLettersMax + 1, msgId: "2026-2" }]);
    expect([await box.drop("all"), box.count()]).toEqual([deadLettersMax, 0]);
    await box.close();
    await store.close();
  });
});

describe("a letter", () => {
  test("comes out as it went in, whatever it holds", async () => {
    const box = await boxOf(0);
    const { signer: _, ...unsigned } = letterOf(1, { trust: "unsigned", body: new Uint8Array([0, 255, 10]) });
    await box.add(unsigned);
    await box.add(letterOf(2, { error: `${"ü".repeat(3000)}` }));
    const [first, second] = box.list({ limit: 10 });
    expect(first).toEqual({ ...unsigned, id: 1, isAsked: false });
    expect(Buffer.byteLength(second?.error ?? "")).toBeLessThanOrEqual(4096);
    expect(second?.error).toMatch(/^ü+…$/);
    await box.close();
  });

  test("is found by id; lists are by id, in pages that are bounded in bytes, too", async () => {
    const box = await boxOf(0);
    for (let n = 1; n <= 4; n++) await box.add(letterOf(n, { body: new Uint8Array(7 * 1024 * 1024) }));
    expect(ids(box.list({ limit: 10 }))).toEqual([1, 2]);
    expect(ids(box.list({ after: 2, limit: 1 }))).toEqual([3]);
    expect(ids(box.list({ after: 2, limit: 10 }))).toEqual([3, 4]);
    expect(box.list({ after: 4, limit: 10 })).toEqual([]);
    expect([box.get(2)?.msgId, box.get(9)]).toEqual(["2026-2", undefined]);
    await box.askRetry("all");
    expect([ids(box.takeAsked(10)), ids(box.takeAsked(10)), ids(box.takeAsked(10))]).toEqual([[1, 2], [3, 4], []]);
    await box.close();
  });

  test("has an id that no later one gets", async () => {
    const box = await boxOf(2);
    await box.drop("all");
    await box.add(letterOf(3));
    expect(ids(box.list({ limit: 10 }))).toEqual([3]);
    await box.close();
  });
});

describe("trying again", () => {
  test("each is given once, until it failed again and is asked for again", async () => {
    const box = await boxOf(3);
    expect(box.takeAsked(10)).toEqual([]);
    expect(await box.askRetry([3, 1])).toBe(2);
    expect(box.list({ limit: 10 }).map(({ isAsked }) => isAsked)).toEqual([true, false, true]);
    expect(ids(box.takeAsked(1))).toEqual([1]);
    expect(ids(box.takeAsked(10))).toEqual([3]);
    expect(ids(box.takeAsked(10))).toEqual([]);
    await box.failAgain(1, failure("still not", 6, 7));
    expect(box.get(1)).toMatchObject({ error: "still not", attempts: 6, failedAtMs: 7, isAsked: false });
    expect(ids(box.takeAsked(10))).toEqual([]);
    await box.askRetry("all");
    expect(ids(box.takeAsked(10)).sort()).toEqual([1, 2, 3]);
    await box.close();
  });

  test("who asks again before it failed gets another try", async () => {
    const box = await boxOf(1);
    await box.askRetry([1]);
    box.takeAsked(10);
    await box.askRetry([1]);
    await box.failAgain(1, failure("no", 6));
    expect(ids(box.takeAsked(10))).toEqual([1]);
    await box.failAgain(1, failure("no", 7));
    expect(ids(box.takeAsked(10))).toEqual([]);
    await box.close();
  });

  test("what was given and not settled is given again after the next opening", async () => {
    const file = tempFile();
    const box = await boxOf(2, file);
    await box.askRetry("all");
    expect(ids(box.takeAsked(10))).toEqual([1, 2]);
    await box.settle(1);
    await box.close();
    const again = await openDeadLetters(file);
    expect(ids(again.takeAsked(10))).toEqual([2]);
    await again.close();
  });

  test("settling deletes the letter and writes what came of it, both or neither", async () => {
    const box = await boxOf(3);
    const work = () => box.settle(1, (transaction) => transaction.run("CREATE TABLE built (id)") && "written");
    expect([await work(), box.get(1)]).toEqual(["written", undefined]);
    expect(await box.settle(1, () => "never")).toBeUndefined();
    const failing = () =>
      box.settle(2, (transaction) => {
        transaction.run("INSERT INTO built VALUES (2)");
        throw new Error("not today");
      });
    expect((await thrown(failing)).message).toBe("not today");
    expect(box.get(2)?.id).toBe(2);
    for (const sql of ["COMMIT", "ROLLBACK", "ATTACH 'x' AS y", "SELECT 1; SELECT 2"]) {
      expect(await thrown(() => box.settle(2, (transaction) => transaction.run(sql)))).toMatchObject({
        code: "FEDMSG_UNSUPPORTED",
      });
    }
    expect(await thrown(() => box.settle(2, async () => {}))).toMatchObject({ code: "FEDMSG_UNSUPPORTED" });
    const rolling = "INSERT OR ROLLBACK INTO fedmsg_dead_letters SELECT * FROM fedmsg_dead_letters";
    await expect(box.settle(2, (transaction) => transaction.run(rolling))).rejects.toThrow();
    const rows = await box.settle(3, (transaction) => transaction.all("SELECT * FROM built"));
    expect([rows, ids(box.list({ limit: 10 }))]).toEqual([[], [2]]);
    await box.close();
  });

  test("of a closed box is refused", async () => {
    const box = await boxOf(1);
    await box.close();
    for (const work of [() => box.count(), () => box.drop("all"), () => box.takeAsked(1), () => box.settle(1)]) {
      expect(await thrown(work)).toMatchObject({ code: "FEDMSG_CLOSED" });
    }
  });
});
