import { type CursorStore, keysKept } from "fedmsg/plugin";
import { openForWriting, structureFault } from "../database.ts";
import { journalRefusal } from "../errors.ts";
import { ensureFile, type FileKind, filePath, takeLock } from "../file.ts";
import type { JournalSync } from "../journal/schema.ts";
import { checkpoint, patiently, standstillMs } from "../patience.ts";
import { type Database, openDatabase, resultCode, sqliteCodes } from "../sqlite.ts";
import { cursorError, damagedAdvice } from "./errors.ts";
import { cursorTables, markOpen, readMeta } from "./schema.ts";
import { type CursorListener, SqliteCursors } from "./store.ts";

/** The file of cursors, and of dead letters. */
export const cursorsKind: FileKind = { noun: "a subscriber's memory", inMemory: "createMemoryCursors()" };
const otherSubscriber =
  "another subscriber has these cursors open; each subscriber has its own: give this one another name or file, or end the other one";

/** How cursors are kept. */
export interface CursorOptions {
  /**
   * `full`: what was handled is on the disk when the promise resolves, and survives a power cut. `normal`: it survives the
   * end of the process; after a power cut the last messages may be handled again, as their work is undone, too. Default `full`.
   */
  readonly sync?: JournalSync;
  /** Keys that are kept in any case, and in memory. Default 100,000, about 10 MiB. */
  readonly keysKept?: number | undefined;
  /** Hears what somebody should know: a cursor that cannot be written. Must not throw. */
  readonly onEvent?: CursorListener | undefined;
}

/**
 * Opens what a subscriber remembers, and creates it where there is none. The file may be a database of the subscriber's own:
 * there are three tables more in it, `fedmsg_…`, and it is in WAL mode from then on. After an unclean end it is checked first.
 *
 * @param location a path, or `sqlite:` before one
 * @throws FedmsgError FEDMSG_JOURNAL where it cannot be: a directory that is missing, no permission, no database, a journal, a
 *   newer format, damage, another subscriber, a full disk; the message names the file and what to do
 *
 * @example
 * ```ts
 * const cursors = await openCursors("/var/lib/fedmsg/builds.db");
 * const insert = "INSERT INTO builds VALUES (?, ?)";
 * await cursors.handle(key, (transaction) => transaction.run(insert, message.msg_id, message.topic));
 * await cursors.close();
 * ```
 */
export async function openCursors(location: string, options: CursorOptions = {}): Promise<CursorStore> {
  const path = ensureFile(filePath(location, cursorsKind));
  const lock = await takeLock(path, otherSubscriber);
  let db: Database | undefined;
  try {
    await assertPossible(path);
    db = await patiently(() => openForWriting(path, cursorTables(path), { timeoutMs: standstillMs }));
    if (readMeta(db).isOpen) assertSound(db, path);
    const open = db;
    await patiently(() => markOpen(open, true));
    // In the file itself, on the disk, also at `normal`: else a log that is lost would leave what looks like a clean end.
    await checkpoint(db, "FULL");
    // Cursors and keys are a few pages; the subscriber's own tables get what is left.
    db.exec(`PRAGMA synchronous = ${options.sync === "normal" ? "NORMAL" : "FULL"}; PRAGMA cache_size = -4096`);
    return new SqliteCursors({ db, lock, path, keysKept: options.keysKept ?? keysKept, onEvent: options.onEvent });
  } catch (error) {
    if (db?.isOpen) db.close();
    lock.close();
    throw cursorError(path, "cannot be opened", error);
  }
}

/**
 * Looks whether a file may hold cursors, by a connection that cannot write: another, when closed, empties the log that a
 * killed journal needs.
 *
 * @throws FedmsgError FEDMSG_JOURNAL for a journal and for a newer format; what SQLite throws
 */
export async function assertPossible(path: string): Promise<void> {
  const db = await openDatabase(path, { readOnly: true, timeoutMs: standstillMs });
  try {
    await patiently(() => cursorTables(path).areThere(db));
  } catch (error) {
    if (resultCode(error) !== sqliteCodes.readOnly) throw error; // A rollback journal, which only a writer can play back.
  } finally {
    db.close();
  }
}

function assertSound(db: Database, path: string): void {
  const fault = structureFault(db);
  if (fault) throw journalRefusal(path, `was not closed at its last end, and is damaged (${fault}); ${damagedAdvice}`);
}
