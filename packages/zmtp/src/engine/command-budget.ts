import type { Limits } from "../options.ts";

/** Commands beyond `subscriptionsMax` that may come at once. */
const burst = 10_000;

/** How many commands a peer may still send: a token bucket (`limits.commandsPerSecondMax`). */
export class CommandBudget {
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #at: number;

  /** @param now in ms, of a clock that does not go back */
  constructor({ commandsPerSecondMax, subscriptionsMax }: Limits, now: number) {
    this.#at = now;
    this.#perMs = commandsPerSecondMax / 1000;
    this.#most = subscriptionsMax + burst;
    this.#left = this.#most;
  }

  /** One more; false if that is too much. */
  take(now: number): boolean {
    if (this.#left < 1) {
      this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perMs);
      this.#at = now;
      if (this.#left < 1) return false;
    }
    this.#left--;
    return true;
  }
}
