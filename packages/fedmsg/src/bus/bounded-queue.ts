import { Fifo } from "./fifo.ts";

/** Bounds of a {@link BoundedQueue}. */
export interface QueueBounds {
  readonly itemsMax: number;
  /** Of what they count together. */
  readonly weightMax: number;
}

/**
 * A queue between whoever receives and whoever iterates. Full, it makes the receiver wait, and with it everything up to
 * the sender. One item always fits, however large.
 */
export class BoundedQueue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #bounds: QueueBounds;
  readonly #onReturn: () => Promise<void> | void;
  readonly #items = new Fifo<T>();
  #lifted = false;
  #readers: { resolve(result: IteratorResult<T, undefined>): void; reject(error: unknown): void }[] = [];
  #writers: (() => void)[] = [];
  #ended = false;
  #error: unknown;

  /** @param onReturn called when the reader stops iterating */
  constructor(bounds: QueueBounds, onReturn: () => Promise<void> | void) {
    this.#bounds = bounds;
    this.#onReturn = onReturn;
  }

  /** Items that wait. */
  get size(): number {
    return this.#items.size;
  }

  /** Whether it has ended, and nothing waits in it. */
  get isOver(): boolean {
    return this.#ended && this.size === 0;
  }

  /** Adds an item. Where a promise comes back the queue is full: await it before adding the next. */
  push(item: T, weight: number): Promise<void> | undefined {
    if (this.#ended) return undefined;
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve({ done: false, value: item });
      return undefined;
    }
    this.#items.push(item, weight);
    if (!this.#isFull()) return undefined;
    return new Promise((resolve) => this.#writers.push(resolve));
  }

  /** Makes nobody wait any more: what comes now was received already, and there is not much of it. */
  lift(): void {
    this.#lifted = true;
    this.#release();
  }

  /** No more will come; what is queued can still be read. With an error, the reader gets it behind the rest. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#release();
    for (const reader of this.#readers.splice(0)) this.#finish(reader);
  }

  /** Ends, and forgets what is queued. */
  clear(): void {
    this.#items.clear();
    this.end();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const entry = this.#items.shift();
    if (entry) {
      if (this.#writers.length > 0 && !this.#isFull()) this.#release();
      return Promise.resolve({ done: false, value: entry.item });
    }
    return new Promise((resolve, reject) => {
      if (this.#ended) this.#finish({ resolve, reject });
      else this.#readers.push({ resolve, reject });
    });
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.clear();
    await this.#onReturn();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(reader: { resolve(result: IteratorResult<T, undefined>): void; reject(error: unknown): void }): void {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) reader.reject(error);
    else reader.resolve({ done: true, value: undefined });
  }

  #isFull(): boolean {
    if (this.#lifted) return false;
    return this.size >= this.#bounds.itemsMax || (this.size > 0 && this.#items.weight >= this.#bounds.weightMax);
  }

  #release(): void {
    for (const resolve of this.#writers.splice(0)) resolve();
  }
}
