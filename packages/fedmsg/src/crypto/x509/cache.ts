/**
 * A cache that strangers write to: bounded in entries and in characters of its keys.
 *
 * Two halves: new entries go into the young one; when that is full it becomes the old one, and what was old goes, unless
 * somebody has asked for it meanwhile. That is nearly the least recently used, without any work at a hit.
 *
 * A `Map` would read all of a new text to hash it, which for a certificate takes as long as the rest of the lookup ten
 * times over. So entries are found by a part of the text, where certificates differ, and then compared as a whole. Of
 * texts with the same part the last one stays.
 */
export class BoundedCache<Value> {
  readonly #entriesMax: number;
  readonly #charsMax: number;
  #young = new Map<string, Entry<Value>>();
  #old = new Map<string, Entry<Value>>();
  #chars = 0;

  constructor({ entriesMax, charsMax }: { readonly entriesMax: number; readonly charsMax: number }) {
    this.#entriesMax = entriesMax;
    this.#charsMax = charsMax;
  }

  /** Entries in it, of both halves. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(text: string): Value | undefined {
    const key = partOf(text);
    const young = this.#young.get(key);
    if (young?.text === text) return young.value;
    const old = this.#old.get(key);
    if (old?.text !== text) return undefined;
    this.#old.delete(key);
    this.set(text, old.value);
    return old.value;
  }

  /** @param text ASCII */
  set(text: string, value: Value): void {
    if (this.#young.size >= this.#entriesMax / 2 || this.#chars + text.length > this.#charsMax / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#chars = 0;
    }
    // A copy: a slice of a message would keep all of it in memory.
    const copy = Buffer.from(text, "latin1").toString("latin1");
    this.#young.set(partOf(copy), { text: copy, value });
    this.#chars += copy.length;
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#chars = 0;
  }
}

interface Entry<Value> {
  readonly text: string;
  readonly value: Value;
}

/** The end of the authority's signature, before the line that ends every certificate. */
function partOf(text: string): string {
  return text.slice(-128, -64);
}
