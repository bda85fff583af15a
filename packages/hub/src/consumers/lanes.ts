/**
 * What waits for its turn. Of items in the same line one is out at a time, and the next comes when the one before is
 * finished; items without a line come as they are.
 *
 * ```
 * add ──▶ line "a": 1 2 3      next() gives a1, b1, c1
 *         line "b": 1          and a2 when a1 is finished
 *         no line:  1
 * ```
 *
 * A line is forgotten when it is empty, so there are never more lines than items.
 */
export class Lanes<Item> {
  /** Those whose turn it is. */
  #ready: Item[] = [];
  /** By line: those behind the one that is ready or out. */
  readonly #behind = new Map<string, Item[]>();
  #size = 0;

  /** Items that wait, those behind others included. */
  get size(): number {
    return this.#size;
  }

  /** Puts an item at the end of its line. */
  add(item: Item, line: string | undefined): void {
    this.#size++;
    const behind = line === undefined ? undefined : this.#behind.get(line);
    if (behind) behind.push(item);
    else {
      if (line !== undefined) this.#behind.set(line, []);
      this.#ready.push(item);
    }
  }

  /** An item that is out comes once more, and before all others; its line stays held up meanwhile. */
  addAgain(item: Item): void {
    this.#size++;
    this.#ready.push(item);
  }

  /** Takes the item whose turn it is, if it is anybody's. */
  next(): Item | undefined {
    const item = this.#ready.shift();
    if (item !== undefined) this.#size--;
    return item;
  }

  /** An item that was out is done with: the next of its line can come. */
  finished(line: string | undefined): void {
    if (line === undefined) return;
    const next = this.#behind.get(line)?.shift();
    if (next === undefined) this.#behind.delete(line);
    else this.#ready.push(next);
  }
}
