/** Connections to a journal's file. */

import { type Database, openDatabase } from "../sqlite.ts";
import { journalRefusal } from "./errors.ts";
import { createTables, isJournal, pragma } from "./schema.ts";

/** How long a statement waits for a reader that is just opening or closing. */
const busyMs = 1000;

/** Opens the writer's connection, with `synchronous = FULL`; an empty file becomes a journal. */
export async function openForWriting(path: string, nowMs: number): Promise<Database> {
  const db = await openDatabase(path, { timeoutMs: busyMs });
  try {
    const isThere = isJournal(db, path); // Before anything changes in what may be another's database.
    if (pragma(db, "journal_mode = WAL") !== "wal") {
      throw journalRefusal(path, "its file system cannot hold a write-ahead log; put the journal on a local disk");
    }
    db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864");
    db.exec("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF");
    if (!isThere) createTables(db, nowMs);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Runs some work as one transaction; `COMMIT` where it returns, `ROLLBACK` where it throws. */
export function transact<T>(db: Database, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    rollback(db);
    throw error;
  }
}

/** Undoes what was begun; SQLite has done so itself where the disk was full. */
export function rollback(db: Database): void {
  if (!db.isTransaction) return;
  try {
    db.exec("ROLLBACK");
  } catch {
    // It was over already.
  }
}
