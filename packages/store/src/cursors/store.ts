/**
 * Cursors and keys, open for their one subscriber.
 *
 * ```
 * handle ──▶ queue ──▶ setImmediate: BEGIN · work, key · … · cursors · forget some · meta · COMMIT ──▶ every promise of the group
 * ```
 *
 * A group is what waits when its turn comes: up to 1000 messages or 20 ms of work, so that one `fsync` serves many. All of
 * it is one transaction; each `work` has a savepoint, so one that throws is undone alone. Two kinds of work fail in a way
 * that undoes its neighbours as well, and these then run a second time: one that rolls the whole transaction back by a
 * conflict clause, and one that breaks a deferred constraint, which is found when the group is committed. Alone in its
 * transaction, the latter is rejected with what SQLite says: it is the work's error, and no fault of the disk.
 *
 * Where another program holds the lock, beginning is tried again. Each message waits for that for 5 s at most, however many do;
 * and so does the end as a whole.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { FedmsgError } from "fedmsg";
import type { Cursor, CursorStore, Transaction } from "fedmsg/plugin";
import { rollback } from "../database.ts";
import type { JournalEvent } from "../journal/events.ts";
import { checkpoint, isBusy, Pausing, patienceMs, patiently } from "../patience.ts";
import { type Database, resultCode, type SqliteError, type Statement, sqliteCodes, syncFailed } from "../sqlite.ts";
import { type Asking, takeLate } from "./asking.ts";
import { cursorError } from "./errors.ts";
import { Keys } from "./keys.ts";
import { markOpen, readCursors, readMeta } from "./schema.ts";
import { Savepoints, transactionEnded } from "./transaction.ts";

const groupMessagesMax = 1000;
const groupMs = 20;
/** How long a cursor's move waits for a message to be committed with. */
const moveMs = 1000;

/** Hears what somebody should know, and nobody can be told by a promise. Must not throw. */
export type CursorListener = (event: Extract<JournalEvent, { type: "problem" }>) => void;

/** Parts of an open store. */
export interface StoreOptions {
  readonly db: Database;
  readonly lock: Database;
  readonly path: string;
  readonly keysKept: number;
  readonly onEvent: CursorListener | undefined;
}

interface Waiting extends Asking {
  readonly key: string;
  readonly work: ((transaction: Transaction) => unknown) | undefined;
}

/** Whoever must hear how a transaction ends; `keys` of those that are handled by it. */
interface Group {
  readonly members: { readonly waiting: Waiting; readonly result: unknown }[];
  readonly keys: Set<string>;
}

export class SqliteCursors implements CursorStore {
  readonly cursors: Map<string, Cursor>;
  readonly #options: StoreOptions;
  readonly #db: Database;
  readonly #keys: Keys;
  readonly #savepoints: Savepoints;
  readonly #writeCursor: Statement;
  readonly #writeMeta: Statement;
  #filter: string | undefined;
  #forgettable = 0;
  #queue: Waiting[] = [];
  /** Messages at the front of the queue that get a transaction each. */
  #singly = 0;
  #moved = new Set<string>();
  #isDescribed = true;
  /** Whoever waits for what was moved. */
  #saving: Asking[] = [];
  /** It was told that what was moved cannot be written, and it still is not. */
  #isTold = false;
  #moveTimer: NodeJS.Timeout | undefined;
  #isScheduled = false;
  /** Since when another program has held the lock, in ms of `performance.now()`. */
  #lockedAt: number | undefined;
  /** What lies between two tries to begin, while that is so. */
  #pausing: Pausing | undefined;
  #broken: FedmsgError | undefined;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: StoreOptions) {
    const { db, keysKept } = options;
    const { handled, filter } = readMeta(db);
    this.#options = options;
    this.#db = db;
    this.#filter = filter;
    this.#keys = new Keys(db, keysKept, handled);
    this.#savepoints = new Savepoints(db);
    this.cursors = readCursors(db);
    this.#writeCursor = db.prepare("INSERT OR REPLACE INTO fedmsg_cursors VALUES (?, ?, ?)");
    this.#writeMeta = db.prepare("UPDATE fedmsg_meta SET handled = ?, filter = ?");
  }

  get filter(): string | undefined {
    return this.#filter;
  }

  describeFilter(filter: string): void {
    this.#filter = filter;
    this.#isDescribed = false;
    this.#schedule();
  }

  get handled(): number {
    return this.#keys.handled;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  handle<T>(key: string, work?: (transaction: Transaction) => T): Promise<T | undefined> {
    if (this.#closing) return Promise.reject(this.#closedError());
    return new Promise<unknown>((resolve, reject) => {
      this.#queue.push({ key, work, resolve, reject, sinceMs: performance.now() });
      this.#schedule();
    }) as Promise<T | undefined>;
  }

  move(cursor: Cursor): void {
    this.cursors.set(cursor.name, cursor);
    this.#moved.add(cursor.name);
    this.#writeSoon();
  }

  save(): Promise<void> {
    if (this.#closing) return Promise.reject(this.#closedError());
    if (this.#moved.size === 0 && this.#isDescribed) return Promise.resolve();
    return new Promise<unknown>((resolve, reject) => {
      this.#saving.push({ resolve, reject, sinceMs: performance.now() });
      this.#schedule();
    }) as Promise<void>;
  }

  forget(handled: number): void {
    this.#forgettable = Math.max(this.#forgettable, handled);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const untilMs = performance.now() + patienceMs;
    let isLocked: boolean;
    do {
      await (this.#pausing?.pause() ?? nextTurn()); // Whoever closes may be some work.
      isLocked = this.#commitGroup() === "locked";
    } while (isLocked || this.#queue.length > 0 || this.#saving.length > 0);
    this.#isClosed = true;
    const { lock, path, onEvent } = this.#options;
    try {
      if (!this.#broken) {
        this.#db.exec("PRAGMA synchronous = FULL");
        await patiently(() => markOpen(this.#db, false), untilMs);
        await checkpoint(this.#db, "TRUNCATE", untilMs);
      }
    } catch (error) {
      const { message } = cursorError(path, "cannot be closed properly, it is checked at the next open", error);
      onEvent?.({ type: "problem", detail: message });
    } finally {
      this.#db.close();
      lock.close();
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#closing) return;
    this.#isScheduled = true;
    setImmediate(() => this.#takeTurn());
  }

  #takeTurn(): void {
    if (this.#closing) return;
    this.#isScheduled = false;
    if (this.#commitGroup() === "locked") {
      this.#isScheduled = true;
      void this.#pausing?.pause().then(() => this.#takeTurn());
    } else if (this.#queue.length > 0) this.#schedule();
  }

  /** What was moved is written in a moment, if no message comes before. */
  #writeSoon(): void {
    if (!this.#closing) this.#moveTimer ??= setTimeout(() => this.#schedule(), moveMs).unref();
  }

  /** Another program holds the lock: whoever has waited for it long enough is refused. @returns whether anything waits on */
  #isLocked(cause: unknown): boolean {
    const nowMs = performance.now();
    this.#lockedAt ??= nowMs;
    const isOver = nowMs - this.#lockedAt >= patienceMs;
    if (isOver) {
      const lateMs = nowMs - patienceMs;
      for (const { reject } of takeLate(this.#queue, lateMs)) reject(this.#groupError(cause));
      for (const { reject } of takeLate(this.#saving, lateMs)) reject(this.#moveError(cause));
    }
    if (!isOver || this.#queue.length > 0 || this.#saving.length > 0) {
      this.#pausing ??= new Pausing();
      return true;
    }
    this.#isFree();
    this.#tellLater(this.#moveError(cause));
    return false;
  }

  #isFree(): void {
    this.#lockedAt = undefined;
    this.#pausing = undefined;
  }

  /** Commits what waits: messages, cursors that moved, a filter. */
  #commitGroup(): "locked" | undefined {
    if (this.#isClosed || (this.#queue.length === 0 && this.#moved.size === 0 && this.#isDescribed)) return undefined;
    const group: Group = { members: [], keys: new Set() };
    clearTimeout(this.#moveTimer);
    this.#moveTimer = undefined;
    const saving = this.#saving.splice(0);
    let isCommitting = false;
    try {
      if (this.#broken) throw this.#broken;
      this.#db.exec("BEGIN IMMEDIATE");
      this.#handleGroup(group);
      this.#writeRest(group.keys);
      isCommitting = true;
      this.#db.exec("COMMIT");
    } catch (error) {
      rollback(this.#db);
      if (isBusy(error) && group.members.length === 0) {
        this.#saving.unshift(...saving);
        return this.#isLocked(error) ? "locked" : undefined;
      }
      this.#isFree();
      const isWorks = isCommitting && group.members.length > 0 && resultCode(error) === sqliteCodes.constraint;
      if (this.#failGroup(group, error, isWorks)) this.#saving.unshift(...saving);
      else for (const { reject } of saving) reject(this.#moveError(error));
      return undefined;
    }
    this.#isFree();
    this.#keys.committed(group.keys, this.#forgettable);
    this.#moved.clear();
    this.#isDescribed = true;
    this.#isTold = false;
    for (const { waiting, result } of group.members) waiting.resolve(result);
    for (const { resolve } of saving) resolve(undefined);
    return undefined;
  }

  /** Handles what waits. `group` gets whoever must hear how it ends. */
  #handleGroup(group: Group): void {
    const untilMs = performance.now() + groupMs;
    const most = this.#singly > 0 ? 1 : groupMessagesMax;
    let taken = 0;
    try {
      for (const waiting of this.#queue) {
        if (taken === most || (taken > 0 && performance.now() > untilMs)) break;
        taken++;
        this.#handleOne(waiting, group);
      }
    } finally {
      this.#queue.splice(0, taken);
      this.#singly = Math.max(0, this.#singly - taken);
    }
  }

  #handleOne(waiting: Waiting, { members, keys }: Group): void {
    const { key, work, reject } = waiting;
    const member = { waiting, result: undefined as unknown };
    members.push(member);
    if (this.#keys.has(key) || keys.has(key)) return;
    if (work) {
      const outcome = this.#savepoints.run(work);
      if ("error" in outcome) {
        members.pop();
        reject(outcome.error);
        if (outcome.transactionEnded) throw transactionEnded;
        return;
      }
      member.result = outcome.result;
    }
    keys.add(key);
  }

  #writeRest(keys: ReadonlySet<string>): void {
    for (const name of this.#moved) {
      const { journal, position } = this.cursors.get(name) as Cursor;
      this.#writeCursor.run(name, journal, position);
    }
    if (keys.size > 0 || !this.#isDescribed) this.#writeMeta.run(this.#keys.handled + keys.size, this.#filter ?? null);
    if (keys.size > 0) this.#keys.insert(keys);
    this.#keys.forget(this.#forgettable);
  }

  /** @param isWorks whether some work is to blame @returns whether the rest is tried again */
  #failGroup({ members }: Group, cause: unknown, isWorks: boolean): boolean {
    const waiting = members.map((member) => member.waiting);
    const [first, ...others] = waiting;
    if (isWorks && others.length === 0) {
      first?.reject(cause);
      this.#schedule();
      return true;
    }
    if (cause === transactionEnded || isWorks) {
      this.#queue = [...waiting, ...this.#queue];
      if (isWorks) this.#singly = waiting.length; // To find whose it is.
      return true;
    }
    const error = this.#groupError(cause);
    // Whether the disk has it nobody knows, and the next fsync would not say.
    if ((cause as Partial<SqliteError>).errcode === syncFailed) this.#broken = error;
    if (waiting.length === 0) waiting.push(...this.#queue.splice(0, groupMessagesMax));
    for (const { reject } of waiting) reject(error);
    this.#tellLater(waiting.length === 0 ? error : undefined);
    return false;
  }

  /** What was moved is not on the disk: that is tried again, and told once where no promise tells it. */
  #tellLater(error: FedmsgError | undefined): void {
    if (error && !this.#isTold) {
      this.#isTold = true;
      this.#options.onEvent?.({ type: "problem", detail: error.message });
    }
    if (!this.#broken && (this.#moved.size > 0 || !this.#isDescribed)) this.#writeSoon();
  }

  #groupError(cause: unknown): FedmsgError {
    return cursorError(this.#options.path, "nothing of the group was kept", cause);
  }

  #moveError(cause: unknown): FedmsgError {
    return cursorError(this.#options.path, "what was moved is not kept", cause);
  }

  #closedError(): FedmsgError {
    return new FedmsgError("FEDMSG_CLOSED", `${this.#options.path}: the cursors are closed`);
  }
}
