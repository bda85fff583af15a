/**
 * The dead letters of one consumer, opened by a connection of their own.
 *
 * ```
 * hub       cursors' connection ── addDeadLetter() within a message's commit ──┐
 *           box's connection ───── takeAsked() · settle() · failAgain() ───────┤
 * command   box's connection ───── list() · get() · askRetry() · drop() ───────┴──▶ one file in WAL mode
 * ```
 *
 * Readers see the last commit and wait for nobody. Writers take turns, each in the order of its calls (`transactions.ts`), and what
 * is written keeps the lock for moments (`batches.ts`): whoever waits gets its turn long before it gives up.
 */

import { FedmsgError } from "fedmsg";
import type { SqlValue, Transaction } from "fedmsg/plugin";
import { cursorError } from "../cursors/errors.ts";
import { Savepoints } from "../cursors/transaction.ts";
import type { Database, Statement } from "../sqlite.ts";
import { changeInBatches, type Page } from "./batches.ts";
import { addDeadLetter, clipError, type DeadLetter, type NewDeadLetter, toLetter } from "./letter.ts";
import { createTables, isThere } from "./table.ts";
import { Transactions } from "./transactions.ts";

/** What the bodies of one answer have together, beyond the first one. */
const answerBytesMax = 16 * 1024 * 1024;

/** How a letter failed once more, as {@link NewDeadLetter} has it. */
export type Failure = Pick<NewDeadLetter, "error" | "attempts" | "failedAtMs">;

/** Which letters. Unknown ids are passed over. */
export type Which = readonly number[] | "all";

/**
 * The dead letters of one consumer. Any number of processes may have them open, beside the consumer itself.
 *
 * What writes is done in the order of the calls. Where another program holds the lock of the file, it is tried again for up to 5 s
 * behind the call and then rejects with FEDMSG_JOURNAL; nothing else is held up meanwhile.
 */
export interface DeadLetterBox {
  /**
   * Keeps one, for a consumer that has no cursors.
   *
   * @throws FedmsgError FEDMSG_DEAD_LETTERS_FULL, as `addDeadLetter`; FEDMSG_JOURNAL
   */
  add(letter: NewDeadLetter): Promise<void>;
  /**
   * Keeps many in one transaction.
   *
   * @returns for each of them why it is not kept, as `add` throws it; `undefined` where it is
   * @throws FedmsgError FEDMSG_JOURNAL: none of them is kept
   */
  addAll(letters: readonly NewDeadLetter[]): Promise<readonly unknown[]>;
  /**
   * By id, from the lowest. Fewer than `limit` where their bodies have 16 MiB together; none only where there are no more.
   *
   * @param options `after`: only higher ids
   */
  list(options: { readonly after?: number; readonly limit: number }): readonly DeadLetter[];
  get(id: number): DeadLetter | undefined;
  count(): number;
  /**
   * Asks whoever runs the consumer to try letters again: of those that are there now, some at a time.
   *
   * @returns how many were asked for
   * @throws FedmsgError FEDMSG_JOURNAL: some may have been asked for
   */
  askRetry(which: Which): Promise<number>;
  /** Deletes letters for good, as `askRetry` asks for them. @returns how many there were */
  drop(which: Which): Promise<number>;
  /**
   * Those that were asked for, the earliest first, then by id. Each is given once as long as this box is open, until it failed again
   * ({@link DeadLetterBox.failAgain}) or was asked for again; another box gives it, too: whoever has it open must be the only one who
   * takes, by the lock of the cursors for instance. Fewer than `limit` where their bodies have 16 MiB together.
   */
  takeAsked(limit: number): readonly DeadLetter[];
  /**
   * Deletes a letter that was handled after all, and in the same transaction does what `work` writes: both or neither. `work`
   * must not wait for anything, and runs no statement about transactions.
   *
   * @returns what `work` returned; `undefined`, without running it, where the letter is there no more
   * @throws what `work` throws, FedmsgError FEDMSG_JOURNAL: the letter stays
   */
  settle<T>(id: number, work?: (transaction: Transaction) => T): Promise<T | undefined>;
  /** It was tried again, and failed: nobody asks for it any more. */
  failAgain(id: number, failure: Failure): Promise<void>;
  /** Finishes what was asked for, and lets go of the file. Idempotent. */
  close(): Promise<void>;
}

/** Parts of an open box. */
export interface BoxOptions {
  readonly path: string;
  readonly db: Database;
  readonly bytesMax: number;
}

/** See {@link DeadLetterBox}. */
export class SqliteDeadLetters implements DeadLetterBox {
  readonly #options: BoxOptions;
  readonly #db: Database;
  readonly #transactions: Transactions;
  readonly #statements = new Map<string, Statement>();
  /** When the letters that were given were asked for, by id. */
  readonly #given = new Map<number, number>();
  /** `askRetry` and `drop` that are under way. */
  readonly #changing = new Set<Promise<unknown>>();
  #savepoints: Savepoints | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: BoxOptions) {
    this.#options = options;
    this.#db = options.db;
    this.#transactions = new Transactions(options.db);
  }

  async add(letter: NewDeadLetter): Promise<void> {
    await this.#write("a dead letter cannot be kept", () =>
      this.#work((transaction) => this.#add(transaction, letter)),
    );
  }

  addAll(letters: readonly NewDeadLetter[]): Promise<readonly unknown[]> {
    const keep = (letter: NewDeadLetter) => {
      try {
        this.#work((transaction) => this.#add(transaction, letter));
        return undefined;
      } catch (error) {
        if (error instanceof WorkFailure) return error.cause;
        throw error;
      }
    };
    return this.#write("dead letters cannot be kept", () => letters.map(keep));
  }

  /** Creates what is missing of the tables. */
  async create(): Promise<void> {
    if (!this.#found()) await this.#write("cannot be created", () => this.#work(createTables));
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

  askRetry(which: Which): Promise<number> {
    // Later than the last time in any case, or who was given it then would not be given it now.
    const ask = "UPDATE fedmsg_dead_letters SET asked = max(?, asked + 1) WHERE id = ?";
    const now = Date.now();
    return this.#change(which, (id) => this.#prepare(ask).run(now, id).changes);
  }

  drop(which: Which): Promise<number> {
    return this.#change(which, (id) => this.#prepare("DELETE FROM fedmsg_dead_letters WHERE id = ?").run(id).changes);
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

  settle<T>(id: number, work?: (transaction: Transaction) => T): Promise<T | undefined> {
    return this.#write("a dead letter cannot be settled", () => {
      if (!this.#found()) return undefined;
      const { changes } = this.#prepare("DELETE FROM fedmsg_dead_letters WHERE id = ?").run(id);
      return Number(changes) > 0 && work ? this.#work(work) : undefined;
    });
  }

  async failAgain(id: number, { error, attempts, failedAtMs }: Failure): Promise<void> {
    await this.#write("what became of a dead letter cannot be kept", () => {
      if (!this.#found()) return;
      // Who asked again since it was given wants another try.
      const still = "asked = CASE WHEN asked > ? THEN asked ELSE 0 END";
      const sql = `UPDATE fedmsg_dead_letters SET error = ?, attempts = ?, failed_at = ?, ${still} WHERE id = ?`;
      const givenFor = this.#given.get(id) ?? Number.MAX_SAFE_INTEGER;
      this.#prepare(sql).run(clipError(error), attempts, Math.trunc(failedAtMs), givenFor, id);
    });
    this.#given.delete(id);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#changing);
    const idle = this.#transactions.idle();
    if (idle) await idle;
    this.#statements.clear();
    this.#db.close();
  }

  #add(transaction: Transaction, letter: NewDeadLetter): void {
    addDeadLetter(transaction, letter, { bytesMax: this.#options.bytesMax });
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

  async #change(which: Which, change: (id: number) => number | bigint): Promise<number> {
    this.#assertOpen();
    if (which.length === 0) return 0; // Needs no lock, and no permission to write.
    const page = which === "all" ? this.#pagesOfAll() : this.#pagesOf(which);
    const write = (work: () => void) => this.#transact("dead letters cannot be changed", work);
    const changing = changeInBatches(page, (id) => Number(change(id)), write);
    this.#changing.add(changing);
    try {
      return await changing;
    } finally {
      this.#changing.delete(changing);
    }
  }

  /** Those that are there now. */
  #pagesOfAll(): Page {
    const [newest] = this.#read([], () => this.#all("SELECT max(id) AS id FROM fedmsg_dead_letters"));
    const sizes =
      "SELECT id, length(body) AS bytes FROM fedmsg_dead_letters WHERE id BETWEEN ? + 1 AND ? ORDER BY id LIMIT ?";
    return (after, limit) => (newest?.id ? this.#all(sizes, after, newest.id, limit) : []);
  }

  #pagesOf(ids: readonly number[]): Page {
    const sorted = [...new Set(ids)].sort((one, other) => one - other);
    const size = "SELECT coalesce(max(length(body)), 0) AS bytes FROM fedmsg_dead_letters WHERE id = ?";
    return (after, limit) => {
      if (!this.#found()) return [];
      const some = sorted.filter((id) => id > after).slice(0, limit);
      return some.map((id) => ({ id, bytes: this.#all(size, id)[0]?.bytes ?? 0 }));
    };
  }

  /** Whether the table is there; the consumer may create it any time, and somebody may drop it. */
  #found(): boolean {
    return this.#prepare(isThere).get() !== undefined;
  }

  #read<T>(nothing: T, work: () => T): T {
    this.#assertOpen();
    try {
      return this.#found() ? work() : nothing;
    } catch (error) {
      throw cursorError(this.#options.path, "dead letters cannot be read", error);
    }
  }

  async #write<T>(failing: string, work: () => T): Promise<T> {
    this.#assertOpen();
    return this.#transact(failing, work);
  }

  async #transact<T>(failing: string, work: () => T): Promise<T> {
    try {
      return await this.#transactions.run(work);
    } catch (error) {
      if (error instanceof WorkFailure) throw error.cause;
      throw cursorError(this.#options.path, failing, error);
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
    if (this.#closing) throw new FedmsgError("FEDMSG_CLOSED", `${this.#options.path}: the dead letters are closed`);
  }
}

/** Carries what some work threw, as it is, past the errors of the disk. */
class WorkFailure extends Error {
  constructor(cause: unknown) {
    super("work failed", { cause });
  }
}
