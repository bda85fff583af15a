/**
 * How old messages in an outbox are, and which of them are too old (`outbox_max_age`).
 *
 * The machine's clock may be wrong: a year on at a start, everything would be too old at once. So what was there at the start
 * is too old at the earliest when a tenth of the time allowed is over, whatever the clock says: time to set it right, or for the
 * relay to take it ({@link AgeLimit}). And the oldest go in order: one that is not too old keeps all that wait behind it, whatever
 * their times are.
 */

import { AgeLimit } from "../replay/age-limit.ts";
import type { Journal } from "../replay/journal.ts";

/** Clocks, where they are not the machine's. */
export interface OutboxClocks {
  /** Ms since the epoch. */
  readonly now: () => number;
  /** Ms of a clock that nobody sets. */
  readonly monotonicNow: () => number;
}

/** Messages from the oldest on. */
export interface TooOld {
  /** The last one that is too old; the one before the oldest where none is. */
  readonly through: number;
  /** Whether there may be more of them behind it. */
  readonly hasMore: boolean;
}

/** The machine's. */
const machineClocks: OutboxClocks = { now: () => Date.now(), monotonicNow: () => performance.now() };

/** So many damaged messages in front of the oldest are passed. */
const damagedMax = 100;
/** So many are looked at for a question, and so many bytes. */
const pageMax = 10_000;
const pageBytes = 4 * 1024 * 1024;

/** See the top of the file. */
export class OutboxAge {
  readonly #maxAgeMs: number;
  readonly #clocks: OutboxClocks;
  #limit: AgeLimit | undefined;
  #oldest = { position: 0, timeMs: 0 };

  /** @param maxAgeMs 0: nothing is ever too old */
  constructor(maxAgeMs: number, clocks: OutboxClocks = machineClocks) {
    this.#maxAgeMs = maxAgeMs;
    this.#clocks = clocks;
  }

  /**
   * Begins with what is in a journal.
   *
   * @param through everything up to here is done with
   */
  begin(journal: Journal, through: number): void {
    this.#oldest = { position: 0, timeMs: 0 };
    if (this.#maxAgeMs === 0) return;
    const oldestMs = journal.info.head === through ? undefined : (this.#readOldest(journal, through) ?? 0);
    const startMs = oldestMs === undefined ? undefined : oldestMs - this.#maxAgeMs;
    this.#limit = new AgeLimit({ ...this.#clocks, maxAgeMs: this.#maxAgeMs, startMs });
  }

  /**
   * What is too old of those behind a position, a piece at a time; damaged ones go with what is behind them.
   *
   * @throws FedmsgError FEDMSG_JOURNAL
   */
  tooOld(journal: Journal, through: number): TooOld {
    const limitMs = this.#limit?.olderThanMs();
    const { head } = journal.info;
    if (limitMs === undefined || head <= through) return { through, hasMore: false };
    const oldestMs = this.#readOldest(journal, through);
    if (oldestMs !== undefined && oldestMs >= limitMs) return { through, hasMore: false };
    const page = journal.page({ after: through, limit: pageMax, bytesMax: pageBytes });
    let last = through;
    for (const { position, timeMs } of page.entries) {
      if (timeMs >= limitMs) return { through: last, hasMore: false };
      last = position;
    }
    return { through: last, hasMore: last > through && page.through < head };
  }

  /** How long the oldest message behind a position has waited, in seconds; 0 where there is none, nothing where it cannot be read. */
  oldestSeconds(journal: Journal, through: number): number | undefined {
    if (journal.info.head === through) return 0;
    const timeMs = this.#readOldest(journal, through);
    return timeMs === undefined ? undefined : Math.max(0, (this.#clocks.now() - timeMs) / 1000);
  }

  #readOldest(journal: Journal, through: number): number | undefined {
    if (this.#oldest.position > through) return this.#oldest.timeMs;
    try {
      const [entry] = journal.page({ after: through, limit: damagedMax, bytesMax: 1 }).entries;
      if (entry) this.#oldest = { position: entry.position, timeMs: entry.timeMs };
      return entry?.timeMs;
    } catch {
      return undefined; // Whoever wants the messages themselves hears of it.
    }
  }
}
