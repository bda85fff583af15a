/**
 * The file of a journal, or of cursors, and the lock that makes its writer the only one.
 *
 * ```
 * x.db       the database, mode 0600
 * x.db-wal   SQLite's write-ahead log, x.db-shm its index: there while somebody has it open
 * x.db-lock  empty; the writer holds an exclusive lock on it for as long as it lives
 * ```
 *
 * The lock is one of the operating system (taken through SQLite, which also keeps it from a second connection of the same
 * process), so it is gone with the process, `kill -9` included. `PRAGMA locking_mode = EXCLUSIVE` on the database itself was
 * rejected: it would keep readers out, too. The empty file stays: whoever removed it could remove the one of the next writer.
 *
 * The database is never opened with `fs`: closing such a descriptor would drop every lock that this process has on the file.
 */

import { closeSync, fsyncSync, openSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { journalError, journalRefusal, lockedRefusal } from "./errors.ts";
import { type Database, openDatabase, resultCode, sqliteCodes } from "./sqlite.ts";

/** What is kept in a file, as messages call it. */
export interface FileKind {
  readonly noun: string;
  /** What keeps one in memory. */
  readonly inMemory: string;
}

/**
 * The path that a location names: a path, or `sqlite:` before one. SQLAlchemy's `sqlite:///relative` and
 * `sqlite:////absolute` are understood, too.
 *
 * @throws FedmsgError FEDMSG_JOURNAL where it names something else
 */
export function filePath(location: string, { noun, inMemory }: FileKind): string {
  const path = location.replace(/^sqlite:(\/\/\/(?=[^/]|\/[^/]))?/, "");
  if (path === "" || path === ":memory:") {
    throw journalRefusal(location || '""', `names no file; ${inMemory} keeps one in memory`);
  }
  if (/^[a-z][a-z0-9+.-]+:/i.test(path)) {
    throw journalRefusal(location, `${noun} is a file: a path, or sqlite: before a path, was expected`);
  }
  return resolve(path);
}

/**
 * Creates the file where there is none.
 *
 * @returns its real path
 * @throws FedmsgError FEDMSG_JOURNAL
 */
export function ensureFile(path: string): string {
  try {
    createIfAbsent(path);
    const real = realpathSync(path);
    if (!statSync(real).isFile()) throw journalRefusal(path, "this is no file; name one inside it");
    return real;
  } catch (error) {
    throw journalError(path, "cannot be created", error);
  }
}

function createIfAbsent(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  closeSync(descriptor);
  syncDirectory(path);
}

/** So that the name of a new file survives a power cut, too. */
export function syncDirectory(path: string): void {
  if (process.platform === "win32") return; // Directories cannot be opened there.
  const descriptor = openSync(dirname(path), "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Which file stands at a path: device and inode. Undefined where there is none. */
export function identify(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found && `${found.dev}:${found.ino}`;
}

/** Which file it was made as: a copy is another one, also on the other side of a restart that numbers devices anew. */
export function identifyOrigin(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found && `${found.ino}:${found.birthtimeNs}`;
}

/** How large the file at a path is; undefined where there is none. */
export function sizeOfFile(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/**
 * The lock of a file's writer; `close()` lets go of it.
 *
 * @param refusal what is said where another has it, and what to do
 */
export async function takeLock(path: string, refusal: string): Promise<Database> {
  const file = `${path}-lock`;
  let lock: Database | undefined;
  try {
    createIfAbsent(file);
    lock = await openDatabase(file, { timeoutMs: 0 });
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    if (resultCode(error) !== sqliteCodes.busy) throw journalError(file, "cannot be locked", error);
    throw lockedRefusal(path, refusal);
  }
}
