/**
 * The keys of what was handled, numbered 1, 2, … as they came.
 *
 * ```
 * number     1 ………… tableFrom ………… memoryFrom ………… handled
 *              gone  │ in the table  │ in memory, too │
 * ```
 *
 * Nearly every message is new, and must not cost a look-up: memory holds at least the newest `kept` keys, in two
 * generations (deleting one by one from the front of a large Set is slow), and the table is asked only while it holds
 * more than memory. It does so where `forget` was not called for long.
 */

import type { Database, Statement } from "../sqlite.ts";

/** Rows that one transaction deletes, so that no commit takes long. */
const forgottenMax = 2000;

export class Keys {
  readonly #kept: number;
  readonly #insert: Statement;
  readonly #find: Statement;
  readonly #delete: Statement;
  #young = new Set<string>();
  #old = new Set<string>();
  #handled: number;
  #memoryFrom: number;
  #tableFrom: number;

  /** @param kept so many are in memory in any case, and never forgotten */
  constructor(db: Database, kept: number, handled: number) {
    this.#kept = kept;
    this.#handled = handled;
    this.#insert = db.prepare("INSERT INTO fedmsg_keys VALUES (?, ?)");
    this.#find = db.prepare("SELECT 1 FROM fedmsg_keys WHERE key = ? AND number <= ?");
    this.#delete = db.prepare("DELETE FROM fedmsg_keys WHERE number BETWEEN ? AND ?");
    this.#tableFrom = db.prepare("SELECT min(number) AS n FROM fedmsg_keys").get().n ?? handled + 1;
    this.#memoryFrom = Math.max(this.#tableFrom, handled - kept + 1);
    const newest = db.prepare("SELECT key FROM fedmsg_keys WHERE number >= ? ORDER BY number");
    for (const { key } of newest.all(this.#memoryFrom)) this.#young.add(Buffer.from(key).toString("latin1"));
  }

  /** How many were committed. */
  get handled(): number {
    return this.#handled;
  }

  /** Whether it was committed. */
  has(key: string): boolean {
    if (this.#young.has(key) || this.#old.has(key)) return true;
    if (this.#tableFrom >= this.#memoryFrom) return false;
    return this.#find.get(Buffer.from(key, "latin1"), this.#handled) !== undefined;
  }

  /** Inserts a key; part of a transaction. */
  insert(number: number, key: string): void {
    this.#insert.run(number, Buffer.from(key, "latin1"));
  }

  /**
   * Deletes some of the oldest; part of a transaction.
   *
   * @param through the last that may go
   * @param handled with what the transaction inserted
   * @returns the oldest that is left, for {@link committed}
   */
  forget(through: number, handled: number): number {
    const from = this.#tableFrom;
    const last = Math.min(through, handled - this.#kept, from + forgottenMax - 1);
    if (last < from) return from;
    this.#delete.run(from, last);
    return last + 1;
  }

  /** What a transaction inserted and deleted is there, and gone, now. */
  committed(inserted: Iterable<string>, tableFrom: number): void {
    this.#tableFrom = tableFrom;
    for (const key of inserted) {
      this.#handled++;
      this.#young.add(key);
      if (this.#young.size >= this.#kept) this.#turn();
    }
  }

  #turn(): void {
    this.#old = this.#young;
    this.#young = new Set();
    this.#memoryFrom = this.#handled - this.#old.size + 1;
  }
}
