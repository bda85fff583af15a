/**
 * Refuses messages that are played again (`replay_window`).
 *
 * A signature holds for ever, so whoever has a message can send it again. The guard accepts a message only while its
 * signed `timestamp` lies within the window, and remembers the keys of that time:
 *
 * ```
 *       floor = now − window                              now                   now + window
 *  ───────┼───────────┬───────────┬───────────┬────────────┼────────────┬───────────┼──────▶ timestamp
 *  too-old│  {keys}   │  {keys}   │  {keys}   │   {keys}   │   {keys}   │  {keys}   │ too-new
 * ```
 *
 * Keys lie in a set for each second of their own timestamps, so that forgetting is dropping whole sets, and what was
 * forgotten is too old to come back: the floor never sinks, not even when the clock does. Where keys are too many, the
 * oldest second goes and the floor rises above it. Late messages are refused then; none is accepted twice.
 *
 * Rejected: to count the window from the arrival. A message with a time far ahead would outlive the memory of it. Also
 * rejected: a filter with false positives, which would lose messages.
 */

import { messageKey } from "./key.ts";
import { MessageParts, readParts, type SignedInput } from "./parts.ts";

/** How a guard is made. */
export interface ReplayGuardOptions {
  /** `replay_window`. Seconds; 0 lets everything pass. */
  readonly windowSeconds: number;
  /** How many keys are remembered at most, about 60 bytes each. Default 1,000,000. */
  readonly entriesMax?: number | undefined;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Told when keys were too many: how many seconds back messages are still accepted. */
  readonly onShrink?: ((secondsLeft: number) => void) | undefined;
}

/** What a guard says about a valid message. `duplicate` is no fault of anybody: there are several paths. */
export type Freshness = "fresh" | "duplicate" | "too-old" | "too-new";

/** Remembers what was seen. */
export interface ReplayGuard {
  /**
   * Judges a message that is *valid*, and remembers it if it is fresh. One without a number as its timestamp is too old.
   * Never throws.
   */
  admit(message: SignedInput | MessageParts): Freshness;
  /** How many keys are remembered. */
  readonly size: number;
}

/** Makes a guard. */
export function createReplayGuard(options: ReplayGuardOptions): ReplayGuard {
  return new SeenMessages(options);
}

class SeenMessages implements ReplayGuard {
  readonly #windowSeconds: number;
  readonly #entriesMax: number;
  readonly #now: () => number;
  readonly #onShrink: ((secondsLeft: number) => void) | undefined;
  /** By second; the keys as eight characters each. */
  readonly #seen = new Map<number, Set<string>>();
  #size = 0;
  /** The first second that is accepted. */
  #floor = Number.NEGATIVE_INFINITY;

  constructor({ windowSeconds, entriesMax = 1_000_000, now = Date.now, onShrink }: ReplayGuardOptions) {
    this.#windowSeconds = windowSeconds;
    this.#entriesMax = entriesMax;
    this.#now = now;
    this.#onShrink = onShrink;
  }

  get size(): number {
    return this.#size;
  }

  admit(message: SignedInput | MessageParts): Freshness {
    if (this.#windowSeconds <= 0) return "fresh";
    const parts = readParts(message);
    const timestamp = parts instanceof MessageParts ? parts.timestamp : undefined;
    const key = timestamp === undefined ? undefined : messageKey(parts as MessageParts);
    if (timestamp === undefined || key === undefined) return "too-old";
    const now = Math.floor(this.#now() / 1000);
    this.#raiseFloor(Math.ceil(now - this.#windowSeconds));
    // Compared so that a NaN, too, is refused.
    if (!(timestamp >= this.#floor)) return "too-old";
    if (!(timestamp <= now + this.#windowSeconds)) return "too-new";
    return this.#remember(Math.floor(timestamp), Buffer.from(key).toString("latin1"), now);
  }

  #remember(second: number, key: string, now: number): Freshness {
    let keys = this.#seen.get(second);
    if (keys?.has(key)) return "duplicate";
    if (!keys) {
      keys = new Set();
      this.#seen.set(second, keys);
    }
    keys.add(key);
    this.#size++;
    if (this.#size > this.#entriesMax) this.#shrink(now);
    return "fresh";
  }

  /** Forgets the oldest seconds, until a tenth is free: not with each message that comes. */
  #shrink(now: number): void {
    let left = this.#size;
    let floor = this.#floor;
    for (const second of [...this.#seen.keys()].sort((a, b) => a - b)) {
      if (left <= this.#entriesMax * 0.9) break;
      left -= this.#seen.get(second)?.size ?? 0;
      floor = second + 1;
    }
    this.#raiseFloor(floor);
    this.#onShrink?.(now - this.#floor);
  }

  #raiseFloor(floor: number): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    for (const [second, keys] of this.#seen) {
      if (second >= floor) continue;
      this.#seen.delete(second);
      this.#size -= keys.size;
    }
  }
}
