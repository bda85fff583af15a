/**
 * What a publisher keeps of what it sent, so that others can ask for it again. This is the interface; `@fedmsg/store` keeps
 * a journal in SQLite, `createMemoryJournal` one in memory. One compliance suite (`@fedmsg/testkit`) holds both to the words
 * below.
 *
 * A journal has one writer, a UUID, and positions 1, 2, 3, … without holes. What was appended is never changed; the oldest
 * entries may be pruned. A new UUID begins where positions could come to mean something else: when the journal is created,
 * when its end was cut because it was damaged, and after an unclean end at `journal_sync: normal`, where the last commits may
 * be gone. It lists the UUIDs before, with the last position that each vouches for.
 */

/** An entry, as it was sent. */
export interface JournalEntry {
  readonly position: number;
  /** When it was appended, in ms since the epoch, of the writer's clock. */
  readonly timeMs: number;
  readonly topic: string;
  /** The message's `msg_id`; empty where it has none. */
  readonly msgId: string;
  /** The exact bytes of the body. */
  readonly body: Uint8Array;
}

/** An entry that is to be appended. */
export type NewEntry = Omit<JournalEntry, "position" | "timeMs">;

/** An earlier life of a journal. */
export interface EarlierJournal {
  readonly uuid: string;
  /** Positions up to this one mean the same as they do now. */
  readonly through: number;
}

/** What a journal says of itself. */
export interface JournalInfo {
  readonly uuid: string;
  /** The oldest position that is still there; `head + 1` where nothing is. */
  readonly first: number;
  /** The newest position; 0 where nothing was ever appended. */
  readonly head: number;
  /** Newest first. */
  readonly earlier: readonly EarlierJournal[];
  /** Bytes of all topics and bodies that are there. */
  readonly bytes: number;
}

/** Entries behind a position, in order. */
export interface PageQuery {
  /** The position before the first one that is wanted. */
  readonly after: number;
  /** Beginnings of topics that are wanted. Default: all. */
  readonly topics?: readonly string[];
  /** At most so many entries. */
  readonly limit: number;
  /** At most so many bytes of topics and bodies; one entry always fits. */
  readonly bytesMax: number;
}

/** A page of entries. */
export interface Page {
  readonly entries: readonly JournalEntry[];
  /** Everything up to this position was looked at: where the next page begins. `head` at the end. */
  readonly through: number;
  /** Positions that are left out because what is there is not what was written; only where there are any. */
  readonly damaged?: readonly number[];
}

/** Entries of which one of these is true, as the Python system's replay asks for them. */
export interface EntryQuery {
  readonly positions?: readonly number[];
  /** From the first to the second, both included. */
  readonly positionRange?: readonly [number, number];
  readonly msgIds?: readonly string[];
  /** From the first to the second, in ms since the epoch, both included. */
  readonly timeRangeMs?: readonly [number, number];
  /** Everything. */
  readonly all?: boolean;
}

/** A journal, open for its one writer. */
export interface Journal {
  readonly info: JournalInfo;
  /**
   * Appends one entry, together with those that are appended in the same turn of the event loop or meanwhile: they are
   * committed as a group, in the order of the calls. `build` gets the entry's position and makes it then; where it throws,
   * this one entry is left out, its position goes to the next, and the promise rejects with what it threw. What it made is not to
   * be changed before the promise settles.
   *
   * @returns the position, once it is committed
   * @throws FedmsgError FEDMSG_JOURNAL where the group could not be committed: nothing of it is in the journal, and `head` is
   *   what it was. FEDMSG_CLOSED.
   */
  append(build: (position: number) => NewEntry): Promise<number>;
  /** Entries behind a position. */
  page(query: PageQuery): Page;
  /** How many entries a query is for, counted up to `atMost + 1`. */
  count(query: EntryQuery, atMost: number): number;
  /** The entries of a query, by position; at most `limit`. */
  find(query: EntryQuery, limit: number): JournalEntry[];
  /** The last position that was appended at or before a time (ms since the epoch); 0 where there is none. */
  positionAt(timeMs: number): number;
  /**
   * Whether the file is still the one that was opened, and of use: false when somebody deleted or replaced it, and when the disk
   * failed so that nothing can be kept in it before it is opened anew. Asked before each heartbeat.
   */
  isInPlace(): boolean;
  /**
   * Takes the oldest entries away: those up to the position `through`, those older than `olderThanMs` (since the epoch), and as
   * many as `bytesMax` demands.
   */
  prune(options: { readonly through?: number; readonly olderThanMs?: number; readonly bytesMax?: number }): {
    readonly removed: number;
  };
  /** Commits what was appended, marks the end as a clean one, and lets go of the lock. Idempotent. */
  close(): Promise<void>;
}
