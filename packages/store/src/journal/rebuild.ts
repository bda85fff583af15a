/**
 * What is left of a journal whose tables themselves are damaged: every entry that can be read as it was written is copied to a
 * new file, which then takes the old one's place. SQLite cannot be trusted to change a damaged file, not even to cut its end.
 */

import { closeSync, openSync, renameSync, rmSync } from "node:fs";
import { openForWriting, transact } from "../database.ts";
import { syncDirectory } from "../file.ts";
import type { Database } from "../sqlite.ts";
import { EntryInserter } from "./inserter.ts";
import { sizeOf } from "./rows.ts";
import { RunWriter } from "./runs.ts";
import { EntryScanner } from "./scan.ts";
import { journalTables, type Meta, readIncarnations } from "./schema.ts";

const batch = 1000;

/**
 * Copies and replaces. From `wholeFrom` on there must be no hole: the first one ends the copy.
 *
 * @param db the damaged one; it is closed
 * @returns the new one, with a head of its own and the UUIDs of the old one
 */
export async function rebuild(path: string, db: Database, meta: Meta, wholeFrom: number): Promise<Database> {
  const copy = `${path}-rebuilt`;
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${copy}${suffix}`, { force: true });
  closeSync(openSync(copy, "wx", 0o600));
  const target = await openForWriting(copy, journalTables(copy, 0));
  try {
    copyIncarnations(db, target);
    copyEntries(db, target, meta, wholeFrom);
    target.exec("PRAGMA journal_mode = DELETE"); // Leaves one file, which can be renamed: see closing in sqlite.ts.
  } finally {
    target.close();
  }
  db.close();
  // The old log before the new file: it must never be replayed into it.
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  renameSync(copy, path);
  syncDirectory(path);
  return await openForWriting(path, journalTables(path, 0));
}

function copyIncarnations(db: Database, target: Database): void {
  transact(target, () => {
    target.exec("DELETE FROM incarnations");
    const insert = target.prepare("INSERT INTO incarnations (uuid, started_at, through) VALUES (?, ?, ?)");
    for (const { uuid, startedAt, through } of readIncarnations(db).reverse()) {
      insert.run(uuid, startedAt, through ?? null);
    }
  });
}

function copyEntries(db: Database, target: Database, meta: Meta, wholeFrom: number): void {
  const scanner = new EntryScanner(db, undefined);
  const inserter = new EntryInserter(target);
  const update = target.prepare("UPDATE meta SET first = ?, head = ?, bytes = ?, sync = ?, is_open = 1");
  const runs = new RunWriter(target);
  let head = meta.first - 1;
  let bytes = 0;
  let isWhole = true;
  for (let from = meta.first; from <= meta.head && isWhole; from += batch) {
    const to = Math.min(meta.head, from + batch - 1);
    transact(target, () => {
      scanner.scan({ from, to }, {}, (entry) => {
        const { position, timeMs, msgId } = entry;
        isWhole = position < wholeFrom || position === Math.max(head + 1, wholeFrom);
        if (!isWhole) return false;
        inserter.add(position, timeMs, entry);
        runs.add(position, timeMs, msgId);
        head = position;
        bytes += sizeOf(entry);
        return true;
      });
      inserter.flush();
      update.run(meta.first, head, bytes, meta.sync);
    });
  }
}
