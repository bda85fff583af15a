/** How far the machine's clock may run ahead at once, in seconds. It is given back at a second for each second. */
export const slackSeconds = 60;

/**
 * A clock that follows the machine's own, which somebody may set, by means of one that nobody sets. It goes no faster than
 * that one, and a minute more: what would be forgotten for ever because of a moment in next year is kept. Where the
 * machine's clock is right to be ahead, after a sleep for instance, it comes after at twice the pace.
 */
export class SteadyClock {
  readonly #monotonicNow: () => number;
  /** Seconds between the monotonic clock and this one. Only grows. */
  #offset: number;
  #slack = slackSeconds;
  #readAt: number;

  /**
   * @param now what the machine's clock says, in seconds
   * @param monotonicNow milliseconds
   */
  constructor(now: number, monotonicNow: () => number) {
    this.#monotonicNow = monotonicNow;
    this.#readAt = monotonicNow() / 1000;
    this.#offset = now - this.#readAt;
  }

  /** Seconds; never more than `now`. */
  follow(now: number): number {
    const monotonic = this.#monotonicNow() / 1000;
    this.#slack = Math.min(slackSeconds, this.#slack + monotonic - this.#readAt);
    this.#readAt = monotonic;
    const ahead = now - (monotonic + this.#offset);
    if (ahead > 0) {
      const step = Math.min(ahead, this.#slack);
      this.#slack -= step;
      this.#offset += step;
    }
    return Math.min(now, monotonic + this.#offset);
  }
}
