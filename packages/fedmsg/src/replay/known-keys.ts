/** Which messages a relay has taken of late, and at which position each is: so that one that comes again is not sent again. */

import { hash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { messageKey } from "../crypto/index.ts";
import { FedmsgError } from "../errors.ts";
import type { Journal } from "./journal.ts";

/** Keys that are known in any case. */
const keptMax = 100_000;
const blockMax = 50_000;
/** Bytes of a journal that are read at most to know what is in it: where messages are large, fewer keys are known. */
const loadBytesMax = 256 * 1024 * 1024;
const pageBytes = 4 * 1024 * 1024;
/** Bytes of a body's hash that are compared: nobody finds another body with the same ones. */
const bodyHashBytes = 16;

/** Positions by {@link knownAs}, of which the oldest are dropped a block at a time. */
export class KnownKeys {
  /** Newest first. */
  #blocks: Map<string, number>[] = [new Map()];
  #size = 0;

  /** Learns what a journal has, from its newest {@link keptMax} entries. Others have their turns meanwhile. */
  async load(journal: Journal): Promise<void> {
    const { first, head, bytes } = journal.info;
    const average = bytes / Math.max(1, head - first + 1);
    const most = Math.min(keptMax, Math.ceil(loadBytesMax / Math.max(1, average)));
    for (let after = Math.max(first - 1, head - most); after < head; ) {
      const { entries, through } = journal.page({ after, limit: 250, bytesMax: pageBytes });
      for (const { position, body } of entries) {
        const key = messageKey(body);
        if (key) this.add(knownAs({ key, body }), position);
      }
      if (through <= after) return;
      after = through;
      await nextTurn();
    }
  }

  /** The position that a message has, 0 where there is no journal; nothing where it is not known. */
  find(key: string): number | undefined {
    for (const block of this.#blocks) {
      const position = block.get(key);
      if (position !== undefined) return position;
    }
    return undefined;
  }

  add(key: string, position: number): void {
    let newest = this.#blocks[0] as Map<string, number>;
    if (newest.size >= blockMax) {
      newest = new Map();
      this.#blocks.unshift(newest);
      const oldest = (this.#blocks.at(-1) as Map<string, number>).size;
      if (this.#size - oldest >= keptMax) {
        this.#blocks.pop();
        this.#size -= oldest;
      }
    }
    const { size } = newest;
    newest.set(key, position);
    this.#size += newest.size - size;
  }
}

/**
 * What a message is known by: its key, and what it says, to the byte. A relay looks at no signature. So a stranger who has heard a message
 * elsewhere may send what has its key and says something else; were that enough, the message itself would be confirmed as taken
 * before, and be lost. A message that is spaced otherwise counts as another one here; subscribers know that it is the same.
 */
export function knownAs({ key, body }: { readonly key: Uint8Array; readonly body: Uint8Array }): string {
  const text = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
  return text + hash("sha256", body, "binary").slice(0, bodyHashBytes);
}

/** Thrown for a message that the journal has, by whichever way it came. */
export const takenBefore = new FedmsgError("FEDMSG_QUEUE_FULL", "the message was taken before");
/** Thrown for a message that is in the same group as another one with its key: it is to be tried again when that is over. */
export const takenNow = new FedmsgError("FEDMSG_QUEUE_FULL", "the message is being taken");

/**
 * Sees to it that a journal takes no message twice. What is committed is in the table of keys; what is in the same group is not
 * yet, and whether it will be nobody knows: whoever has it a second time asks again when the group is over.
 */
export class TurnKeys {
  readonly #known: KnownKeys;
  readonly #group = new Set<string>();
  #isOver = false;

  constructor(known: KnownKeys) {
    this.#known = known;
  }

  /** It is a message's turn. @throws takenBefore, takenNow */
  take(key: string): void {
    if (this.#isOver) this.#group.clear();
    this.#isOver = false;
    if (this.#known.find(key) !== undefined) throw takenBefore;
    if (this.#group.has(key)) throw takenNow;
    this.#group.add(key);
  }

  /** The group is over: committed, or not. */
  end(): void {
    this.#isOver = true;
  }
}
