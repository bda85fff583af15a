/** Takes the oldest entries away, a few at a time. */

import type { Database, Statement } from "../sqlite.ts";
import { deleteRuns, fullRuns } from "./runs.ts";
import type { Bounds } from "./schema.ts";

/** What is to stay. */
export interface Keep {
  /** Entries up to this position go. Default: none. */
  readonly through?: number | undefined;
  /** Entries before this go, in ms since the epoch; the first that is not older ends it. Default: none. */
  readonly olderThanMs?: number | undefined;
  /** Bytes of topics and bodies that may stay. Default: any number. */
  readonly bytesMax?: number | undefined;
}

/** What one piece takes away at most; some of it in a body's overflow pages, which must be read to be freed. */
const pieceEntries = 256;
const pieceBytes = 1024 * 1024;

export class Pruner {
  readonly #db: Database;
  readonly #oldest: Statement;
  readonly #timeAt: Statement;
  readonly #delete: Statement;

  constructor(db: Database) {
    this.#db = db;
    this.#oldest = db.prepare(
      "SELECT position, time, octet_length(topic) + octet_length(body) AS size FROM entries WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?",
    );
    this.#timeAt = db.prepare("SELECT time FROM entries WHERE position = ?");
    this.#delete = db.prepare("DELETE FROM entries WHERE position < ?");
  }

  /** When the oldest entry was appended. */
  oldestMs({ first, head }: Pick<Bounds, "first" | "head">): number | undefined {
    const time: unknown = first > head ? undefined : this.#oldest.get(first, head, 1)?.time;
    return typeof time === "number" ? time : undefined;
  }

  /** Prunes inside a transaction until `untilMs` (of `performance.now()`), or until nothing is left to be pruned. */
  prune(bounds: Bounds, keep: Keep, untilMs: number): Bounds {
    let now = bounds;
    for (;;) {
      const next = this.#pruneOnce(now, keep);
      if (next === now || performance.now() > untilMs) return next;
      now = next;
    }
  }

  #pruneOnce(
    bounds: Bounds,
    { through = 0, olderThanMs = Number.NEGATIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY }: Keep,
  ): Bounds {
    let { first, bytes } = bounds;
    if (first > bounds.head) return bounds;
    // Mostly nothing is old enough; that takes one row to tell.
    if (first > through && bytes <= bytesMax && (this.#timeAt.get(first)?.time ?? olderThanMs - 1) >= olderThanMs)
      return bounds;
    const rows = this.#oldest.all(first, bounds.head, pieceEntries);
    if (rows.length === 0) first = bounds.head + 1;
    for (const { position, time, size } of rows) {
      if (position > through && time >= olderThanMs && bytes <= bytesMax) break;
      first = position + 1;
      bytes -= size;
      if (bounds.bytes - bytes > pieceBytes) break;
    }
    if (first === bounds.first) return bounds;
    this.#delete.run(first);
    const [from, to] = [fullRuns(bounds.first - 1), fullRuns(first - 1)];
    if (from < to) deleteRuns(this.#db, from, to);
    return { first, head: bounds.head, bytes: first > bounds.head ? 0 : Math.max(0, bytes) };
  }
}
