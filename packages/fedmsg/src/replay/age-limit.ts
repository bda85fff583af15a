/** What an {@link AgeLimit} goes by. */
export interface AgeLimitOptions {
  readonly maxAgeMs: number;
  /** Ms since the epoch. */
  readonly now: () => number;
  /** Ms of a clock that nobody sets. */
  readonly monotonicNow: () => number;
  /** Where the limit begins at the latest, in ms since the epoch: at the oldest entry, or before it. Default: where the clock says. */
  readonly startMs: number | undefined;
}

/** How much faster than time entries grow old at most. */
const hasteMax = 10;

/**
 * Which entries are too old. A clock that jumps a year ahead must not take everything away at once: so the limit moves ten times
 * as fast as time at most, and never back. What waited while the journal was closed for long goes by and by.
 */
export class AgeLimit {
  readonly #options: AgeLimitOptions;
  #limitMs: number;
  #movedAt: number;

  constructor(options: AgeLimitOptions) {
    this.#options = options;
    const wallMs = options.now() - options.maxAgeMs;
    this.#limitMs = Math.min(wallMs, options.startMs ?? wallMs);
    this.#movedAt = options.monotonicNow();
  }

  /** Entries before this go, in ms since the epoch. */
  olderThanMs(): number {
    const { now, monotonicNow, maxAgeMs } = this.#options;
    const at = monotonicNow();
    const mostMs = this.#limitMs + (at - this.#movedAt) * hasteMax;
    this.#movedAt = at;
    this.#limitMs = Math.max(this.#limitMs, Math.min(now() - maxAgeMs, mostMs));
    return this.#limitMs;
  }
}
