/**
 * What `work` runs in: a savepoint within the transaction of its group.
 *
 * ```
 * BEGIN · SAVEPOINT · work · RELEASE · key · SAVEPOINT · work throws · ROLLBACK TO · SAVEPOINT · … · COMMIT
 * ```
 *
 * A `work` that ended the transaction itself would commit or undo its neighbours', so statements about transactions are
 * refused before they run. What cannot be seen in a statement (`INSERT OR ROLLBACK`, a trigger that does so) is seen
 * afterwards: SQLite says whether it is still in a transaction.
 */

import { FedmsgError } from "fedmsg";
import type { SqlValue, Transaction } from "fedmsg/plugin";
import { type Database, resultCode, type Statement, sqliteCodes } from "../sqlite.ts";

/** Prepared statements that are kept for the next message. */
const statementsMax = 100;

/** What may hold any character: texts, quoted names, comments. */
const opaque = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?/g;
/** Statements about transactions, and about further files: several cannot be committed as one in WAL mode. */
const refused = /^(?:begin|commit|end|rollback|savepoint|release|attach|detach)\b/i;
const trigger = /^create\s+(?:temp(?:orary)?\s+)?trigger\b/i;

/** The transaction is over, and everything in it undone, those before in the group included. */
export const transactionEnded: unique symbol = Symbol("transactionEnded");

/** Runs the `work` of messages, one after the other. */
export class Savepoints {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement>();
  readonly #begin: Statement;
  readonly #release: Statement;

  constructor(db: Database) {
    this.#db = db;
    this.#begin = db.prepare("SAVEPOINT fedmsg_work");
    this.#release = db.prepare("RELEASE fedmsg_work");
  }

  /**
   * Runs some work, all of it or nothing.
   *
   * @returns what it returned, or that it failed alone
   * @throws what the disk refused, and with it the whole group
   */
  run(work: (transaction: Transaction) => unknown): Outcome {
    const transaction = new WorkTransaction(this.#db, (sql) => this.#prepare(sql));
    this.#begin.run();
    let outcome: Outcome;
    try {
      outcome = { result: assertNoPromise(work(transaction)) };
    } catch (error) {
      outcome = { error };
    }
    transaction.end();
    if (transaction.failure) throw transaction.failure;
    if (!this.#db.isTransaction) return { error: "error" in outcome ? outcome.error : endedError(), transactionEnded };
    if ("error" in outcome) this.#db.exec("ROLLBACK TO fedmsg_work");
    this.#release.run();
    return outcome;
  }

  #prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement) {
      this.#statements.delete(sql); // To the end: the first is the one that was not used for longest.
    } else {
      assertPermitted(sql);
      statement = this.#db.prepare(sql);
    }
    this.#statements.set(sql, statement);
    if (this.#statements.size > statementsMax) this.#statements.delete(this.#statements.keys().next().value as string);
    return statement;
  }
}

/** How some work ended. */
export type Outcome =
  | { readonly result: unknown }
  /** `transactionEnded` where it took the whole transaction with it. */
  | { readonly error: unknown; readonly transactionEnded?: typeof transactionEnded };

/** SQLite would run the first of several statements, and say nothing about the others. */
function assertPermitted(sql: string): void {
  const outline = sql.replace(opaque, (part) => (/^(?:--|\/\*)/.test(part) ? " " : "?")).replace(/^[\s;]+/, "");
  const [word] = refused.exec(outline) ?? [];
  if (word) {
    throw new FedmsgError(
      "FEDMSG_UNSUPPORTED",
      `${word.toUpperCase()}: a message's work runs in a transaction that is not its own; throw, and what it wrote is undone`,
    );
  }
  if (/;[\s;]*[^\s;]/.test(outline) && !trigger.test(outline)) {
    throw new FedmsgError(
      "FEDMSG_UNSUPPORTED",
      `several statements at once; run them one by one: ${sql.slice(0, 120)}`,
    );
  }
}

class WorkTransaction implements Transaction {
  readonly #db: Database;
  readonly #prepare: (sql: string) => Statement;
  #isOver = false;
  /** What the disk refused, also where the work went on. */
  failure: unknown;

  constructor(db: Database, prepare: (sql: string) => Statement) {
    this.#db = db;
    this.#prepare = prepare;
  }

  run(sql: string, ...values: readonly SqlValue[]): { readonly changes: number | bigint } {
    return { changes: this.#ask(sql, (statement) => statement.run(...values)).changes };
  }

  get(sql: string, ...values: readonly SqlValue[]): Record<string, SqlValue> | undefined {
    return this.#ask(sql, (statement) => statement.get(...values) as Record<string, SqlValue> | undefined);
  }

  all(sql: string, ...values: readonly SqlValue[]): Record<string, SqlValue>[] {
    return this.#ask(sql, (statement) => statement.all(...values) as Record<string, SqlValue>[]);
  }

  end(): void {
    this.#isOver = true;
  }

  #ask<T>(sql: string, work: (statement: Statement) => T): T {
    if (this.#isOver) {
      throw new FedmsgError("FEDMSG_CLOSED", "the transaction is over: it is of use only until `work` returns");
    }
    // Without a transaction every statement would be one of its own.
    if (!this.#db.isTransaction) throw endedError();
    try {
      return work(this.#prepare(sql));
    } catch (error) {
      const code = resultCode(error);
      if (code === sqliteCodes.full || code === sqliteCodes.io) this.failure = error;
      throw error;
    }
  }
}

/** What is returned by a `work` that does not wait. */
function assertNoPromise(result: unknown): unknown {
  const { then } = (result ?? {}) as Partial<PromiseLike<unknown>>;
  if (typeof then !== "function") return result;
  then.call(
    result,
    () => {},
    () => {}, // It is late for whatever goes wrong there.
  );
  throw new FedmsgError(
    "FEDMSG_UNSUPPORTED",
    "work must not wait, and returned a promise: await before handle(), and write what came of it in `work`",
  );
}

function endedError(): FedmsgError {
  return new FedmsgError("FEDMSG_UNSUPPORTED", "a statement of this message's work rolled the whole transaction back");
}
