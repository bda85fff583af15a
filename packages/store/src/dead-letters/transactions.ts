/**
 * The transactions of one connection, in the order in which they were asked for.
 *
 * ```
 * run ──▶ waiting ──▶ BEGIN IMMEDIATE ──▶ work · COMMIT ──▶ settled; timers and sockets have their turn, then the next
 *                      ▲     │ another program has the lock
 *                      └─────┴─ a pause ──▶ 5 s after it was asked for: rejected
 * ```
 *
 * Only beginning is tried again: from then on the lock is ours, and `work` runs once. A connection that waited by itself
 * (`busy_timeout` of 5 s) was rejected: `fedmsg dead-letters drop` would have held up every consumer of a hub. So was a thread for
 * the waiting: what settles a letter is code of the consumer, and cannot run in another one.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { rollback } from "../database.ts";
import { isBusy, Pausing, patienceMs } from "../patience.ts";
import type { Database } from "../sqlite.ts";

interface Waiting {
  readonly work: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly untilMs: number;
}

/** See the top of the file. How many wait is bounded by whoever asks. */
export class Transactions {
  readonly #db: Database;
  readonly #waiting: Waiting[] = [];
  readonly #waitingForIdle: (() => void)[] = [];
  #isWorking = false;

  /** @param db stands still for a lock for moments only */
  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Runs some work as one transaction, at once if no other waits. What `work` asks for comes behind it.
   *
   * @throws what `work` and SQLite throw; then nothing of it is kept
   */
  run<T>(work: () => T): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject, untilMs: performance.now() + patienceMs });
      if (!this.#isWorking) void this.#work();
    }) as Promise<T>;
  }

  /** Resolves when none waits; `undefined` where that is so. */
  idle(): Promise<void> | undefined {
    if (!this.#isWorking) return undefined;
    return new Promise((resolve) => this.#waitingForIdle.push(resolve));
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    let pausing: Pausing | undefined;
    for (;;) {
      if (this.#runFirst() === "locked") pausing ??= new Pausing();
      else pausing = undefined;
      if (this.#waiting.length === 0) break;
      await (pausing?.pause() ?? nextTurn());
    }
    this.#isWorking = false;
    for (const resolve of this.#waitingForIdle.splice(0)) resolve();
  }

  #runFirst(): "locked" | undefined {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
    } catch (error) {
      if (!isBusy(error)) this.#waiting.shift()?.reject(error);
      else this.#giveUpLate(error);
      return isBusy(error) ? "locked" : undefined;
    }
    const { work, resolve, reject } = this.#waiting[0] as Waiting;
    try {
      const result = work();
      this.#db.exec("COMMIT");
      resolve(result);
    } catch (error) {
      rollback(this.#db);
      reject(error);
    }
    this.#waiting.shift();
    return undefined;
  }

  #giveUpLate(error: unknown): void {
    const nowMs = performance.now();
    while (this.#waiting[0] && this.#waiting[0].untilMs <= nowMs) this.#waiting.shift()?.reject(error);
  }
}
