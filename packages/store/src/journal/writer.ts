/**
 * A journal, open for its one writer.
 *
 * ```
 * append ──▶ queue ──▶ setImmediate: BEGIN · build, insert · … · prune a little · meta · COMMIT ──▶ every promise of the group
 * ```
 *
 * A group is what waits when its turn comes: up to 1000 entries, 4 MiB, or 20 ms of building (a signature takes 0.7 ms), so
 * that one `fsync` serves many and nobody else waits long. Everything about a group is one transaction of SQLite: it is there or
 * it is not. Answers are cut at the committed head, so what is being built is never seen.
 */

import { FedmsgError } from "fedmsg";
import {
  AgeLimit,
  type EntryQuery,
  type Journal,
  type JournalEntry,
  type JournalInfo,
  type NewEntry,
  type Page,
  type PageQuery,
} from "fedmsg/plugin";
import { rollback, transact } from "../database.ts";
import { journalError } from "../errors.ts";
import { identify, sizeOfFile } from "../file.ts";
import { type Database, resultCode, type SqliteError, type Statement, sqliteCodes, syncFailed } from "../sqlite.ts";
import type { JournalListener } from "./events.ts";
import { EntryInserter } from "./inserter.ts";
import { LogSync } from "./log-sync.ts";
import { JournalQueries } from "./queries.ts";
import type { Range } from "./ranges.ts";
import { type Keep, Pruner } from "./retention.ts";
import { assertEntry, sizeOf } from "./rows.ts";
import { RunWriter } from "./runs.ts";
import { type Bounds, type JournalSync, markClosed, readIncarnations, readMeta } from "./schema.ts";

const groupEntriesMax = 1000;
const groupBytesMax = 4 * 1024 * 1024;
const groupMs = 20;
/** What pruning may take of a commit, in ms; what is left over waits for the next. */
const pruneMs = 5;
/** What one transaction of `prune()` takes, in ms. */
const pruneTransactionMs = 100;

/** Parts of an open journal. */
export interface WriterOptions {
  readonly db: Database;
  readonly lock: Database;
  readonly path: string;
  readonly sync: JournalSync;
  readonly maxAgeMs: number | undefined;
  readonly bytesMax: number | undefined;
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonicNow: () => number;
  readonly onEvent: JournalListener | undefined;
}

interface Waiting {
  readonly build: (position: number) => NewEntry;
  readonly resolve: (position: number) => void;
  readonly reject: (error: unknown) => void;
}

export class SqliteJournal implements Journal {
  readonly #options: WriterOptions;
  readonly #db: Database;
  readonly #queries: JournalQueries;
  readonly #runs: RunWriter;
  readonly #pruner: Pruner;
  readonly #inserter: EntryInserter;
  readonly #update: Statement;
  readonly #identity: string | undefined;
  readonly #lockIdentity: string | undefined;
  readonly #age: AgeLimit | undefined;
  readonly #logSync: LogSync | undefined;
  readonly #named: Pick<JournalInfo, "uuid" | "earlier">;
  /** The file never gets smaller, unless somebody cuts it. */
  #size = 0;
  #bounds: Bounds;
  #queue: Waiting[] = [];
  #isScheduled = false;
  #isPruning: boolean;
  #broken: FedmsgError | undefined;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: WriterOptions) {
    const { db, path, onEvent } = options;
    this.#options = options;
    this.#db = db;
    this.#queries = new JournalQueries(db, onEvent);
    this.#pruner = new Pruner(db);
    this.#inserter = new EntryInserter(db);
    this.#update = db.prepare("UPDATE meta SET first = ?, head = ?, bytes = ?");
    this.#identity = identify(path);
    this.#lockIdentity = identify(`${path}-lock`);
    const [present, ...before] = readIncarnations(db);
    this.#named = {
      uuid: present?.uuid ?? "",
      earlier: before.map(({ uuid, through = 0 }) => ({ uuid, through })),
    };
    const { first, head, bytes } = readMeta(db);
    this.#bounds = { first, head, bytes };
    const { maxAgeMs, now, monotonicNow } = options;
    if (maxAgeMs !== undefined) {
      this.#age = new AgeLimit({ maxAgeMs, now, monotonicNow, startMs: this.#pruner.oldestMs(this.#bounds) });
    }
    if (options.sync === "normal") this.#logSync = new LogSync(path);
    this.#isPruning = options.maxAgeMs !== undefined || options.bytesMax !== undefined;
    this.#runs = new RunWriter(db);
    this.#runs.load(db, head);
  }

  get info(): JournalInfo {
    return { ...this.#named, ...this.#bounds };
  }

  append(build: (position: number) => NewEntry): Promise<number> {
    if (this.#closing) return Promise.reject(this.#closedError());
    return new Promise((resolve, reject) => {
      this.#queue.push({ build, resolve, reject });
      this.#schedule();
    });
  }

  page(query: PageQuery): Page {
    return this.#ask((bounds) => this.#queries.page(query, bounds));
  }

  count(query: EntryQuery, atMost: number): number {
    return this.#ask((bounds) => this.#queries.count(query, atMost, bounds));
  }

  find(query: EntryQuery, limit: number): JournalEntry[] {
    return this.#ask((bounds) => this.#queries.find(query, limit, bounds));
  }

  positionAt(timeMs: number): number {
    return this.#ask((bounds) => this.#queries.positionAt(timeMs, bounds));
  }

  isInPlace(): boolean {
    const { path } = this.#options;
    const size = sizeOfFile(path) ?? 0;
    if (this.#broken || size < this.#size) return false;
    this.#size = size;
    return identify(path) === this.#identity && identify(`${path}-lock`) === this.#lockIdentity;
  }

  prune(keep: Keep): { readonly removed: number } {
    const { first } = this.#bounds;
    while (this.#ask(() => this.#pruneOnce(keep))) {}
    return { removed: this.#bounds.first - first };
  }

  /** @returns whether there may be more to prune */
  #pruneOnce(keep: Keep): boolean {
    const before = this.#bounds;
    this.#bounds = transact(this.#db, () => {
      const next = this.#pruner.prune(before, keep, performance.now() + pruneTransactionMs);
      if (next !== before) this.#update.run(next.first, next.head, next.bytes);
      return next;
    });
    return this.#bounds !== before;
  }

  /** Gives the room that pruned entries left back to the system. Takes as long as writing the file anew. */
  compact(): void {
    this.#ask(() => this.#db.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"));
    this.#size = 0;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#queue.length > 0) {
      this.#commitGroup();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isClosed = true;
    await this.#logSync?.close();
    const { lock, path, onEvent } = this.#options;
    try {
      if (!this.#broken) {
        this.#db.exec("PRAGMA synchronous = FULL");
        markClosed(this.#db);
        this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      }
    } catch (error) {
      const { message } = journalError(path, "cannot be closed properly, it is checked at the next open", error);
      onEvent?.({ type: "problem", detail: message });
    } finally {
      this.#db.close();
      lock.close();
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#queue.length > 0) this.#commitGroup();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #commitGroup(): void {
    const group: Waiting[] = [];
    const before = this.#bounds;
    let next = before;
    try {
      if (this.#broken) throw this.#broken;
      this.#db.exec("BEGIN IMMEDIATE");
      next = this.#pruneALittle(this.#insertGroup(group));
      if (next !== before) this.#update.run(next.first, next.head, next.bytes);
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#undo(before.head);
      if (group.length === 0) group.push(...this.#queue.splice(0, groupEntriesMax));
      this.#failGroup(group, error);
      return;
    }
    this.#bounds = next;
    this.#logSync?.touch();
    group.forEach(({ resolve }, n) => {
      resolve(before.head + 1 + n);
    });
  }

  /** Nothing of a group is there. Where even that fails, the journal is of no use before it is opened anew. */
  #undo(head: number): void {
    this.#inserter.clear();
    try {
      rollback(this.#db);
      this.#runs.load(this.#db, head);
    } catch (error) {
      this.#broken = journalError(this.#options.path, "cannot be read", error);
    }
  }

  /** Builds and inserts what waits. `group` gets whoever must hear how it ends. */
  #insertGroup(group: Waiting[]): Bounds {
    const { first, head, bytes } = this.#bounds;
    const untilMs = performance.now() + groupMs;
    let size = 0;
    let taken = 0;
    try {
      for (const waiting of this.#queue) {
        if (group.length === groupEntriesMax || size >= groupBytesMax) break;
        if (taken > 0 && performance.now() > untilMs) break;
        taken++;
        const position = head + 1 + group.length;
        const entry = buildEntry(waiting, position);
        if (!entry) continue;
        group.push(waiting);
        size += sizeOf(entry);
        const timeMs = Math.floor(this.#options.now());
        this.#inserter.add(position, timeMs, entry);
        this.#runs.add(position, timeMs, entry.msgId);
      }
      this.#inserter.flush();
    } finally {
      this.#queue.splice(0, taken);
    }
    return group.length === 0 ? this.#bounds : { first, head: head + group.length, bytes: bytes + size };
  }

  #pruneALittle(bounds: Bounds): Bounds {
    const { bytesMax, path, onEvent } = this.#options;
    if (!this.#isPruning || bounds === this.#bounds) return bounds;
    const olderThanMs = this.#age?.olderThanMs();
    try {
      return this.#pruner.prune(bounds, { olderThanMs, bytesMax }, performance.now() + pruneMs);
    } catch (error) {
      if (resultCode(error) !== sqliteCodes.corrupt) throw error;
      this.#isPruning = false; // What is new is worth more than the room that the old takes.
      const { message } = journalError(path, "nothing can be pruned any more", error);
      onEvent?.({ type: "problem", detail: message });
      return bounds;
    }
  }

  #failGroup(group: readonly Waiting[], cause: unknown): void {
    const { path } = this.#options;
    const error = journalError(path, "nothing of the group was kept", cause);
    // Whether the disk has it nobody knows, and the next fsync would not say; what is damaged is mended when it is opened.
    const isDamaged = [sqliteCodes.corrupt, sqliteCodes.notDatabase].some((code) => code === resultCode(cause));
    if (isDamaged || (cause as Partial<SqliteError>).errcode === syncFailed) this.#broken = error;
    for (const { reject } of group) reject(error);
  }

  #ask<T>(work: (bounds: Range) => T): T {
    if (this.#isClosed) throw this.#closedError();
    const { first, head } = this.#bounds;
    try {
      return work({ from: first, to: head });
    } catch (error) {
      throw journalError(this.#options.path, "cannot be read", error);
    }
  }

  #closedError(): FedmsgError {
    return new FedmsgError("FEDMSG_CLOSED", `${this.#options.path}: the journal is closed`);
  }
}

/** Lets a caller build its entry; where that throws, the caller hears it, and nothing is returned. */
function buildEntry({ build, reject }: Waiting, position: number): NewEntry | undefined {
  try {
    const entry = build(position);
    assertEntry(entry);
    return entry;
  } catch (error) {
    reject(error);
    return undefined;
  }
}
