import { statSync } from "node:fs";
import { cursorError } from "../cursors/errors.ts";
import { assertPossible, cursorsKind } from "../cursors/open.ts";
import { pragma } from "../database.ts";
import { journalRefusal } from "../errors.ts";
import { ensureFile, filePath } from "../file.ts";
import { patiently, standstillMs } from "../patience.ts";
import { type Database, openDatabase } from "../sqlite.ts";
import { type DeadLetterBox, SqliteDeadLetters } from "./box.ts";
import { deadLetterBytesMax } from "./table.ts";

/** How dead letters are opened. */
export interface DeadLetterOptions {
  /** Create the file, and the table, where they are missing. Without it a file without the table has no letters. Default false. */
  readonly create?: boolean;
  /** How many bytes all letters may have before one more is refused. 0 lifts this bound. Default 1 GiB. */
  readonly bytesMax?: number;
}

/**
 * Opens the dead letters of a consumer, also while it runs, in this process or another. They are in the file of its cursors;
 * the file of a consumer that has none becomes one of cursors once it wants them. Where another program holds a lock, this is
 * tried for up to 5 s, and holds up nothing else meanwhile.
 *
 * @param location a path, or `sqlite:` before one
 * @throws FedmsgError FEDMSG_JOURNAL where it cannot be: no file, no permission, no database, a journal, a newer format, damage;
 *   the message names the file and what to do
 */
export async function openDeadLetters(location: string, options: DeadLetterOptions = {}): Promise<DeadLetterBox> {
  const { create = false, bytesMax = deadLetterBytesMax } = options;
  const wanted = filePath(location, cursorsKind);
  if (!create) assertFile(wanted);
  try {
    const path = create ? ensureFile(wanted) : wanted;
    await assertPossible(path);
    const db = await patiently(() => openConnection(path, create));
    const box = new SqliteDeadLetters({ path, db, bytesMax });
    if (create) await createIn(box);
    return box;
  } catch (error) {
    throw cursorError(wanted, "cannot be opened", error);
  }
}

async function openConnection(path: string, create: boolean): Promise<Database> {
  const db = await openDatabase(path, { timeoutMs: standstillMs });
  try {
    if (create && pragma(db, "journal_mode = WAL") !== "wal") {
      throw journalRefusal(path, "its file system cannot hold a write-ahead log; put the file on a local disk");
    }
    db.exec("PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF");
    pragma(db, "schema_version"); // Whatever the first look at the file waits for is waited for now.
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

async function createIn(box: SqliteDeadLetters): Promise<void> {
  try {
    await box.create();
  } catch (error) {
    await box.close();
    throw error;
  }
}

function assertFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw journalRefusal(path, "there is no such file: this consumer has kept nothing yet");
  if (!found.isFile()) throw journalRefusal(path, "this is no file");
}
