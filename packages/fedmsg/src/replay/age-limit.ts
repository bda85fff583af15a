/**
 * Which entries are too old, on a machine whose clock may be wrong.
 *
 * ```
 * limit        never later than the clock says: a clock that is set back takes it back
 * at a start   from the oldest entry on, ten times as fast as time at most
 * at a jump    goes on from where it was, the same way
 * then         what the clock says, once that was not set for a fifth of the age allowed
 * ```
 *
 * So a clock that is a year ahead, at a start or from one moment to the next, takes nothing away at once; a wrong one is mended
 * before that, or believed in the end. Times of entries may be wrong as well. Whoever asks takes the oldest in order, up to the
 * first that is not too old: nothing fresh goes because of what is written behind it. What has a time in the future keeps all that
 * comes later; how much there is of it is bounded by bytes.
 *
 * Rejected: to believe the clock at a start where the newest entry, or the file, was written just now by it, as that may have been
 * the same wrong clock; a limit that never goes back, as it stays in the future when a clock that was ahead is set right.
 */

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

/** How much faster than time entries grow old at most, while the clock is not believed. */
const hasteMax = 10;
/** A clock is believed that was not set for so many of the ages allowed. */
const steadyAges = 1 / 5;
/** By less, in ms or ages allowed, a clock is corrected, not set. */
const correctionMs = 60_000;
const correctionAges = 1 / 10;

/** See the top of the file. */
export class AgeLimit {
  readonly #options: AgeLimitOptions;
  #limitMs: number;
  #askedAt: number;
  /** When it began, or found that the clock had been set. */
  #setAt: number;
  /** Of the clock, against the one that nobody sets, at that time. */
  #offsetMs: number;

  constructor(options: AgeLimitOptions) {
    this.#options = options;
    const nowMs = options.now();
    const wallMs = nowMs - options.maxAgeMs;
    this.#limitMs = Math.min(wallMs, options.startMs ?? wallMs);
    this.#askedAt = options.monotonicNow();
    this.#setAt = this.#askedAt;
    this.#offsetMs = nowMs - this.#askedAt;
  }

  /** Entries before this are too old, in ms since the epoch. */
  olderThanMs(): number {
    const { now, monotonicNow, maxAgeMs } = this.#options;
    const nowMs = now();
    const at = monotonicNow();
    const hasJumped = this.#noteJump(nowMs - at, at);
    // Nobody knows when it jumped: all the time since the last question may have been an hour, or a month, of the right clock.
    const wayMs = (at - this.#askedAt) * (hasJumped ? 1 : hasteMax);
    this.#askedAt = at;
    const isBelieved = at - this.#setAt >= maxAgeMs * steadyAges;
    this.#limitMs = Math.min(nowMs - maxAgeMs, isBelieved ? Number.POSITIVE_INFINITY : this.#limitMs + wayMs);
    return this.#limitMs;
  }

  #noteJump(offsetMs: number, at: number): boolean {
    const mostMs = Math.min(correctionMs, this.#options.maxAgeMs * correctionAges);
    if (Math.abs(offsetMs - this.#offsetMs) <= mostMs) return false;
    this.#offsetMs = offsetMs;
    this.#setAt = at;
    return true;
  }
}
