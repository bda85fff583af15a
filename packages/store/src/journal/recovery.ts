/**
 * What happens at open after an unclean end: the log, the tables and the newest entries are looked at; a damaged end is cut from
 * the first bad entry on; and where positions could come to mean something else, a new UUID begins.
 */

import { structureFault, transact } from "../database.ts";
import { journalRefusal, shellWord } from "../errors.ts";
import { type Database, resultCode, sqliteCodes } from "../sqlite.ts";
import type { JournalEvent, JournalListener } from "./events.ts";
import { rebuild } from "./rebuild.ts";
import { deleteRuns, fullRuns } from "./runs.ts";
import { EntryScanner } from "./scan.ts";
import { beginIncarnation, type Meta, readIncarnations, readMeta } from "./schema.ts";
import type { WalState } from "./wal.ts";

/** Entries whose checksums are verified. */
const checkedEntries = 10_000;

/** What is known before. */
export interface RecoveryOptions {
  readonly path: string;
  /** What its log was like before SQLite saw it. */
  readonly wal: WalState;
  /** It was another file when it was written last. */
  readonly isCopy: boolean;
  readonly nowMs: number;
  readonly onEvent: JournalListener | undefined;
}

/**
 * Puts a journal in order.
 *
 * @returns its connection: another one where the file had to be written anew
 */
export async function recover(db: Database, options: RecoveryOptions): Promise<Database> {
  const { path, wal, isCopy, nowMs, onEvent } = options;
  const events: JournalEvent[] = [];
  const reasons: string[] = [];
  const before = readMeta(db);
  if (wal === "absent") reasons.push("its write-ahead log is missing");
  if (isCopy) reasons.push(copied);
  if (wal === "damaged") reasons.push("its write-ahead log is damaged");
  const { db: sound, fault } = await mend(path, db, before);
  const { head } = readMeta(sound);
  if (fault) reasons.push(fault);
  if (head < before.head) {
    const detail = `the end of ${path} was damaged: positions ${head + 1} to ${before.head} are gone (${fault})`;
    events.push({ type: "cut", first: head + 1, last: before.head, detail });
  }
  if (before.sync === "normal") reasons.push("it was written with journal_sync: normal, the last commits may be gone");
  if (reasons.length > 0) events.push(renew(sound, path, nowMs, reasons.join("; ")));
  const outcome = reasons.length > 0 ? "a new UUID begins" : "nothing is missing";
  events.unshift({ type: "recovered", head, detail: `${path} was not closed at its last end: ${outcome}` });
  for (const event of events) onEvent?.(event);
  return sound;
}

/** Cuts what is damaged at the end. */
async function mend(path: string, db: Database, meta: Meta): Promise<{ db: Database; fault?: string }> {
  const wholeFrom = Math.max(meta.first, meta.head - checkedEntries + 1);
  let fault = structureFault(db);
  if (fault === undefined) {
    const bad = firstBad(db, wholeFrom, meta.head);
    if (bad === undefined) return { db };
    try {
      cut(db, meta, bad);
      return { db, fault: `the entry at ${bad} is not what was written` };
    } catch (error) {
      if (resultCode(error) !== sqliteCodes.corrupt) throw error;
      fault = (error as Error).message;
    }
  }
  try {
    return { db: await rebuild(path, db, meta, wholeFrom), fault: `its tables are damaged: ${fault}` };
  } catch (error) {
    if (resultCode(error) !== sqliteCodes.corrupt) throw error;
    const what = `\`fedmsg journal grep '' ${shellWord(path)}\` prints what can be read; move it away, and a new journal begins`;
    throw journalRefusal(path, `is damaged beyond repair (${fault}); ${what}`);
  }
}

/** The first position that is not there, or not as it was written. */
function firstBad(db: Database, from: number, head: number): number | undefined {
  let expected = from;
  new EntryScanner(db, undefined).scan({ from, to: head }, {}, ({ position }) => {
    if (position !== expected) return false;
    expected++;
    return true;
  });
  return expected <= head ? expected : undefined;
}

function cut(db: Database, { head, bytes }: Meta, from: number): void {
  transact(db, () => {
    const sizes = db.prepare(
      "SELECT sum(octet_length(topic) + octet_length(body)) AS n FROM entries WHERE position >= ?",
    );
    const gone = Number(sizes.get(from).n ?? 0);
    db.prepare("DELETE FROM entries WHERE position >= ?").run(from);
    db.prepare("UPDATE meta SET head = ?, bytes = ?").run(from - 1, Math.max(0, bytes - gone));
    deleteRuns(db, fullRuns(from - 1), fullRuns(head) + 1);
  });
}

/** Why a copy gets a new UUID. */
export const copied = "it is a copy, and what was written to the original since is not in it";

/** Begins a new UUID; the one before vouches for what is there. */
export function renew(db: Database, path: string, nowMs: number, why: string): JournalEvent {
  const before = readIncarnations(db)[0]?.uuid ?? "";
  const { head: through } = readMeta(db);
  const uuid = transact(db, () => beginIncarnation(db, nowMs, through));
  const detail = `${path} has a new UUID, ${uuid}; ${before} vouches for positions up to ${through}: ${why}`;
  return { type: "renewed", uuid, before, through, detail };
}
