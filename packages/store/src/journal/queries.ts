/** What a journal is asked, over the positions from `bounds.from` to `bounds.to` alone. */

import type { EntryQuery, JournalEntry, Page, PageQuery } from "fedmsg/plugin";
import type { Database, Statement } from "../sqlite.ts";
import type { JournalListener } from "./events.ts";
import { type Range, union, within, without } from "./ranges.ts";
import { sizeOf } from "./rows.ts";
import { RunReader } from "./runs.ts";
import { EntryScanner } from "./scan.ts";

/** Positions that one page looks at, at most, where topics are chosen: about 10 ms. */
const pageRowsMax = 8192;

/** A stretch of positions; where `isTimed`, only those entries count whose time is wanted. */
interface Stretch extends Range {
  readonly isTimed: boolean;
}

export class JournalQueries {
  readonly scanner: EntryScanner;
  readonly #runs: RunReader;
  readonly #count: Statement;
  readonly #countTimed: Statement;

  constructor(db: Database, onEvent: JournalListener | undefined) {
    this.scanner = new EntryScanner(db, onEvent);
    this.#runs = new RunReader(db);
    const counting = "SELECT count(*) AS n FROM (SELECT 1 FROM entries WHERE position BETWEEN ? AND ?";
    this.#count = db.prepare(`${counting} LIMIT ?)`);
    this.#countTimed = db.prepare(`${counting} AND time BETWEEN ? AND ? LIMIT ?)`);
  }

  page({ after, topics, limit, bytesMax }: PageQuery, bounds: Range): Page {
    const entries: JournalEntry[] = [];
    const damaged: number[] = [];
    const from = Math.max(after + 1, bounds.from);
    if (from > bounds.to) return { entries, through: bounds.to };
    if (limit <= 0) return { entries, through: after };
    const to = Math.min(bounds.to, topics ? from + pageRowsMax - 1 : from + limit - 1);
    let bytes = 0;
    let through = to;
    const onDamaged = (position: number) => damaged.push(position);
    this.scanner.scan({ from, to }, { topics, onDamaged }, (entry) => {
      bytes += sizeOf(entry);
      if (entries.length > 0 && bytes > bytesMax) {
        through = entry.position - 1;
        return false;
      }
      entries.push(entry);
      if (entries.length < limit) return true;
      through = entry.position;
      return false;
    });
    const lost = damaged.filter((position) => position <= through);
    return { entries, through, ...(lost.length > 0 && { damaged: lost }) };
  }

  count(query: EntryQuery, atMost: number, bounds: Range): number {
    try {
      return this.#countRows(query, atMost + 1, bounds);
    } catch {
      return this.find(query, atMost + 1, bounds).length; // A page cannot be read; that goes past it.
    }
  }

  #countRows(query: EntryQuery, enough: number, bounds: Range): number {
    let count = 0;
    for (const { from, to, isTimed } of this.#stretches(query, bounds, enough)) {
      const left = enough - count;
      const [least, greatest] = query.timeRangeMs ?? [0, 0];
      const row = isTimed ? this.#countTimed.get(from, to, least, greatest, left) : this.#count.get(from, to, left);
      count += row.n;
      if (count >= enough) break;
    }
    return count;
  }

  find(query: EntryQuery, limit: number, bounds: Range): JournalEntry[] {
    const found: JournalEntry[] = [];
    if (limit <= 0) return found;
    for (const stretch of this.#stretches(query, bounds, limit)) {
      const timeRangeMs = stretch.isTimed ? query.timeRangeMs : undefined;
      const goesOn = this.scanner.scan(stretch, { timeRangeMs }, (entry) => found.push(entry) < limit);
      if (!goesOn) break;
    }
    return found;
  }

  positionAt(timeMs: number, bounds: Range): number {
    return bounds.from > bounds.to ? 0 : this.#runs.lastAt(timeMs, bounds);
  }

  /** Where the entries of a query are, in order; of its ids at least the first `limit`. */
  #stretches(query: EntryQuery, bounds: Range, limit: number): Stretch[] {
    if (bounds.from > bounds.to) return [];
    const { all, positions = [], positionRange, msgIds = [], timeRangeMs } = query;
    if (all) return [{ ...bounds, isTimed: false }];
    const whole: Range[] = positions.map((position) => ({ from: position, to: position }));
    if (positionRange) whole.push({ from: positionRange[0], to: positionRange[1] });
    if (msgIds.length > 0) {
      for (const position of this.#runs.positionsOf(msgIds, bounds, limit))
        whole.push({ from: position, to: position });
    }
    const times = timeRangeMs && this.#runs.rangesOf(timeRangeMs[0], timeRangeMs[1], bounds);
    const plain = union([...whole, ...(times?.whole ?? [])].map((range) => within(range, bounds)));
    const timed = without(union((times?.part ?? []).map((range) => within(range, bounds))), plain);
    const stretches = [
      ...plain.map((range) => ({ ...range, isTimed: false })),
      ...timed.map((range) => ({ ...range, isTimed: true })),
    ];
    return stretches.sort((a, b) => a.from - b.from);
  }
}
