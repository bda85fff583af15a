/**
 * A set of message keys: what a million of them take is 14 MiB, where a `Set` of texts takes a hundred.
 *
 * ```
 *            filter: "certainly in none of them"
 * newest ──▶ ┌────────┐ ┌────────┐ ┌────────┐
 *            │ high[] │ │        │ │        │ ──▶ dropped as a whole, the oldest first
 *            │ low[]  │ │        │ │        │
 *            └────────┘ └────────┘ └────────┘
 * ```
 *
 * Each block is a table with open addressing and linear probing, at most three quarters full. Most keys that are asked for are in none, which
 * a Bloom filter over all blocks says at once; it is made anew when blocks have come or gone. Where a key goes is mixed with
 * random numbers of this process, so that nobody can choose keys that all fall on one place. A place of zeros is empty; a key of zeros has
 * another one's place, which is nobody's by chance.
 */

import { randomInt } from "node:crypto";

const mixHigh = randomInt(2 ** 31) * 2 + 1;
const mixLow = randomInt(2 ** 31) * 2 + 1;

/** Keys in the order of their coming, of which the oldest can be dropped. */
export class KeySet {
  readonly #blockSize: number;
  readonly #blocks: Block[] = [];
  #filter: Filter | undefined;
  /** Blocks that the filter was made for, and those that came since. */
  #filterRoom = 0;
  #filtered = 0;
  #size = 0;

  /** @param blockSize keys of a block: how many are dropped at a time */
  constructor(blockSize = 24_576) {
    this.#blockSize = blockSize;
  }

  get size(): number {
    return this.#size;
  }

  /** @param key 8 bytes, as a latin1 text */
  has(key: string): boolean {
    const high = wordAt(key, 0);
    const low = lowOf(key, high);
    if (this.#filter && !this.#filter.mayHave(high, low)) return false;
    for (const block of this.#blocks) if (block.has(high, low)) return true;
    return false;
  }

  /** Adds a key that is not there. */
  add(key: string): void {
    let [newest] = this.#blocks;
    if (!newest || newest.count === this.#blockSize) {
      newest = new Block(this.#blockSize);
      this.#blocks.unshift(newest);
      if (++this.#filtered > this.#filterRoom) this.#makeFilter();
    }
    const high = wordAt(key, 0);
    const low = lowOf(key, high);
    newest.add(high, low);
    this.#filter?.add(high, low);
    this.#size++;
  }

  /** Makes room for twice the blocks. Those that were dropped meanwhile are in it no more. */
  #makeFilter(): void {
    this.#filtered = this.#blocks.length;
    this.#filterRoom = 2 * this.#filtered;
    if (this.#filtered < 3) return; // They are looked through as quickly.
    this.#filter = new Filter(this.#filterRoom * this.#blockSize);
    for (const block of this.#blocks) block.addTo(this.#filter);
  }

  /** Drops the oldest, as whole blocks: so many at most. Answers how many. */
  dropOldest(most: number): number {
    let dropped = 0;
    for (let oldest = this.#blocks.at(-1); oldest; oldest = this.#blocks.at(-1)) {
      if (dropped + oldest.count > most) break;
      dropped += oldest.count;
      this.#blocks.pop();
    }
    this.#size -= dropped;
    return dropped;
  }
}

/** Four bytes of a key. */
function wordAt(key: string, at: number): number {
  return (
    ((key.charCodeAt(at) << 24) |
      (key.charCodeAt(at + 1) << 16) |
      (key.charCodeAt(at + 2) << 8) |
      key.charCodeAt(at + 3)) >>>
    0
  );
}

function lowOf(key: string, high: number): number {
  return wordAt(key, 4) || (high === 0 ? mixLow : 0);
}

/** Where a key is looked for first. */
function mix(high: number, low: number): number {
  return Math.imul(high, mixHigh) ^ Math.imul(low, mixLow);
}

class Block {
  count = 0;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #mask: number;

  /** @param keys that it will hold at most */
  constructor(keys: number) {
    const places = 2 ** Math.ceil(Math.log2((keys * 4) / 3));
    this.#high = new Uint32Array(places);
    this.#low = new Uint32Array(places);
    this.#mask = places - 1;
  }

  has(high: number, low: number): boolean {
    const place = this.#find(high, low);
    return this.#high[place] !== 0 || this.#low[place] !== 0;
  }

  add(high: number, low: number): void {
    const place = this.#find(high, low);
    this.#high[place] = high;
    this.#low[place] = low;
    this.count++;
  }

  addTo(filter: Filter): void {
    for (let place = 0; place <= this.#mask; place++) {
      const high = this.#high[place] as number;
      const low = this.#low[place] as number;
      if (high !== 0 || low !== 0) filter.add(high, low);
    }
  }

  /** Where it is, or would be. */
  #find(high: number, low: number): number {
    let place = (mix(high, low) >>> 7) & this.#mask;
    for (;;) {
      const isHere = this.#high[place] === high && this.#low[place] === low;
      if (isHere || (this.#high[place] === 0 && this.#low[place] === 0)) return place;
      place = (place + 1) & this.#mask;
    }
  }
}

/** A Bloom filter with two bits for a key: it has one in twenty of those that are not there, at most. */
class Filter {
  readonly #words: Uint32Array;
  readonly #mask: number;

  /** @param keys that will be added at most */
  constructor(keys: number) {
    const bits = 2 ** Math.ceil(Math.log2(keys * 8));
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
  }

  add(high: number, low: number): void {
    this.#set((mix(high, low) >>> 7) & this.#mask);
    this.#set((mix(low, high) >>> 7) & this.#mask);
  }

  mayHave(high: number, low: number): boolean {
    return this.#has((mix(high, low) >>> 7) & this.#mask) && this.#has((mix(low, high) >>> 7) & this.#mask);
  }

  #set(bit: number): void {
    (this.#words[bit >>> 5] as number) |= 1 << (bit & 31);
  }

  #has(bit: number): boolean {
    return ((this.#words[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  }
}
