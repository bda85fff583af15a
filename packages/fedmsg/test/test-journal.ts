/** A journal for the tests of replay, in memory. */

import type { EntryQuery, Journal, JournalInfo, NewEntry, PageQuery } from "../src/replay/journal.ts";
import { createMemoryJournal } from "../src/replay/memory-journal.ts";

const firstMs = 1_700_000_000_000;
const stepMs = 250;

/** When the entry at a position of a {@link TestJournal} was appended, in ms since the epoch. */
export function timeMsOf(position: number): number {
  return firstMs + (position - 1) * stepMs;
}

/** A journal in memory whose names and times are always the same, and which counts the pages that are read. */
export class TestJournal implements Journal {
  readonly uuid = "0b7f5a3c-9d0e-4b51-8a3f-2f6f7c1d9e42";
  pages = 0;
  #appended = 0;
  readonly #journal = createMemoryJournal({ now: () => timeMsOf(++this.#appended) });

  get info(): JournalInfo {
    const earlier = [{ uuid: "11111111-2222-4333-8444-555555555555", through: 3 }];
    return { ...this.#journal.info, uuid: this.uuid, earlier };
  }

  /** Appends an entry whose `msgId` is `id-<position>`. */
  add(topic: string, body: string | Uint8Array): Promise<number> {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    return this.append((position) => ({ topic, body: bytes, msgId: `id-${position}` }));
  }

  append(build: (position: number) => NewEntry) {
    return this.#journal.append(build);
  }

  page(query: PageQuery) {
    this.pages++;
    return this.#journal.page(query);
  }

  count(query: EntryQuery, atMost: number) {
    return this.#journal.count(query, atMost);
  }

  find(query: EntryQuery, limit: number) {
    return this.#journal.find(query, limit);
  }

  positionAt(timeMs: number) {
    return this.#journal.positionAt(timeMs);
  }

  isInPlace() {
    return this.#journal.isInPlace();
  }

  prune(options: { readonly through?: number; readonly olderThanMs?: number }) {
    return this.#journal.prune(options);
  }

  close() {
    return this.#journal.close();
  }
}

/** A journal of so many small messages, every third of another topic. */
export async function filledJournal(count: number): Promise<TestJournal> {
  const journal = new TestJournal();
  for (let n = 1; n <= count; n++) {
    const topic = n % 3 === 0 ? "org.test.b.three" : "org.test.a.other";
    await journal.add(topic, `{"i":${n},"msg":{},"seq_id":${n},"topic":"${topic}"}`);
  }
  return journal;
}
