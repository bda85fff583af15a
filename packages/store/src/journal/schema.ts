/**
 * The tables of a journal, format 1.
 *
 * ```
 * meta          one row: format, first, head, bytes, sync, is_open,    what `info` says; is_open tells an unclean end, file a
 *               file                                                   copy
 * incarnations  number, uuid, started_at, through                      newest last; through is NULL for the present one
 * entries       position, time, topic, msg_id, checksum, body          the body last: what is before it is read without it
 * runs          run, time_min, time_max                                run r: positions r·4096+1 … (r+1)·4096, once full
 * ids           id = bucket·2³² + run, keys                            where a msg_id may be: see runs.ts
 * ```
 *
 * `meta` changes in the transaction that appends, so head, bytes and entries always agree. `checksum` is a CRC-32
 * of position, time, topic, msg_id and body (rows.ts): it finds every flipped byte. A text with a NUL is kept as a blob, as bindings cut it.
 *
 * Pages that pruning frees are used again by what is appended; auto_vacuum was rejected, as it costs every insert a share of
 * what it would give back once. `fedmsg journal prune` gives the room back to the system (VACUUM).
 */

import { randomUUID } from "node:crypto";
import { pragma, type Tables } from "../database.ts";
import { journalRefusal } from "../errors.ts";
import type { FileKind } from "../file.ts";
import { type Database, sqliteCodes } from "../sqlite.ts";

/** How messages about locations call it. */
export const journalKind: FileKind = { noun: "a journal", inMemory: "createMemoryJournal()" };
/** The version of the tables that this program reads and writes. */
export const formatVersion = 1;
/** "fmsJ", in the header of the file: tells a journal from other databases. */
export const applicationId = 0x666d734a;
/** Twice SQLite's own: less for a commit of many entries, and still little for one of a single entry. */
const pageBytes = 8192;
/** Pages in the log, 4 MiB, after which a commit writes them into the file: what waits for that commit waits for this too. */
export const checkpointPages = 512;
/** UUIDs that a journal lists, at most. */
const incarnationsMax = 100;

const tables = `
  CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, first INTEGER NOT NULL, head INTEGER NOT NULL,
    bytes INTEGER NOT NULL, sync TEXT NOT NULL, is_open INTEGER NOT NULL, file TEXT
  );
  CREATE TABLE incarnations (
    number INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, started_at INTEGER NOT NULL, through INTEGER
  );
  CREATE TABLE entries (
    position INTEGER PRIMARY KEY, time INTEGER NOT NULL, topic TEXT NOT NULL, msg_id TEXT NOT NULL,
    checksum INTEGER NOT NULL, body BLOB NOT NULL
  );
  CREATE TABLE runs (run INTEGER PRIMARY KEY, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL);
  CREATE TABLE ids (id INTEGER PRIMARY KEY, keys BLOB NOT NULL);
`;

/** How surely what was appended is on the disk: `full` survives a power cut, `normal` the end of the process. */
export type JournalSync = "full" | "normal";

/** What changes with every commit. */
export interface Bounds {
  readonly first: number;
  readonly head: number;
  /** Of all topics and bodies that are there. */
  readonly bytes: number;
}

/** The row of `meta`. */
export interface Meta extends Bounds {
  readonly sync: JournalSync;
  /** Somebody writes, or did until it ended without saying so. */
  readonly isOpen: boolean;
  /** Which file it was when it was opened last (`identifyOrigin`). */
  readonly file: string | undefined;
}

/** A UUID of the journal; the present one has no `through`. */
export interface Incarnation {
  readonly uuid: string;
  readonly startedAt: number;
  readonly through: number | undefined;
}

/**
 * Checks that a file is a journal, before anything is written to it.
 *
 * @returns whether it is; false where it is empty
 * @throws FedmsgError FEDMSG_JOURNAL where it is something else, or of a newer format; what SQLite throws
 */
export function isJournal(db: Database, path: string): boolean {
  const id = pragma(db, "application_id");
  if (id === 0 && db.prepare("SELECT count(*) AS n FROM sqlite_schema").get().n === 0) return false;
  if (id !== applicationId) {
    throw journalRefusal(path, "this is a database, but not a journal; name another file");
  }
  const version = Number(pragma(db, "user_version"));
  if (version > formatVersion) {
    throw journalRefusal(
      path,
      `its format is ${version}, and this version of fedmsg knows formats up to ${formatVersion}; use a newer fedmsg`,
    );
  }
  return true;
}

/** The tables of a journal at this path; an empty file becomes one. */
export function journalTables(path: string, nowMs: number): Tables {
  return { areThere: (db) => isJournal(db, path), create: (db) => createTables(db, nowMs), pageBytes };
}

/** Writes the tables of a new journal, its first UUID with them. */
function createTables(db: Database, startedAt: number): void {
  db.exec(`BEGIN IMMEDIATE; ${tables}
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${formatVersion};
    INSERT INTO meta VALUES (1, ${formatVersion}, 1, 0, 0, 'full', 0, NULL)`);
  beginIncarnation(db, startedAt);
  db.exec("COMMIT");
}

/** What the journal says of itself. */
export function readMeta(db: Database): Meta {
  const { first, head, bytes, sync, is_open, file } = db.prepare("SELECT * FROM meta").get() ?? {};
  if (![first, head, bytes].every(Number.isSafeInteger)) throw damagedMeta(); // SQLite reads what was overwritten as NULL.
  return { first, head, bytes, sync, isOpen: is_open === 1, file: file ?? undefined };
}

/** As SQLite says it where it sees the damage itself. */
function damagedMeta(): Error {
  return Object.assign(new Error("database disk image is malformed"), { errcode: sqliteCodes.corrupt });
}

/** The bounds as the entries have them, for a journal that cannot say so itself any more. */
export function readBounds(db: Database): Bounds {
  const at = (end: "ASC" | "DESC") => db.prepare(`SELECT position FROM entries ORDER BY position ${end} LIMIT 1`).get();
  const head = at("DESC")?.position ?? 0;
  return { first: at("ASC")?.position ?? head + 1, head, bytes: 0 };
}

/** Writes down how somebody has it open, and which file it is. */
export function markOpen(db: Database, sync: JournalSync, file: string | undefined): void {
  db.prepare("UPDATE meta SET sync = ?, is_open = 1, file = ?").run(sync, file ?? null);
}

/** Writes down that nobody has it open any more. */
export function markClosed(db: Database): void {
  db.prepare("UPDATE meta SET is_open = 0").run();
}

/** Newest first: the present one, and those before. */
export function readIncarnations(db: Database): Incarnation[] {
  const rows = db.prepare("SELECT uuid, started_at, through FROM incarnations ORDER BY number DESC").all();
  return rows.map(({ uuid, started_at, through }) => ({ uuid, startedAt: started_at, through: through ?? undefined }));
}

/**
 * Begins a new UUID; those before vouch for nothing beyond `through`.
 *
 * @returns the new one
 */
export function beginIncarnation(db: Database, startedAt: number, through = 0): string {
  const uuid = randomUUID();
  db.prepare("UPDATE incarnations SET through = min(coalesce(through, ?1), ?1)").run(through);
  db.prepare("INSERT INTO incarnations (uuid, started_at) VALUES (?, ?)").run(uuid, Math.floor(startedAt));
  db.prepare("DELETE FROM incarnations WHERE number <= (SELECT max(number) FROM incarnations) - ?").run(
    incarnationsMax,
  );
  return uuid;
}
