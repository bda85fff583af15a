import { statSync } from "node:fs";
import type { Journal } from "fedmsg/plugin";
import { openForWriting } from "../database.ts";
import { journalError, journalRefusal } from "../errors.ts";
import { ensureFile, filePath, identifyOrigin, takeLock } from "../file.ts";
import type { Database } from "../sqlite.ts";
import type { JournalListener } from "./events.ts";
import { copied, recover, renew } from "./recovery.ts";
import type { Keep } from "./retention.ts";
import { checkpointPages, type JournalSync, journalKind, journalTables, markOpen, readMeta } from "./schema.ts";
import { inspectWal } from "./wal.ts";
import { SqliteJournal } from "./writer.ts";

const otherWriter =
  "another writer has this journal open; a journal has one writer: give each its own file ({name} and {port} may stand in journal paths), or end the other one";

/** How a journal is kept. */
export interface JournalOptions {
  /**
   * `full`: what was appended is on the disk when the promise resolves, and survives a power cut. `normal`: it survives the end
   * of the process, and is several times as fast. Default `full`.
   */
  readonly sync?: JournalSync;
  /** Older entries go, in milliseconds, at least 1. They go while others are appended. Default: they stay. */
  readonly maxAgeMs?: number | undefined;
  /** Bytes of topics and bodies that are kept; the oldest entries go first. Default: any number. */
  readonly bytesMax?: number | undefined;
  /** The clock, in ms since the epoch. Default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly monotonicNow?: () => number;
  /** Hears what somebody should know: an unclean end, a cut, a new UUID, a damaged entry. Must not throw. */
  readonly onEvent?: JournalListener;
}

/**
 * Opens a journal for its one writer, and creates it where there is none. After an unclean end it is checked first.
 *
 * @param location a path, or `sqlite:` before one
 * @throws FedmsgError FEDMSG_JOURNAL where it cannot be: a directory that is missing, no permission, no journal, a newer
 *   format, another writer, a full disk; the message names the file and what to do
 *
 * @example
 * ```ts
 * const journal = await openJournal("/var/lib/fedmsg/bodhi.db", { maxAgeMs: 7 * 24 * 3600 * 1000 });
 * const position = await journal.append((seq_id) => ({ topic, msgId, body: sign({ ...message, seq_id }) }));
 * await journal.close();
 * ```
 */
export async function openJournal(location: string, options: JournalOptions = {}): Promise<Journal> {
  const path = ensureFile(filePath(location, journalKind));
  return await openWriter(path, options, options.sync ?? "full");
}

/**
 * Takes the oldest entries out of a journal that nobody writes, and gives the room back to the system.
 *
 * @throws FedmsgError FEDMSG_JOURNAL, also where a writer has it open
 */
export async function pruneJournal(
  location: string,
  options: Keep & Pick<JournalOptions, "onEvent">,
): Promise<{ readonly removed: number }> {
  const path = filePath(location, journalKind);
  if (!statSync(path, { throwIfNoEntry: false })) throw journalRefusal(path, "there is no such journal");
  const journal = await openWriter(ensureFile(path), options, undefined);
  try {
    const pruned = journal.prune(options);
    journal.compact();
    return pruned;
  } finally {
    await journal.close();
  }
}

/** @param sync undefined: as it was */
async function openWriter(path: string, options: Omit<JournalOptions, "sync">, sync: JournalSync | undefined) {
  const { maxAgeMs, bytesMax, now = Date.now, monotonicNow = () => performance.now(), onEvent } = options;
  const lock = await takeLock(path, otherWriter);
  let db: Database | undefined;
  try {
    const wal = inspectWal(`${path}-wal`);
    db = await openForWriting(path, journalTables(path, now()));
    const { isOpen, sync: before, file } = readMeta(db);
    const isCopy = file !== undefined && file !== identifyOrigin(path);
    if (isOpen) db = await recover(db, { path, wal, isCopy, nowMs: now(), onEvent });
    else if (isCopy) onEvent?.(renew(db, path, now(), copied));
    const kept = sync ?? before;
    markOpen(db, kept, identifyOrigin(path));
    // In the file itself, on the disk, also at `normal`: else a log that is lost would leave what looks like a clean end.
    db.exec("PRAGMA wal_checkpoint(FULL)");
    db.exec(
      `PRAGMA synchronous = ${kept === "full" ? "FULL" : "NORMAL"}; PRAGMA wal_autocheckpoint = ${checkpointPages}`,
    );
    return new SqliteJournal({ db, lock, path, sync: kept, maxAgeMs, bytesMax, now, monotonicNow, onEvent });
  } catch (error) {
    if (db?.isOpen) db.close();
    lock.close();
    throw journalError(path, "cannot be opened", error);
  }
}
