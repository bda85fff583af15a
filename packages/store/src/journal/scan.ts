/** Reads entries in order, and leaves out those that are not what was written. */

import type { JournalEntry } from "fedmsg/plugin";
import type { Database, Statement } from "../sqlite.ts";
import type { JournalListener } from "./events.ts";
import type { Range } from "./ranges.ts";
import { columns, entryOf, type Row } from "./rows.ts";

/** Which entries are wanted. */
export interface ScanOptions {
  /** Beginnings of topics. Default: all. */
  readonly topics?: readonly string[] | undefined;
  /** From the first to the second, both included. Default: all. */
  readonly timeRangeMs?: readonly [number, number] | undefined;
  /** At most so many rows; damaged ones count. Default: all. */
  readonly limit?: number | undefined;
  /** Hears of entries that are left out because they are not what was written, each time. */
  readonly onDamaged?: ((position: number) => void) | undefined;
}

/** Positions that are tried one by one where reading on fails. */
const stepsPastDamage = 256;
/** Damaged positions that are remembered as told. */
const toldMax = 10_000;

export class EntryScanner {
  readonly #db: Database;
  readonly #onEvent: JournalListener | undefined;
  readonly #plain: Statement;
  readonly #one: Statement;
  readonly #told = new Set<number>();

  constructor(db: Database, onEvent: JournalListener | undefined) {
    this.#db = db;
    this.#onEvent = onEvent;
    this.#plain = prepareRows(db, "position BETWEEN ? AND ? ORDER BY position LIMIT ?");
    this.#one = prepareRows(db, "position = ?");
  }

  /**
   * Hands the entries of a range to `visit`, in order, until it returns false.
   *
   * @returns whether it came to the end of the range or of the limit
   */
  scan(range: Range, options: ScanOptions, visit: (entry: JournalEntry) => boolean): boolean {
    const damaged: number[] = [];
    const state = { at: range.from, left: options.limit ?? -1, goesOn: true };
    while (state.goesOn && state.at <= range.to && state.left !== 0) {
      const isThrough = this.#read({ from: state.at, to: range.to }, options, state, (row) => {
        const entry = entryOf(row);
        if (entry) return visit(entry);
        damaged.push(row[0]);
        return true;
      });
      if (isThrough) break;
      this.#stepPast(Math.min(range.to, state.at + stepsPastDamage - 1), options, state, visit, damaged);
    }
    for (const position of damaged) {
      this.#tell(position);
      options.onDamaged?.(position);
    }
    return state.goesOn;
  }

  /** @returns false where a row could not be read: the one at `state.at`, or the one behind it */
  #read(range: Range, options: ScanOptions, state: ScanState, visit: (row: Row) => boolean): boolean {
    let inVisit = false;
    try {
      for (const row of this.#rows(range, options, state.left)) {
        state.at = row[0] + 1;
        if (state.left > 0) state.left--;
        inVisit = true;
        state.goesOn = visit(row);
        inVisit = false;
        if (!state.goesOn) return true;
      }
      return true;
    } catch (error) {
      if (inVisit) throw error;
      return false;
    }
  }

  #rows({ from, to }: Range, { topics, timeRangeMs }: ScanOptions, limit: number): Iterable<Row> {
    if (topics === undefined && timeRangeMs === undefined) return this.#plain.iterate(from, to, limit);
    const conditions = ["position BETWEEN ? AND ?"];
    const values: unknown[] = [from, to];
    if (timeRangeMs) {
      conditions.push("time BETWEEN ? AND ?");
      values.push(...timeRangeMs);
    }
    if (topics) {
      // By bytes, as a topic may be a blob, and characters take longer.
      const prefixes = topics.map((topic) => Buffer.from(topic));
      const fits = prefixes.map(({ length }) => `substr(CAST(topic AS BLOB), 1, ${length}) = ?`);
      conditions.push(`(${fits.join(" OR ") || "0"})`);
      values.push(...prefixes);
    }
    return prepareRows(this.#db, `${conditions.join(" AND ")} ORDER BY position LIMIT ?`).iterate(...values, limit);
  }

  #stepPast(
    to: number,
    options: ScanOptions,
    state: ScanState,
    visit: (entry: JournalEntry) => boolean,
    damaged: number[],
  ): void {
    while (state.goesOn && state.at <= to && state.left !== 0) {
      const position = state.at++;
      const found = this.#readOne(position);
      if (found === undefined) continue; // Nothing there.
      if (state.left > 0) state.left--;
      if (found === "damaged") damaged.push(position);
      else if (isWanted(found, options)) state.goesOn = visit(found);
    }
  }

  #readOne(position: number): JournalEntry | "damaged" | undefined {
    try {
      const row = this.#one.get(position) as Row | undefined;
      return row && (entryOf(row) ?? "damaged");
    } catch {
      return "damaged";
    }
  }

  #tell(position: number): void {
    if (this.#told.has(position)) return;
    if (this.#told.size < toldMax) this.#told.add(position);
    const detail = `the entry at ${position} is not what was written; it is left out of every answer`;
    this.#onEvent?.({ type: "damaged", position, detail });
  }
}

interface ScanState {
  at: number;
  /** Rows that may still be read; -1 for any number. */
  left: number;
  goesOn: boolean;
}

function prepareRows(db: Database, where: string): Statement {
  const statement = db.prepare(`SELECT ${columns} FROM entries WHERE ${where}`);
  statement.setReturnArrays(true);
  return statement;
}

function isWanted({ topic, timeMs }: JournalEntry, { topics, timeRangeMs }: ScanOptions): boolean {
  if (topics && !topics.some((prefix) => topic.startsWith(prefix))) return false;
  return !timeRangeMs || (timeMs >= timeRangeMs[0] && timeMs <= timeRangeMs[1]);
}
