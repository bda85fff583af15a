/**
 * How old messages in an outbox are, and which of them are too old (`outbox_max_age`).
 *
 * The machine's clock may be wrong: a year on at a start, everything would be too old at once. So what was there at the start
 * is too old at the earliest when a tenth of the time allowed is over ({@link AgeLimit}), whatever the clock says: time to set it right, or
 * for the relay to take it. Rejected: to go by the newest message, as that may have been written with the wrong clock.
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

/** The machine's. */
const machineClocks: OutboxClocks = { now: () => Date.now(), monotonicNow: () => performance.now() };

/** So many damaged messages in front of the oldest are passed. */
const damagedMax = 100;

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

  /** The last position that is too old; 0 where none is. @throws FedmsgError FEDMSG_JOURNAL */
  lastTooOld(journal: Journal): number {
    return this.#limit ? journal.positionAt(this.#limit.olderThanMs() - 1) : 0;
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
      if (entry) this.#oldest = entry;
      return entry?.timeMs;
    } catch {
      return undefined; // Whoever wants the messages themselves hears of it.
    }
  }
}
