/**
 * The one place that knows where SQLite comes from: Node's own from Node 24 on, the package `@photostructure/sqlite` (the
 * same API, prebuilt) before, where Node has none or calls it an experiment.
 *
 * They differ in closing: Node finalizes statements, the package leaves a connection that has any open until they are collected
 * (sqlite3_close_v2), and with it the files `-wal` and `-shm`. Nothing here may depend on their being gone. It does no harm: such a
 * connection holds no lock on the journal's lock file, which is closed without statements, and SQLite deletes no log of a
 * database that was moved or replaced.
 */

import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";

/** A connection. */
export type Database = DatabaseSyncInstance;
/** A prepared statement. */
export type Statement = StatementSyncInstance;

/** What SQLite throws. `errcode` is its extended result code. */
export interface SqliteError extends Error {
  readonly errcode: number;
}

interface SqliteModule {
  readonly DatabaseSync: new (
    path: string,
    options?: { readonly readOnly?: boolean; readonly timeout?: number },
  ) => Database;
}

const builtInSince = 24;
let loading: Promise<SqliteModule> | undefined;

/** Opens a connection; `timeoutMs` is how long a statement waits for another connection's lock. */
export async function openDatabase(
  path: string,
  options: { readonly readOnly?: boolean; readonly timeoutMs: number },
): Promise<Database> {
  loading ??= loadSqlite();
  const { DatabaseSync } = await loading;
  return new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: options.timeoutMs });
}

async function loadSqlite(): Promise<SqliteModule> {
  const major = Number.parseInt(process.versions.node, 10);
  if (major >= builtInSince) return process.getBuiltinModule("node:sqlite") as unknown as SqliteModule;
  return (await import("@photostructure/sqlite")) as unknown as SqliteModule;
}

/** SQLite's words for a damaged file. The package throws them without a code where a row cannot be read. */
const malformed = "database disk image is malformed";

/** SQLite's primary result code of an error; 0 where it comes from elsewhere. */
export function resultCode(error: unknown): number {
  const { errcode, message } = (error ?? {}) as Partial<SqliteError>;
  if (typeof errcode === "number") return errcode & 0xff;
  return message === malformed ? sqliteCodes.corrupt : 0;
}

/** Primary result codes: https://sqlite.org/rescode.html */
export const sqliteCodes = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  constraint: 19,
  notDatabase: 26,
} as const;

/** An extended code: the disk did not take what was written, and the system may have thrown it away since. */
export const syncFailed = 1034;
