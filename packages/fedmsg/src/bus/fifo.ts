/** An item that waits, and its size. */
export interface Entry<T> {
  readonly item: T;
  readonly bytes: number;
}

/** Items in the order in which they came, and how many bytes they are. What bounds them is up to its user. */
export class Fifo<T> {
  /** Those before `#head` were taken out. */
  #entries: (Entry<T> | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(item: T, bytes: number): void {
    this.#entries.push({ item, bytes });
    this.#bytes += bytes;
  }

  /** Takes out the oldest. */
  shift(): Entry<T> | undefined {
    const entry = this.#entries[this.#head];
    if (!entry) return undefined;
    this.#bytes -= entry.bytes;
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
    this.#bytes = 0;
  }
}
