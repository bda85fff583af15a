/** Connections to a file that has one writer, and its transactions. */

import { journalRefusal } from "./errors.ts";
import { type Database, openDatabase } from "./sqlite.ts";

/** How long a statement waits for a reader that is just opening or closing. */
export const busyMs = 1000;
/** A larger file is not read as a whole before it is used: that would keep its service from starting. */
const checkedBytesMax = 2 ** 30;

/** What a file is to hold. */
export interface Tables {
  /**
   * Looks whether they are there; changes nothing.
   *
   * @throws FedmsgError FEDMSG_JOURNAL where the file is something else
   */
  readonly areThere: (db: Database) => boolean;
  readonly create: (db: Database) => void;
  /** Bytes of a page of a new file. Default: SQLite's own. */
  readonly pageBytes?: number;
}

/**
 * Opens the writer's connection, with `synchronous = FULL`; where its tables are missing, they are created.
 *
 * @param options `timeoutMs`: how long a statement waits for another connection's lock; default {@link busyMs}
 */
export async function openForWriting(
  path: string,
  tables: Tables,
  options: { readonly timeoutMs?: number } = {},
): Promise<Database> {
  const db = await openDatabase(path, { timeoutMs: options.timeoutMs ?? busyMs });
  try {
    const areThere = tables.areThere(db); // Before anything changes in what may be another's database.
    if (!areThere && tables.pageBytes !== undefined) db.exec(`PRAGMA page_size = ${tables.pageBytes}`);
    if (pragma(db, "journal_mode = WAL") !== "wal") {
      throw journalRefusal(path, "its file system cannot hold a write-ahead log; put the file on a local disk");
    }
    db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864");
    db.exec("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF");
    if (!areThere) tables.create(db);
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

/** The one value of a pragma. */
export function pragma(db: Database, name: string): unknown {
  const row = db.prepare(`PRAGMA ${name}`).get() as Record<string, unknown> | undefined;
  return row && Object.values(row)[0];
}

/** What is wrong with SQLite's own structures, if anything is; a file over 1 GiB is not read. */
export function structureFault(db: Database): string | undefined {
  if (Number(pragma(db, "page_count")) * Number(pragma(db, "page_size")) > checkedBytesMax) return undefined;
  try {
    const found = String(pragma(db, "quick_check(1)"));
    return found === "ok" ? undefined : found.replaceAll("\n", " ");
  } catch (error) {
    return (error as Error).message;
  }
}
