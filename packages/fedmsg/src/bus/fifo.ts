/** An item that waits, and what it counts. */
export interface Entry<T> {
  readonly item: T;
  readonly weight: number;
}

/** Items in the order in which they came, and what they count together. What bounds them is up to its user. */
export class Fifo<T> {
  /** Those before `#head` were taken out. */
  #entries: (Entry<T> | undefined)[] = [];
  #head = 0;
  #weight = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  get weight(): number {
    return this.#weight;
  }

  push(item: T, weight: number): void {
    this.#entries.push({ item, weight });
    this.#weight += weight;
  }

  /** Takes out the oldest. */
  shift(): Entry<T> | undefined {
    const entry = this.#entries[this.#head];
    if (!entry) return undefined;
    this.#weight -= entry.weight;
    this.#entries[this.#head] = undefined;
    this.#head++;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#weight = 0;
  }
}
