/**
 * The tables of cursors, format 1. The subscriber's own tables stand beside them, in the same database: that is what makes
 * handling and remembering one transaction. So they all begin with `fedmsg_`, and the header of the file (`application_id`,
 * `user_version`) is left to the subscriber.
 *
 * ```
 * fedmsg_meta      one row: format, handled, filter, is_open     is_open tells an unclean end
 * fedmsg_cursors   name, journal, position                       by key of replay_endpoints
 * fedmsg_keys      through, keys                                 what a commit handled, up to the n-th; the oldest are deleted
 * ```
 *
 * A consumer's dead letters stand beside them (`../dead-letters/letter.ts`), or were there before.
 */

import type { Cursor } from "fedmsg/plugin";
import { pragma, type Tables } from "../database.ts";
import { journalRefusal } from "../errors.ts";
import { applicationId as journalId } from "../journal/schema.ts";
import type { Database } from "../sqlite.ts";

/** The version of the tables that this program reads and writes. */
const formatVersion = 1;

const tables = `
  CREATE TABLE fedmsg_meta (
    id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, handled INTEGER NOT NULL, filter TEXT,
    is_open INTEGER NOT NULL
  );
  CREATE TABLE fedmsg_cursors (name TEXT PRIMARY KEY, journal TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE fedmsg_keys (through INTEGER PRIMARY KEY, keys BLOB NOT NULL);
`;

/** The row of `fedmsg_meta`. */
export interface CursorMeta {
  /** Messages that were handled, ever. */
  readonly handled: number;
  readonly filter: string | undefined;
  /** Somebody has it open, or had until it ended without saying so. */
  readonly isOpen: boolean;
}

/** The tables of cursors at this path; an empty file or a subscriber's own database gets them. */
export function cursorTables(path: string): Tables {
  return { areThere: (db) => hasCursors(db, path), create: createTables };
}

function hasCursors(db: Database, path: string): boolean {
  if (pragma(db, "application_id") === journalId) {
    throw journalRefusal(path, "this is a journal; give the cursors a file of their own");
  }
  if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'fedmsg_meta'").get()) return false;
  const { format } = db.prepare("SELECT format FROM fedmsg_meta").get();
  if (format > formatVersion) {
    throw journalRefusal(
      path,
      `the format of its cursors is ${format}, and this version of fedmsg knows formats up to ${formatVersion}; use a newer fedmsg`,
    );
  }
  return true;
}

function createTables(db: Database): void {
  db.exec(`BEGIN IMMEDIATE; ${tables} INSERT INTO fedmsg_meta VALUES (1, ${formatVersion}, 0, NULL, 0); COMMIT`);
}

/** What the store says of itself. */
export function readMeta(db: Database): CursorMeta {
  const { handled, filter, is_open } = db.prepare("SELECT * FROM fedmsg_meta").get();
  return { handled, filter: filter ?? undefined, isOpen: is_open === 1 };
}

/** By name. */
export function readCursors(db: Database): Map<string, Cursor> {
  const rows = db.prepare("SELECT name, journal, position FROM fedmsg_cursors").all();
  return new Map(rows.map(({ name, journal, position }) => [name, { name, journal, position }]));
}

/** Writes down whether somebody has it open. */
export function markOpen(db: Database, isOpen: boolean): void {
  db.prepare("UPDATE fedmsg_meta SET is_open = ?").run(isOpen ? 1 : 0);
}
