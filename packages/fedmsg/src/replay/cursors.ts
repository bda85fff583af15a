/**
 * What a subscriber with a name remembers: how far it is in each journal, and which messages it handled. This is the
 * interface; `@fedmsg/store` keeps it in SQLite, one file for each name, and a subscription without a name has
 * {@link createMemoryCursors}. One compliance suite (`@fedmsg/testkit`) holds both to the words below.
 *
 * ```
 * position ──▶   1 ………… cursor │ handled │ not seen │ handled │ … head
 *                all handled    │   key   │    ?     │   key   │
 * ```
 *
 * A message is handled when its key is kept; where handling is a transaction, in that same transaction. A position says that
 * everything up to it was handled, or is not for this subscriber; it may lag behind what is known, as keys make up for it.
 */

import { FedmsgError } from "../errors.ts";
import { KeySet } from "./key-set.ts";

/** Where a subscriber is in one journal. */
export interface Cursor {
  /** The key of `replay_endpoints` whose journal it is. */
  readonly name: string;
  /** The journal's UUID. */
  readonly journal: string;
  /** Everything up to here is handled, or is not for this subscriber. */
  readonly position: number;
}

/** A value that SQLite takes. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** The transaction that a message is handled in. Of use only until the function that got it returns. */
export interface Transaction {
  /** Runs one statement. */
  run(sql: string, ...values: readonly SqlValue[]): { readonly changes: number | bigint };
  /** The first row, if there is one. */
  get(sql: string, ...values: readonly SqlValue[]): Record<string, SqlValue> | undefined;
  /** All rows. */
  all(sql: string, ...values: readonly SqlValue[]): Record<string, SqlValue>[];
}

/** Keeps what a subscriber remembers; of one subscriber, and open for it alone. */
export interface CursorStore {
  /** By the key of `replay_endpoints`: where it is. */
  readonly cursors: ReadonlyMap<string, Cursor>;
  /** What {@link describeFilter} said last; `undefined` in a new store. */
  readonly filter: string | undefined;
  /** Keeps what the subscriber's filter is, from now on. */
  describeFilter(filter: string): void;
  /** How many messages were handled, in all its life. */
  readonly handled: number;
  /** Whether a message was handled, as far back as keys are kept. @param key 8 bytes, as a latin1 text */
  has(key: string): boolean;
  /**
   * Keeps that a message was handled, together with what `work` writes: both or neither. What is handled in the same turn
   * of the event loop, or while a commit is under way, is committed as a group, in the order of the calls; where one `work`
   * throws, that message alone is not handled, and the promise rejects with what it threw, or with what the database says of
   * a deferred constraint that it broke. `work` must not wait for
   * anything.
   *
   * @param key 8 bytes, as a latin1 text; where it was handled before, `work` does not run, and the promise resolves to
   *   `undefined`
   * @returns what `work` returned, once it is committed
   * @throws FedmsgError FEDMSG_JOURNAL where the group could not be committed: then nothing of it was handled.
   *   FEDMSG_UNSUPPORTED where there is no database for `work`. FEDMSG_CLOSED
   */
  handle<T>(key: string, work?: (transaction: Transaction) => T): Promise<T | undefined>;
  /** Moves a cursor, or begins one; kept with the next group, after a second at the latest. */
  move(cursor: Cursor): void;
  /**
   * Keeps what was moved and described before, now.
   *
   * @throws FedmsgError FEDMSG_JOURNAL, FEDMSG_CLOSED
   */
  save(): Promise<void>;
  /**
   * Keys of messages may be forgotten, except of the newest `keysKept` (default 100,000).
   *
   * @param handled those among the first so many
   */
  forget(handled: number): void;
  /** Commits what waits, and lets go. Idempotent. */
  close(): Promise<void>;
}

/** Keys that are kept in any case. */
export const keysKept = 100_000;

/** Remembers as long as the process lives. */
export function createMemoryCursors(options: { readonly keysKept?: number | undefined } = {}): CursorStore {
  return new MemoryCursors(options.keysKept ?? keysKept);
}

class MemoryCursors implements CursorStore {
  readonly cursors = new Map<string, Cursor>();
  readonly #keysKept: number;
  readonly #keys = new KeySet();
  #filter: string | undefined;
  #handled = 0;
  #forgettable = 0;
  #isClosed = false;

  constructor(kept: number) {
    this.#keysKept = kept;
  }

  get filter(): string | undefined {
    return this.#filter;
  }

  describeFilter(filter: string): void {
    this.#filter = filter;
  }

  get handled(): number {
    return this.#handled;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  async handle<T>(key: string, work?: (transaction: Transaction) => T): Promise<T | undefined> {
    if (this.#isClosed) throw new FedmsgError("FEDMSG_CLOSED", "the cursors are closed");
    if (work) {
      const detail = "there is no database to commit to; give the subscription a name";
      throw new FedmsgError("FEDMSG_UNSUPPORTED", detail);
    }
    if (this.#keys.has(key)) return undefined;
    this.#keys.add(key);
    this.#handled++;
    return undefined;
  }

  move(cursor: Cursor): void {
    this.cursors.set(cursor.name, cursor);
  }

  async save(): Promise<void> {}

  forget(handled: number): void {
    this.#forgettable = Math.max(this.#forgettable, handled);
    const forgotten = this.#handled - this.#keys.size;
    this.#keys.dropOldest(Math.min(this.#forgettable - forgotten, this.#keys.size - this.#keysKept));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}
