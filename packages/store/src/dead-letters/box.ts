/**
 * The dead letters of one consumer, opened by a connection of their own.
 *
 * ```
 * hub       cursors' connection ── addDeadLetter() within a message's commit ──┐
 *           box's connection ───── takeAsked() · settle() · failAgain() ───────┤
 * command   box's connection ───── list() · get() · askRetry() · drop() ───────┴──▶ one file in WAL mode
 * ```
 *
 * Readers see the last commit and wait for nobody. Writers take turns: each transaction begins and ends within one call, and
 * has at most 1000 rows, so whoever waits gets its turn long before it gives up.
 */

import { FedmsgError } from "fedmsg";
import type { SqlValue, Transaction } from "fedmsg/plugin";
import { cursorError } from "../cursors/errors.ts";
import { Savepoints } from "../cursors/transaction.ts";
import { transact } from "../database.ts";
import type { Database, Statement } from "../sqlite.ts";
import {
  addDeadLetter,
  clipError,
  createTable,
  type DeadLetter,
  isThere,
  type NewDeadLetter,
  toLetter,
} from "./letter.ts";

/** Rows that one transaction changes. */
const batch = 1000;
/** What the bodies of one answer have together, beyond the first one. */
const answerBytesMax = 16 * 1024 * 1024;

/** Which letters. Unknown ids are passed over. */
export type Which = readonly number[] | "all";

/** The dead letters of one consumer. Any number of processes may have them open, beside the consumer itself. */
export interface DeadLetterBox {
  /**
   * Keeps one, for a consumer that has no cursors.
   *
   * @throws FedmsgError FEDMSG_DEAD_LETTERS_FULL, as `addDeadLetter`; FEDMSG_JOURNAL
   */
  add(letter: NewDeadLetter): void;
  /**
   * Keeps many in one transaction.
   *
   * @returns for each of them why it is not kept, as `add` throws it; `undefined` where it is
   * @throws FedmsgError FEDMSG_JOURNAL: none of them is kept
   */
  addAll(letters: readonly NewDeadLetter[]): readonly unknown[];
  /**
   * By id, from the lowest. Fewer than `limit` where their bodies have 16 MiB together; none only where there are no more.
   *
   * @param options `after`: only higher ids
   */
  list(options: { readonly after?: number; readonly limit: number }): readonly DeadLetter[];
  get(id: number): DeadLetter | undefined;
  count(): number;
  /** Asks whoever runs the consumer to try letters again. @returns how many were asked for */
  askRetry(which: Which): number;
  /** Deletes letters for good. @returns how many there were */
  drop(which: Which): number;
  /**
   * Those that were asked for, the earliest first, then by id. Each is given once as long as this box is open, until it failed again
   * ({@link DeadLetterBox.failAgain}) or was asked for again. Fewer than `limit` where their bodies have 16 MiB together.
   */
  takeAsked(limit: number): readonly DeadLetter[];
  /**
   * Deletes a letter that was handled after all, and in the same transaction does what `work` writes: both or neither. `work`
   * must not wait for anything, and runs no statement about transactions.
   *
   * @returns what `work` returned; `undefined`, without running it, where the letter is there no more
   * @throws what `work` throws, FedmsgError FEDMSG_JOURNAL: the letter stays
   */
  settle<T>(id: number, work?: (transaction: Transaction) => T): T | undefined;
  /** It was tried again, and failed: nobody asks for it any more. */
  failAgain(id: number, error: string, attempts: number): void;
  /** Idempotent. */
  close(): void;
}

/** See {@link DeadLetterBox}. */
export class SqliteDeadLetters implements DeadLetterBox {
  readonly #path: string;
  readonly #db: Database;
  readonly #statements = new Map<string, Statement>();
  /** When the letters that were given were asked for, by id. */
  readonly #given = new Map<number, number>();
  #savepoints: Savepoints | undefined;
  #isThere = false;

  constructor(path: string, db: Database) {
    this.#path = path;
    this.#db = db;
  }

  add(letter: NewDeadLetter): void {
    this.#write("a dead letter cannot be kept", () => this.#work((transaction) => addDeadLetter(transaction, letter)));
  }

  addAll(letters: readonly NewDeadLetter[]): readonly unknown[] {
    const keep = (letter: NewDeadLetter) => {
      try {
        this.#work((transaction) => addDeadLetter(transaction, letter));
        return undefined;
      } catch (error) {
        if (error instanceof WorkFailure) return error.cause;
        throw error;
      }
    };
    return this.#write("dead letters cannot be kept", () => letters.map(keep));
  }

  /** Creates the table where it is missing. */
  create(): void {
    if (!this.#found()) this.#write("cannot be created", () => this.#work(createTable));
  }

  list({ after = 0, limit }: { readonly after?: number; readonly limit: number }): readonly DeadLetter[] {
    return this.#read([], () => {
      const sizes = "SELECT id, length(body) AS bytes FROM fedmsg_dead_letters WHERE id > ? ORDER BY id LIMIT ?";
      return this.#fetch(this.#all(sizes, after, limit));
    });
  }

  get(id: number): DeadLetter | undefined {
    return this.#read(undefined, () => this.#fetch([{ id, bytes: 0 }])[0]);
  }

  count(): number {
    return this.#read(0, () => {
      return Number(this.#all("SELECT count(*) AS letters FROM fedmsg_dead_letters")[0]?.letters);
    });
  }

  askRetry(which: Which): number {
    // Later than the last time in any case, or who was given it then would not be given it now.
    const ask = "UPDATE fedmsg_dead_letters SET asked = max(?, asked + 1)";
    return this.#change(which, ask, [Date.now()]);
  }

  drop(which: Which): number {
    return this.#change(which, "DELETE FROM fedmsg_dead_letters", []);
  }

  takeAsked(limit: number): readonly DeadLetter[] {
    return this.#read([], () => {
      // Among so many there are enough that were not given.
      const most = limit + this.#given.size;
      const rows = this.#all(
        "SELECT id, asked, length(body) AS bytes FROM fedmsg_dead_letters WHERE asked > 0 ORDER BY asked, id LIMIT ?",
        most,
      );
      const asked = new Map(rows.map((row) => [Number(row.id), Number(row.asked)]));
      if (rows.length < most) this.#forgetGiven(asked);
      const due = rows.filter((row) => this.#given.get(Number(row.id)) !== Number(row.asked));
      const letters = this.#fetch(due.slice(0, limit));
      for (const { id } of letters) this.#given.set(id, asked.get(id) as number);
      return letters;
    });
  }

  settle<T>(id: number, work?: (transaction: Transaction) => T): T | undefined {
    return this.#write("a dead letter cannot be settled", () => {
      if (!this.#found()) return undefined;
      const { changes } = this.#prepare("DELETE FROM fedmsg_dead_letters WHERE id = ?").run(id);
      return Number(changes) > 0 && work ? this.#work(work) : undefined;
    });
  }

  failAgain(id: number, error: string, attempts: number): void {
    this.#write("what became of a dead letter cannot be kept", () => {
      if (!this.#found()) return;
      // Who asked again since it was given wants another try.
      const still = "asked = CASE WHEN asked > ? THEN asked ELSE 0 END";
      const sql = `UPDATE fedmsg_dead_letters SET error = ?, attempts = ?, failed_at = ?, ${still} WHERE id = ?`;
      const givenFor = this.#given.get(id) ?? Number.MAX_SAFE_INTEGER;
      this.#prepare(sql).run(clipError(error), attempts, Date.now(), givenFor, id);
    });
    this.#given.delete(id);
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  /** Those that were settled, or dropped by another. */
  #forgetGiven(asked: ReadonlyMap<number, number>): void {
    for (const id of this.#given.keys()) if (!asked.has(id)) this.#given.delete(id);
  }

  /** Letters with these ids, those that are still there, until their bodies have enough bytes. */
  #fetch(sizes: readonly Readonly<Record<string, SqlValue>>[]): DeadLetter[] {
    const letters: DeadLetter[] = [];
    let bytes = 0;
    for (const { id, bytes: more } of sizes) {
      bytes += Number(more);
      if (letters.length > 0 && bytes > answerBytesMax) break;
      const [row] = this.#all("SELECT * FROM fedmsg_dead_letters WHERE id = ?", Number(id));
      if (row) letters.push(toLetter(row));
    }
    return letters;
  }

  #change(which: Which, statement: string, values: readonly SqlValue[]): number {
    let changed = 0;
    const run = (condition: string, ...bounds: readonly SqlValue[]) => {
      changed += Number(this.#prepare(`${statement} WHERE ${condition}`).run(...values, ...bounds).changes);
    };
    if (which === "all") {
      this.#eachRange((first, last) => run("id BETWEEN ? AND ?", first, last));
      return changed;
    }
    const ids = [...new Set(which)];
    for (let at = 0; at < ids.length; at += batch) {
      this.#write("dead letters cannot be changed", () => {
        if (!this.#found()) return;
        for (const id of ids.slice(at, at + batch)) run("id = ?", id);
      });
    }
    return changed;
  }

  /** A transaction for each thousand of the letters that are there now. */
  #eachRange(work: (first: number, last: number) => void): void {
    const [newest] = this.#read([], () => this.#all("SELECT max(id) AS id FROM fedmsg_dead_letters"));
    const page = `SELECT min(id) AS first, max(id) AS last FROM
      (SELECT id FROM fedmsg_dead_letters WHERE id > ? AND id <= ? ORDER BY id LIMIT ${batch})`;
    for (let after = 0, isThrough = !newest?.id; !isThrough; ) {
      this.#write("dead letters cannot be changed", () => {
        const [range] = this.#all(page, after, Number(newest?.id));
        isThrough = !range?.last;
        if (isThrough) return;
        after = Number(range?.last);
        work(Number(range?.first), after);
      });
    }
  }

  /** Whether the table is there; the consumer may create it any time. */
  #found(): boolean {
    this.#isThere ||= this.#db.prepare(isThere).get() !== undefined;
    return this.#isThere;
  }

  #read<T>(nothing: T, work: () => T): T {
    this.#assertOpen();
    try {
      return this.#found() ? work() : nothing;
    } catch (error) {
      throw cursorError(this.#path, "dead letters cannot be read", error);
    }
  }

  #write<T>(failing: string, work: () => T): T {
    this.#assertOpen();
    try {
      return transact(this.#db, work);
    } catch (error) {
      if (error instanceof WorkFailure) throw error.cause;
      throw cursorError(this.#path, failing, error);
    }
  }

  /** Runs some work within the present transaction, by the rules of a message's work. */
  #work<T>(work: (transaction: Transaction) => T): T {
    this.#savepoints ??= new Savepoints(this.#db);
    const outcome = this.#savepoints.run(work);
    if ("error" in outcome) throw new WorkFailure(outcome.error);
    return outcome.result as T;
  }

  #all(sql: string, ...values: readonly SqlValue[]): Record<string, SqlValue>[] {
    return this.#prepare(sql).all(...values) as Record<string, SqlValue>[];
  }

  #prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #assertOpen(): void {
    if (!this.#db.isOpen) throw new FedmsgError("FEDMSG_CLOSED", `${this.#path}: the dead letters are closed`);
  }
}

/** Carries what some work threw, as it is, past the errors of the disk. */
class WorkFailure extends Error {
  constructor(cause: unknown) {
    super("work failed", { cause });
  }
}
