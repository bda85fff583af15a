/**
 * The keys of what was handled, in the order of handling: on disk one row for each commit, in memory all of them.
 *
 * ```
 * fedmsg_keys   through │ keys
 *               1000    │ 1000 keys, 8 bytes each: of the 1st to the 1000th message that was handled
 *               1213    │ 213 keys
 * ```
 *
 * An index of keys would spread the thousand keys of a commit over a thousand pages. A look-up is in memory, where a key takes
 * 16 bytes, and how many there are is bounded by whoever calls `forget`.
 */

import { KeySet } from "fedmsg/plugin";
import type { Database, Statement } from "../sqlite.ts";

const keyBytes = 8;
/** Rows that one transaction deletes, so that no commit takes long. */
const forgottenMax = 2000;

export class Keys {
  readonly #kept: number;
  readonly #insert: Statement;
  readonly #oldest: Statement;
  readonly #delete: Statement;
  readonly #set = new KeySet();
  #handled: number;

  /** @param kept so many are never forgotten */
  constructor(db: Database, kept: number, handled: number) {
    this.#kept = kept;
    this.#handled = handled;
    this.#insert = db.prepare("INSERT INTO fedmsg_keys VALUES (?, ?)");
    this.#oldest = db.prepare("SELECT through FROM fedmsg_keys WHERE through <= ? ORDER BY through LIMIT 1 OFFSET ?");
    this.#delete = db.prepare("DELETE FROM fedmsg_keys WHERE through <= ?");
    for (const { keys } of db.prepare("SELECT keys FROM fedmsg_keys ORDER BY through").iterate()) this.#load(keys);
  }

  /** How many were committed. */
  get handled(): number {
    return this.#handled;
  }

  /** Whether it was committed. */
  has(key: string): boolean {
    return this.#set.has(key);
  }

  /** Inserts what a transaction handled; part of it. */
  insert(keys: ReadonlySet<string>): void {
    const bytes = Buffer.allocUnsafe(keys.size * keyBytes);
    let at = 0;
    for (const key of keys) at += bytes.write(key, at, "latin1");
    this.#insert.run(this.#handled + keys.size, bytes);
  }

  /** Deletes some of the oldest; part of a transaction. @param handled those among the first so many may go */
  forget(handled: number): void {
    const most = Math.min(handled, this.#handled - this.#kept);
    const row = this.#oldest.get(most, forgottenMax - 1);
    if (most > 0) this.#delete.run(row ? row.through : most);
  }

  /** What a transaction inserted is there, and what might be forgotten by it is. */
  committed(inserted: ReadonlySet<string>, forgettable: number): void {
    this.#handled += inserted.size;
    for (const key of inserted) this.#set.add(key);
    const gone = this.#handled - this.#set.size;
    this.#set.dropOldest(Math.min(forgettable - gone, this.#set.size - this.#kept));
  }

  #load(keys: Uint8Array): void {
    const text = Buffer.from(keys).toString("latin1");
    for (let at = 0; at + keyBytes <= text.length; at += keyBytes) this.#set.add(text.slice(at, at + keyBytes));
  }
}
