/** Whether everything in a journal is what was written. */

import { setImmediate } from "node:timers/promises";
import { FedmsgError } from "fedmsg";
import type { Database } from "../sqlite.ts";
import type { Range } from "./ranges.ts";
import { RunVerifier } from "./runs.ts";
import { EntryScanner } from "./scan.ts";
import { readMeta } from "./schema.ts";

/** Something that is not as it should be. */
export interface JournalFault {
  /** `damaged`: an entry is not what was written. `missing`: there is none. `tables`: SQLite finds its own tables damaged. */
  readonly kind: "damaged" | "missing" | "tables";
  /** Of the entry; 0 where the fault is none of an entry. */
  readonly position: number;
  readonly detail: string;
}

/** What a verification found. */
export interface Verification {
  /** Entries that are what was written. */
  readonly good: number;
  /** At most 1000 are listed. */
  readonly faults: readonly JournalFault[];
  /** All faults, listed or not. */
  readonly faultCount: number;
}

const batch = 1000;
const faultsListed = 1000;

/**
 * Reads a journal, a thousand positions at a time, so that a writer beside it can go on and clear its log.
 *
 * @param snapshot runs some work as of one commit, with the bounds of then
 */
export async function verifyEntries(
  db: Database,
  snapshot: <T>(work: (bounds: Range) => T) => T,
  signal: AbortSignal | undefined,
): Promise<Verification> {
  const faults: JournalFault[] = [];
  let faultCount = 0;
  const note = (fault: JournalFault) => {
    if (++faultCount <= faultsListed) faults.push(fault);
  };
  const runs = new RunVerifier(db);
  let good = 0;
  for (let at = 1, isThrough = false; !isThrough; ) {
    assertGoesOn(signal);
    snapshot((bounds) => {
      const range = { from: Math.max(at, bounds.from), to: Math.min(Math.max(at, bounds.from) + batch - 1, bounds.to) };
      good += verifyRange(db, range, runs, note);
      at = range.to + 1;
      isThrough = range.to >= bounds.to;
    });
    await setImmediate();
  }
  assertGoesOn(signal);
  snapshot(() => verifyTables(db, note));
  return { good, faults, faultCount };
}

function assertGoesOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new FedmsgError("FEDMSG_ABORTED", "the verification was interrupted");
}

function verifyRange(db: Database, range: Range, runs: RunVerifier, note: (fault: JournalFault) => void): number {
  const damaged = new Set<number>();
  const present = new Set<number>();
  const scanner = new EntryScanner(db, (event) => {
    if (event.type === "damaged") damaged.add(event.position);
  });
  scanner.scan(range, {}, ({ position, timeMs, msgId }) => {
    present.add(position);
    if (!runs.add(position, timeMs, msgId)) {
      const detail = `what finds ids and times up to position ${position} does not agree with the entries`;
      note({ kind: "tables", position: 0, detail });
    }
    return true;
  });
  for (let position = range.from; position <= range.to; position++) {
    if (present.has(position)) continue;
    const kind = damaged.has(position) ? "damaged" : "missing";
    const detail = kind === "damaged" ? "is not what was written" : "is not there";
    note({ kind, position, detail: `the entry at ${position} ${detail}` });
  }
  return present.size;
}

function verifyTables(db: Database, note: (fault: JournalFault) => void): void {
  const tell = (detail: string) => note({ kind: "tables", position: 0, detail });
  try {
    for (const row of db.prepare("PRAGMA quick_check(100)").all()) {
      if (row.quick_check !== "ok") tell(`SQLite: ${row.quick_check}`);
    }
    const { head, first } = readMeta(db);
    const { n } = db.prepare("SELECT count(*) AS n FROM entries WHERE position > ? OR position < ?").get(head, first);
    if (n > 0) tell(`${n} entries lie outside of the positions ${first} to ${head}`);
  } catch (error) {
    tell(`SQLite: ${(error as Error).message}`);
  }
}
