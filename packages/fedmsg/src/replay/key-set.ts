/**
 * A set of message keys: what a million of them take is 16 MiB, where a `Set` of texts takes a hundred.
 *
 * ```
 * newest ──▶ ┌────────┐ ┌────────┐ ┌────────┐
 *            │ high[] │ │        │ │        │ ──▶ dropped as a whole, the oldest first
 *            │ low[]  │ │        │ │        │
 *            └────────┘ └────────┘ └────────┘
 * ```
 *
 * Each block is a table with open addressing and linear probing, at most half full. Where a key goes is mixed with
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
  #size = 0;

  /** @param blockSize keys of a block: how many are dropped at a time. A power of two */
  constructor(blockSize = 16_384) {
    this.#blockSize = blockSize;
  }

  get size(): number {
    return this.#size;
  }

  /** @param key 8 bytes, as a latin1 text */
  has(key: string): boolean {
    const high = wordAt(key, 0);
    const low = lowOf(key, high);
    for (const block of this.#blocks) if (block.has(high, low)) return true;
    return false;
  }

  /** Adds a key that is not there. */
  add(key: string): void {
    let [newest] = this.#blocks;
    if (!newest || newest.count === this.#blockSize) {
      newest = new Block(this.#blockSize * 2);
      this.#blocks.unshift(newest);
    }
    const high = wordAt(key, 0);
    newest.add(high, lowOf(key, high));
    this.#size++;
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

class Block {
  count = 0;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #mask: number;

  constructor(places: number) {
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

  /** Where it is, or would be. */
  #find(high: number, low: number): number {
    let place = ((Math.imul(high, mixHigh) ^ Math.imul(low, mixLow)) >>> 7) & this.#mask;
    for (;;) {
      const isHere = this.#high[place] === high && this.#low[place] === low;
      if (isHere || (this.#high[place] === 0 && this.#low[place] === 0)) return place;
      place = (place + 1) & this.#mask;
    }
  }
}
