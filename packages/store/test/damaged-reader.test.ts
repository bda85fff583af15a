/** What can be read of a journal of which everything but some entries is damaged. */

import { closeSync, openSync, writeSync } from "node:fs";
import { expect, test } from "vitest";
import { openJournal, openJournalReader } from "../src/index.ts";
import { openDatabase } from "../src/sqlite.ts";
import { append, served, tempFile } from "./support.ts";

/** A journal of 5000 entries, closed, and each of some tables' first pages overwritten. */
async function openDamaged(...tables: readonly string[]): Promise<string> {
  const file = tempFile();
  const journal = await openJournal(file, { sync: "normal" });
  await append(journal, 5000);
  await journal.close();
  const db = await openDatabase(file, { readOnly: true, timeoutMs: 1000 });
  const { page_size: pageBytes } = db.prepare("PRAGMA page_size").get();
  const pages = tables.map(
    (table) => db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table).rootpage,
  );
  db.close();
  const handle = openSync(file, "r+");
  for (const page of pages) writeSync(handle, Buffer.alloc(pageBytes, 0x5a), 0, pageBytes, (page - 1) * pageBytes);
  closeSync(handle);
  return file;
}

test("a journal that cannot say what it holds is read all the same, and its faults are named", async () => {
  const file = await openDamaged("meta", "incarnations");
  const reader = await openJournalReader(file);
  expect(reader.info).toMatchObject({ uuid: "", earlier: [], first: 1, head: 5000 });
  expect(served(reader)).toHaveLength(5000);
  const { good, faults } = await reader.verify();
  expect(good).toBe(5000);
  expect(faults).toContainEqual(expect.objectContaining({ kind: "tables" }));
  reader.close();
});

test("a journal that cannot be opened says which commands read it, by its name", async () => {
  const file = await openDamaged("meta");
  await expect(openJournal(file)).rejects.toMatchObject({
    code: "FEDMSG_JOURNAL",
    message:
      `${file}: cannot be opened: database disk image is malformed; the file is damaged; ` +
      `\`fedmsg journal verify ${file}\` says where, \`fedmsg journal grep '' ${file}\` prints what can be read. ` +
      `Move it away, with ${file}-wal and ${file}-shm, to begin anew`,
  });
});

test("a journal of which nothing can be read does not send anybody to what has just failed", async () => {
  const file = await openDamaged();
  const handle = openSync(file, "r+");
  writeSync(handle, Buffer.alloc(8192 - 100, 0x5a), 0, 8192 - 100, 100); // The list of tables.
  closeSync(handle);
  const failure = await openJournalReader(file).then(
    (reader) => reader.info,
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code: "FEDMSG_JOURNAL", message: expect.stringContaining("damaged, too much") });
  expect(failure).toMatchObject({ message: expect.stringContaining(`\`strings ${file}\``) });
  expect(failure).toMatchObject({ message: expect.not.stringContaining("fedmsg journal") });
});

test("a journal whose list of UUIDs cannot be read says so in the same words, whatever SQLite was asked", async () => {
  const file = await openDamaged("incarnations");
  await expect(openJournal(file)).rejects.toMatchObject({ message: expect.stringContaining("fedmsg journal grep") });
  await expect(openJournal(file)).rejects.toMatchObject({ message: expect.stringContaining("fedmsg journal grep") });
});
