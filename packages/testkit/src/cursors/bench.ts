/** What the cases for stores of cursors share: a store, its keys, and work that writes rows. */

import type { CursorStore, Transaction } from "fedmsg/plugin";

/** How a store is made for a test. */
export interface MakeCursorsOptions {
  readonly keysKept?: number;
  /** Not a new one, but what the last one left; only asked for where there is a database. */
  readonly again?: boolean;
}

/** Makes a store. */
export type MakeCursors = (options: MakeCursorsOptions) => CursorStore | Promise<CursorStore>;

/** A store, made anew for each test. */
export interface Bench {
  store: CursorStore;
  readonly make: MakeCursors;
}

/** A key of eight bytes, of all values. */
export function keyOf(n: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(n);
  bytes.writeUInt32BE(Math.imul(n, 2_654_435_761) >>> 0, 4);
  return bytes.toString("latin1");
}

/** Handles messages without work, in one turn of the event loop. */
export function fill(store: CursorStore, numbers: readonly number[]): Promise<unknown[]> {
  return Promise.all(numbers.map((n) => store.handle(keyOf(n))));
}

/** Those of the numbers whose keys are kept. */
export function kept(store: CursorStore, numbers: readonly number[]): number[] {
  return numbers.filter((n) => store.has(keyOf(n)));
}

/** Work that writes a row. */
export function writing(n: number): (transaction: Transaction) => number {
  return (transaction) => {
    transaction.run("INSERT INTO seen (n) VALUES (?)", n);
    return n;
  };
}

/** A message without a number of a test's own. */
let others = 1_000_000;

/** Does something in a message of its own. */
export function inWork<T>(store: CursorStore, work: (transaction: Transaction) => T): Promise<T | undefined> {
  return store.handle(keyOf(others++), work);
}

/** Creates the table of the rows. */
export async function createTable(store: CursorStore): Promise<void> {
  await inWork(store, (transaction) => transaction.run("CREATE TABLE seen (n INTEGER UNIQUE)").changes);
}

/** The rows that were written, in the order of writing. */
export async function seen(store: CursorStore): Promise<unknown[]> {
  const rows = await inWork(store, (transaction) => transaction.all("SELECT n FROM seen ORDER BY rowid"));
  return (rows ?? []).map(({ n }) => n);
}
