/** When a message that failed is tried again: exponential back-off with full jitter, so that what failed together comes apart. */

import type { RetryOptions } from "fedmsg/plugin";

/** How a consumer retries, with nothing left out. */
export type RetryPolicy = Required<RetryOptions>;

const defaults: RetryPolicy = { attempts: 5, firstMs: 200, mostMs: 30_000 };

/** Fills in what a definition leaves out. */
export function retryPolicy(given: RetryOptions = {}): RetryPolicy {
  return { ...defaults, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

/**
 * The pause behind an attempt, in ms.
 *
 * @param attempt 1 for the first
 * @param random what `Math.random` returns
 */
export function pauseMs(attempt: number, { firstMs, mostMs }: RetryPolicy, random: () => number): number {
  return random() * Math.min(mostMs, firstMs * 2 ** (attempt - 1));
}

/** Things that come again after a pause. Bounded by whoever puts them in; keeps no process alive. */
export class Pauses<Item> {
  readonly #timers = new Map<Item, NodeJS.Timeout>();
  readonly #onOver: (item: Item) => void;

  /** @param onOver gets each item when its pause is over */
  constructor(onOver: (item: Item) => void) {
    this.#onOver = onOver;
  }

  get size(): number {
    return this.#timers.size;
  }

  /** Begins a pause. */
  add(item: Item, ms: number): void {
    const over = () => {
      this.#timers.delete(item);
      this.#onOver(item);
    };
    this.#timers.set(item, setTimeout(over, ms).unref());
  }

  /** Ends all pauses without a word. @returns whose they were */
  clear(): Item[] {
    const items = [...this.#timers.keys()];
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    return items;
  }
}
