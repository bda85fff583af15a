/** What is the SQLite cursors' own: their file, its one subscriber, what is left after `kill -9`, a disk that is full. */

import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { canMount, eventually, openSmallDisk, range } from "@fedmsg/testkit";
import type { CursorStore, SqlValue } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { type CursorOptions, openCursors, openJournal } from "../src/index.ts";
import { type Database, openDatabase } from "../src/sqlite.ts";
import { append, Child, Heard, refusal, tempFile } from "./support.ts";

function keyOf(n: number): string {
  return String(n).padStart(8, "0");
}

/** Handles messages with a row each, in one turn of the event loop. */
function fill(store: CursorStore, numbers: readonly number[], text = ""): Promise<unknown[]> {
  const insert = "INSERT INTO seen VALUES (?, ?)";
  return Promise.all(
    numbers.map((n) => store.handle(keyOf(n), (transaction) => transaction.run(insert, n, text).changes)),
  );
}

/** Opens cursors, with a table that {@link fill} writes to. */
async function openWithTable(file: string, options?: CursorOptions): Promise<CursorStore> {
  const store = await openCursors(file, options);
  const create = "CREATE TABLE IF NOT EXISTS seen (n INTEGER PRIMARY KEY, text TEXT)";
  await store.handle("creation", (transaction) => transaction.run(create).changes);
  return store;
}

/** Works with a file by a connection of its own. */
async function inFile<T>(file: string, work: (db: Database) => T | Promise<T>): Promise<T> {
  const db = await openDatabase(file, { timeoutMs: 0 });
  try {
    return await work(db);
  } finally {
    db.close();
  }
}

/** The one value of a query, asked by a connection of its own. */
function valueIn(file: string, sql: string): Promise<SqlValue> {
  return inFile(file, (db) => Object.values(db.prepare(sql).get() as Record<string, SqlValue>)[0] as SqlValue);
}

describe("a location", () => {
  test.each([
    [":memory:", /createMemoryCursors\(\) keeps one in memory/],
    ["postgresql://db/x", /a subscriber's memory is a file/],
    ["/not/there/x.db", /create the directory \/not\/there first/],
    ["/tmp", /this is no file/],
  ])("%j is refused", async (location, message) => {
    expect((await refusal(openCursors(location))).message).toMatch(message);
  });

  test("may have sqlite: before it; the file is its owner's alone", async () => {
    const file = tempFile();
    const store = await openCursors(`sqlite:${file}`);
    await store.handle(keyOf(1));
    const modes = ["", "-wal", "-shm", "-lock"].map((suffix) => statSync(`${file}${suffix}`).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600, 0o600]);
    await store.close();
  });

  test("that is no database is refused, and left as it is", async () => {
    const text = tempFile("notes.txt");
    writeFileSync(text, "not a database, but a text that is long enough to be taken for one. ".repeat(100));
    const before = readFileSync(text);
    expect((await refusal(openCursors(text))).message).toMatch(/notes\.txt: .*no SQLite database; name another/);
    expect(readFileSync(text).equals(before)).toBe(true);
  });

  test("that is a journal is refused, and left as it is", async () => {
    const file = tempFile();
    const journal = await openJournal(file);
    await append(journal, 10);
    expect((await refusal(openCursors(file))).message).toMatch(/another subscriber/);
    await journal.close();
    const before = readFileSync(file);
    expect((await refusal(openCursors(file))).message).toMatch(/this is a journal; give the cursors a file/);
    expect(readFileSync(file).equals(before)).toBe(true);
    const killed = tempFile();
    const child = new Child("write.mjs", [killed, "full", "300"]);
    while ((await child.line()) !== "done");
    await child.kill();
    expect((await refusal(openCursors(killed))).message).toMatch(/this is a journal; give the cursors a file/);
    const heard = new Heard();
    const recovered = await openJournal(killed, heard);
    expect([recovered.info.head, heard.types]).toEqual([300, ["recovered"]]);
    await recovered.close();
  });

  test("of a newer format is refused, and left as it is", async () => {
    const file = tempFile();
    await (await openCursors(file)).close();
    await inFile(file, (db) => db.exec("UPDATE fedmsg_meta SET format = 2; PRAGMA wal_checkpoint(TRUNCATE)"));
    const before = readFileSync(file);
    expect((await refusal(openCursors(file))).message).toMatch(/its cursors is 2, .* use a newer fedmsg/);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test("may be the subscriber's own database; its header stays, and others read beside it", async () => {
    const file = tempFile("app.db");
    await inFile(file, (db) => {
      db.exec("CREATE TABLE seen (n INTEGER PRIMARY KEY, text TEXT); INSERT INTO seen VALUES (1, 'before')");
      db.exec("PRAGMA application_id = 77; PRAGMA user_version = 9");
    });
    const store = await openCursors(file);
    await fill(store, [2, 3], "by work");
    expect(await valueIn(file, "SELECT group_concat(n) FROM seen")).toBe("1,2,3");
    await inFile(file, (db) => db.exec("INSERT INTO seen VALUES (4, 'by another')"));
    expect(await store.handle(keyOf(9), (transaction) => transaction.get("SELECT max(n) AS n FROM seen"))).toEqual({
      n: 4,
    });
    await store.close();
    expect([await valueIn(file, "PRAGMA application_id"), await valueIn(file, "PRAGMA user_version")]).toEqual([77, 9]);
  });
});

describe("the one subscriber", () => {
  test("a second open in the same process is refused, until the first is closed", async () => {
    const file = tempFile();
    const first = await openCursors(file);
    for (let n = 0; n < 2; n++) {
      expect((await refusal(openCursors(file))).message).toMatch(/another subscriber has these cursors open; .*name/);
    }
    expect((await refusal(openJournal(file))).message).toMatch(/another writer/);
    await first.handle(keyOf(1));
    await first.close();
    const second = await openCursors(file);
    expect(second.has(keyOf(1))).toBe(true);
    await second.close();
  });

  test("a second process is refused; after kill -9 of the first the lock is gone", async () => {
    const file = tempFile();
    const child = new Child("handle.mjs", [file, "full", "50"]);
    while ((await child.line()) !== "done");
    expect((await refusal(openCursors(file))).message).toMatch(/another subscriber has these cursors open/);
    await child.kill();
    const store = await openCursors(file);
    expect(store.handled).toBe(51);
    await store.close();
  });
});

describe.each(["full", "normal"] as const)("kill -9 at %s", (sync) => {
  test("what was acknowledged is there; key and row are both there or neither, three times in a row", async () => {
    const file = tempFile();
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      const child = new Child("handle.mjs", [file, sync]);
      for (const enough = acknowledged + 3000; acknowledged < enough; ) acknowledged = Number(await child.line());
      await delay(round * 7); // Somewhere else in the course of a commit.
      await child.kill();
      for (const line of await child.rest()) acknowledged = Math.max(acknowledged, Number(line) || 0);
    }
    const store = await openCursors(file);
    const rows = (await store.handle("question", (transaction) => transaction.all("SELECT n FROM seen"))) ?? [];
    const numbers = rows.map(({ n }) => n);
    const head = store.handled - 1; // Without the question, and counting the creation for 1.
    expect(head).toBeGreaterThanOrEqual(acknowledged);
    expect(numbers).toEqual(range(2, head));
    expect(numbers.every((n) => store.has(keyOf(n as number)))).toBe(true);
    expect(store.has(keyOf(head + 1))).toBe(false);
    const { position = 0 } = store.cursors.get("relay") ?? {};
    expect(position).toBeGreaterThan(0);
    expect(position).toBeLessThanOrEqual(head);
    await store.close();
  });
});

test("a damaged file is refused after an unclean end; the message says which, and what to do", async () => {
  const file = tempFile();
  const child = new Child("handle.mjs", [file, "full", "20000"]);
  while ((await child.line()) !== "done");
  await child.kill();
  await inFile(file, (db) => db.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  const bytes = readFileSync(file);
  bytes.fill(0xff, 4096 * 20, 4096 * 20 + 64);
  writeFileSync(file, bytes);
  for (let n = 0; n < 2; n++) {
    const { message } = await refusal(openCursors(file));
    expect(message).toMatch(
      /journal\.db: was not closed at its last end, and is damaged \(.*restore it .* or remove it/,
    );
  }
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
  const store = await openCursors(file);
  expect(store.handled).toBe(0);
  await store.close();
});

describe("a cursor that moves", () => {
  const readPosition = "SELECT coalesce(max(position), 0) FROM fedmsg_cursors";

  test("is written with the next message, and after a second where none comes", async () => {
    const file = tempFile();
    const store = await openCursors(file);
    store.move({ name: "relay", journal: "a", position: 5 });
    await store.handle(keyOf(1));
    expect(await valueIn(file, readPosition)).toBe(5);
    store.move({ name: "relay", journal: "a", position: 6 });
    store.move({ name: "relay", journal: "a", position: 7 });
    let position: SqlValue = 0;
    const isWritten = async () => {
      position = await valueIn(file, readPosition);
      return position === 7;
    };
    for (let n = 0; n < 100 && !(await isWritten()); n++) await delay(50);
    expect(position).toBe(7);
    await store.close();
  });

  test("and cannot be written is told, and written with the next message", async () => {
    const file = tempFile();
    const heard = new Heard();
    const store = await openCursors(file, heard);
    await inFile(file, async (db) => {
      db.exec("BEGIN IMMEDIATE");
      store.move({ name: "relay", journal: "a", position: 5 });
      await eventually(() => heard.events.length > 0, "the problem");
    });
    expect(heard.of("problem")?.detail).toMatch(/journal\.db: .*another program holds a lock on it/);
    expect([heard.events.length, await valueIn(file, readPosition)]).toEqual([1, 0]);
    await store.handle(keyOf(1));
    expect(await valueIn(file, readPosition)).toBe(5);
    await store.close();
  });
});

test("a group that cannot be committed is rejected as a whole, and the next one is not", async () => {
  const file = tempFile();
  const store = await openWithTable(file);
  await inFile(file, async (db) => {
    db.exec("BEGIN IMMEDIATE");
    expect((await refusal(fill(store, range(1, 10)))).message).toMatch(/another program holds a lock on it; end/);
  });
  expect([store.handled, store.has(keyOf(1))]).toEqual([1, false]);
  await fill(store, range(1, 10));
  expect(await valueIn(file, "SELECT count(*) FROM seen")).toBe(10);
  await store.close();
});

test("while another program holds a lock, timers have their turn, and then the group is committed", async () => {
  const file = tempFile();
  const store = await openWithTable(file);
  await inFile(file, async (db) => {
    db.exec("BEGIN IMMEDIATE");
    const filled = fill(store, range(1, 10));
    let [turns, longest, since] = [0, 0, performance.now()];
    const turning = setInterval(() => {
      const now = performance.now();
      turns++;
      [longest, since] = [Math.max(longest, now - since), now];
    }, 5);
    await eventually(() => turns >= 60, "timers have their turn");
    expect(longest).toBeLessThan(400);
    expect(store.handled).toBe(1);
    db.exec("ROLLBACK");
    await filled;
    clearInterval(turning);
  });
  expect(store.handled).toBe(11);
  await store.close();
});

test.skipIf(!canMount)("a full disk keeps nothing of the group; it goes on when there is room", async () => {
  using disk = openSmallDisk(4);
  const file = join(disk.folder, "x.db");
  const store = await openWithTable(file);
  const ballast = join(disk.folder, "ballast");
  writeFileSync(ballast, Buffer.alloc(1024 * 1024));
  const text = "x".repeat(500);
  let error: unknown;
  let begun = 0;
  while (error === undefined) {
    const settled = await Promise.allSettled(
      range(begun + 1, begun + 100).map(async (n) => (await fill(store, [n], text))[0]),
    );
    const failed = settled.filter((each) => each.status === "rejected");
    expect([0, 100]).toContain(failed.length); // All of a group, or nothing.
    error = failed[0]?.reason;
    if (!error) begun += 100;
  }
  expect(error).toMatchObject({ code: "FEDMSG_JOURNAL", message: expect.stringMatching(/x\.db: .*disk is full/) });
  expect([store.handled, store.has(keyOf(begun)), store.has(keyOf(begun + 1))]).toEqual([begun + 1, true, false]);
  await refusal(fill(store, range(begun + 1, begun + 100), text));
  rmSync(ballast);
  await fill(store, range(begun + 1, begun + 100), text);
  await store.close();
  expect(await valueIn(file, "SELECT count(*) FROM seen")).toBe(begun + 100);
  expect(await valueIn(file, "SELECT sum(length(keys)) / 8 FROM fedmsg_keys")).toBe(begun + 101);
});

test("150,000 keys are there after a restart, and those that may be forgotten are", async () => {
  const file = tempFile();
  const numbers = range(1, 150_000);
  const first = await openCursors(file, { sync: "normal" });
  await Promise.all(numbers.map((n) => first.handle(keyOf(n))));
  await first.close();
  const counted = "SELECT sum(length(keys)) / 8 FROM fedmsg_keys";
  expect(await valueIn(file, counted)).toBe(150_000);
  const store = await openCursors(file, { sync: "normal" });
  const isThere = numbers.every((n) => store.has(keyOf(n)));
  expect([store.handled, isThere, store.has(keyOf(0))]).toEqual([150_000, true, false]);
  store.forget(149_999);
  await store.handle(keyOf(150_001));
  const left = (await valueIn(file, counted)) as number;
  expect(left).toBeGreaterThanOrEqual(100_000); // What one commit kept goes as a whole.
  expect(left).toBeLessThanOrEqual(101_001);
  expect(range(50_002, 150_001).every((n) => store.has(keyOf(n)))).toBe(true);
  await store.close();
});

test("the number of statements that are kept is bounded, and none is confused with another", async () => {
  const store = await openCursors(tempFile());
  const ask = (n: number, key: number) =>
    store.handle(keyOf(key), (transaction) => transaction.get(`SELECT ${n} AS n`));
  const numbers = [...range(1, 300), ...range(1, 300)];
  expect(await Promise.all(numbers.map(ask))).toEqual(numbers.map((n) => ({ n })));
  await store.close();
});

test("the folder holds the database and its lock after a clean end", async () => {
  const file = tempFile();
  const store = await openWithTable(file);
  await fill(store, range(1, 10));
  await store.close();
  expect(await valueIn(file, "SELECT is_open FROM fedmsg_meta")).toBe(0);
  expect(statSync(join(dirname(file), "journal.db-lock")).size).toBe(0);
});
