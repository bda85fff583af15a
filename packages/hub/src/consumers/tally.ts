/** How many attempts' times are kept until somebody takes them. */
const timesMax = 1024;

/** What a consumer did so far. */
export class Tally {
  received = 0;
  done = 0;
  failures = 0;
  timeouts = 0;
  retries = 0;
  deadLetters = 0;
  /** Tries to write a dead letter that failed. */
  letterFailures = 0;
  /** Messages that were let go at the end, and come again. */
  released = 0;
  dropped = 0;
  replayed = 0;
  gaps = 0;
  busySeconds = 0;
  readonly #times = new Float64Array(timesMax);
  /** Times since they were last taken; the newest lies before this place, modulo the room. */
  #count = 0;

  /** Counts the time of one attempt. */
  took(seconds: number): void {
    this.busySeconds += seconds;
    this.#times[this.#count % timesMax] = seconds;
    this.#count++;
  }

  /** The newest times since the call before, the oldest first. */
  takeTimes(): readonly number[] {
    const oldest = Math.max(0, this.#count - timesMax);
    const times = Array.from(
      { length: this.#count - oldest },
      (_, n) => this.#times[(oldest + n) % timesMax] as number,
    );
    this.#count = 0;
    return times;
  }
}
