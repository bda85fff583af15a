/** A journal in memory: for tests, and for those who want replay without a disk. It ends with its process. */

import { randomUUID } from "node:crypto";
import { FedmsgError } from "../errors.ts";
import type { EntryQuery, Journal, JournalEntry, JournalInfo, NewEntry, Page, PageQuery } from "./journal.ts";

/** Bounds of a journal in memory. */
export interface MemoryJournalOptions {
  /** The clock, in ms since the epoch. Default `Date.now`. */
  readonly now?: () => number;
  /** Entries that are kept; the oldest go first. Default 100,000. */
  readonly entriesMax?: number;
  /** Bytes of topics and bodies that are kept; the oldest entries go first. Default 64 MiB. */
  readonly bytesMax?: number;
}

/** Creates an empty journal in memory. What is appended is there when its promise resolves. */
export function createMemoryJournal(options: MemoryJournalOptions = {}): Journal {
  return new MemoryJournal(options);
}

class MemoryJournal implements Journal {
  readonly #uuid = randomUUID();
  readonly #now: () => number;
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  /** Oldest first, behind `#gone` places whose entries were pruned. */
  #entries: JournalEntry[] = [];
  #gone = 0;
  #head = 0;
  #bytes = 0;
  #isClosed = false;

  constructor({ now = Date.now, entriesMax = 100_000, bytesMax = 64 * 1024 * 1024 }: MemoryJournalOptions) {
    this.#now = now;
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
  }

  get info(): JournalInfo {
    return { uuid: this.#uuid, first: this.#first, head: this.#head, earlier: [], bytes: this.#bytes };
  }

  get #first(): number {
    return this.#head - this.#count + 1;
  }

  get #count(): number {
    return this.#entries.length - this.#gone;
  }

  async append(build: (position: number) => NewEntry): Promise<number> {
    this.#assertOpen();
    await undefined; // So that a `build` that appends does not come in between.
    const { topic, msgId, body } = build(this.#head + 1);
    const entry = { position: ++this.#head, timeMs: Math.floor(this.#now()), topic, msgId, body: new Uint8Array(body) };
    this.#entries.push(entry);
    this.#bytes += sizeOf(entry);
    while (this.#count > this.#entriesMax || this.#bytes > this.#bytesMax) this.#dropOldest();
    return entry.position;
  }

  page({ after, topics, limit, bytesMax }: PageQuery): Page {
    this.#assertOpen();
    const entries: JournalEntry[] = [];
    if (after >= this.#head) return { entries, through: this.#head };
    if (limit <= 0) return { entries, through: after };
    let bytes = 0;
    for (let n = this.#indexOf(Math.max(after + 1, this.#first)); n < this.#entries.length; n++) {
      const entry = this.#entries[n] as JournalEntry;
      if (topics && !topics.some((prefix) => entry.topic.startsWith(prefix))) continue;
      bytes += sizeOf(entry);
      if (entries.length > 0 && bytes > bytesMax) return { entries, through: entry.position - 1 };
      if (entries.push(entry) === limit) return { entries, through: entry.position };
    }
    return { entries, through: this.#head };
  }

  count(query: EntryQuery, atMost: number): number {
    return this.find(query, atMost + 1).length;
  }

  find(query: EntryQuery, limit: number): JournalEntry[] {
    this.#assertOpen();
    const isWanted = matcher(query);
    const found: JournalEntry[] = [];
    for (let n = this.#gone; n < this.#entries.length && found.length < limit; n++) {
      const entry = this.#entries[n] as JournalEntry;
      if (isWanted(entry)) found.push(entry);
    }
    return found;
  }

  positionAt(timeMs: number): number {
    this.#assertOpen();
    for (let n = this.#entries.length - 1; n >= this.#gone; n--) {
      const entry = this.#entries[n] as JournalEntry;
      if (entry.timeMs <= timeMs) return entry.position;
    }
    return 0;
  }

  isInPlace(): boolean {
    return true;
  }

  prune({
    through = 0,
    olderThanMs = Number.NEGATIVE_INFINITY,
    bytesMax = Number.POSITIVE_INFINITY,
  }: {
    readonly through?: number;
    readonly olderThanMs?: number;
    readonly bytesMax?: number;
  }): { readonly removed: number } {
    this.#assertOpen();
    const before = this.#first;
    while (this.#count > 0) {
      const { position, timeMs } = this.#entries[this.#gone] as JournalEntry;
      if (position > through && timeMs >= olderThanMs && this.#bytes <= bytesMax) break;
      this.#dropOldest();
    }
    return { removed: this.#first - before };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #indexOf(position: number): number {
    return this.#gone + position - this.#first;
  }

  #dropOldest(): void {
    const entry = this.#entries[this.#gone] as JournalEntry;
    this.#bytes -= sizeOf(entry);
    (this.#entries as unknown[])[this.#gone++] = undefined; // Its bytes go now, its place when half of them are empty.
    if (this.#gone < 1000 || this.#gone < this.#entries.length / 2) return;
    this.#entries = this.#entries.slice(this.#gone);
    this.#gone = 0;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new FedmsgError("FEDMSG_CLOSED", "the journal is closed");
  }
}

function sizeOf({ topic, body }: NewEntry): number {
  return Buffer.byteLength(topic) + body.byteLength;
}

function matcher(query: EntryQuery): (entry: JournalEntry) => boolean {
  const positions = new Set(query.positions);
  const msgIds = new Set(query.msgIds);
  const { positionRange: range, timeRangeMs: times, all } = query;
  return ({ position, msgId, timeMs }) =>
    all === true ||
    positions.has(position) ||
    msgIds.has(msgId) ||
    (range !== undefined && position >= range[0] && position <= range[1]) ||
    (times !== undefined && timeMs >= times[0] && timeMs <= times[1]);
}
