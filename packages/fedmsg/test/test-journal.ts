/** A journal for the tests of replay, in memory. */

import type {
  EntryQuery,
  Journal,
  JournalEntry,
  JournalInfo,
  NewEntry,
  Page,
  PageQuery,
} from "../src/replay/journal.ts";

export class TestJournal implements Journal {
  readonly uuid = "0b7f5a3c-9d0e-4b51-8a3f-2f6f7c1d9e42";
  entries: JournalEntry[] = [];
  head = 0;
  now = 1_700_000_000_000;
  pages = 0;

  get info(): JournalInfo {
    const first = this.entries[0]?.position ?? this.head + 1;
    return {
      uuid: this.uuid,
      first,
      head: this.head,
      earlier: [{ uuid: "11111111-2222-4333-8444-555555555555", through: 3 }],
      bytes: 0,
    };
  }

  add(topic: string, body: string | Uint8Array, msgId = `id-${this.head + 1}`): void {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.entries.push({ position: ++this.head, timeMs: this.now, topic, msgId, body: bytes });
    this.now += 250;
  }

  append(build: (position: number) => NewEntry): Promise<number> {
    const { topic, body, msgId } = build(this.head + 1);
    this.add(topic, body, msgId);
    return Promise.resolve(this.head);
  }

  page({ after, topics, limit, bytesMax }: PageQuery): Page {
    this.pages++;
    const entries: JournalEntry[] = [];
    let bytes = 0;
    let through = after;
    for (let n = Math.max(0, after - this.info.first + 1); n < this.entries.length; n++) {
      const entry = this.entries[n] as JournalEntry;
      const isWanted = !topics || topics.some((prefix) => entry.topic.startsWith(prefix));
      if (isWanted) {
        bytes += entry.topic.length + entry.body.byteLength;
        if (entries.length > 0 && bytes > bytesMax) return { entries, through };
        entries.push(entry);
      }
      through = entry.position;
      if (entries.length === limit) return { entries, through };
    }
    return { entries, through: Math.max(through, this.head) };
  }

  count(query: EntryQuery, atMost: number): number {
    return this.find(query, atMost + 1).length;
  }

  find({ msgIds = [] }: EntryQuery, limit: number): JournalEntry[] {
    return this.entries.filter(({ msgId }) => msgIds.includes(msgId)).slice(0, limit);
  }

  positionAt(timeMs: number): number {
    return this.entries.findLast((entry) => entry.timeMs <= timeMs)?.position ?? 0;
  }

  isInPlace(): boolean {
    return true;
  }

  prune({ olderThanMs = 0 }: { readonly olderThanMs?: number }): { readonly removed: number } {
    const before = this.entries.length;
    this.entries = this.entries.filter(({ timeMs }) => timeMs >= olderThanMs);
    return { removed: before - this.entries.length };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A journal of so many small messages, every third of another topic. */
export function filledJournal(count: number): TestJournal {
  const journal = new TestJournal();
  for (let n = 1; n <= count; n++) {
    const topic = n % 3 === 0 ? "org.test.b.three" : "org.test.a.other";
    journal.add(topic, `{"i":${n},"msg":{},"seq_id":${n},"topic":"${topic}"}`);
  }
  return journal;
}
