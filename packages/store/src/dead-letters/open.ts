import { statSync } from "node:fs";
import { cursorError } from "../cursors/errors.ts";
import { assertPossible, cursorsKind } from "../cursors/open.ts";
import { cursorBusyMs } from "../cursors/schema.ts";
import { pragma } from "../database.ts";
import { journalRefusal } from "../errors.ts";
import { ensureFile, filePath } from "../file.ts";
import { type Database, openDatabase } from "../sqlite.ts";
import { type DeadLetterBox, SqliteDeadLetters } from "./box.ts";

/** How dead letters are opened. */
export interface DeadLetterOptions {
  /** Create the file, and the table, where they are missing. Without it a file without the table has no letters. Default false. */
  readonly create?: boolean;
}

/**
 * Opens the dead letters of a consumer, also while it runs, in this process or another. They are in the file of its cursors;
 * the file of a consumer that has none becomes one of cursors once it wants them.
 *
 * @param location a path, or `sqlite:` before one
 * @throws FedmsgError FEDMSG_JOURNAL where it cannot be: no file, no permission, no database, a journal, a newer format, damage;
 *   the message names the file and what to do
 */
export async function openDeadLetters(location: string, options: DeadLetterOptions = {}): Promise<DeadLetterBox> {
  const wanted = filePath(location, cursorsKind);
  if (!options.create) assertFile(wanted);
  const path = options.create ? ensureFile(wanted) : wanted;
  let db: Database | undefined;
  try {
    await assertPossible(path);
    db = await openDatabase(path, { timeoutMs: cursorBusyMs });
    if (options.create && pragma(db, "journal_mode = WAL") !== "wal") {
      throw journalRefusal(path, "its file system cannot hold a write-ahead log; put the file on a local disk");
    }
    db.exec("PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF");
    const box = new SqliteDeadLetters(path, db);
    if (options.create) box.create();
    return box;
  } catch (error) {
    if (db?.isOpen) db.close();
    throw cursorError(path, "cannot be opened", error);
  }
}

function assertFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw journalRefusal(path, "there is no such file: this consumer has kept nothing yet");
  if (!found.isFile()) throw journalRefusal(path, "this is no file");
}
