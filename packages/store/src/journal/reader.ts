import { statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { FedmsgError } from "fedmsg";
import type { EntryQuery, Journal, JournalEntry, JournalInfo, Page, PageQuery } from "fedmsg/plugin";
import { pragma, rollback } from "../database.ts";
import { journalError, journalRefusal, readerAdvice } from "../errors.ts";
import { filePath } from "../file.ts";
import { type Database, openDatabase, resultCode, sqliteCodes } from "../sqlite.ts";
import type { JournalListener } from "./events.ts";
import { JournalQueries } from "./queries.ts";
import type { Range } from "./ranges.ts";
import {
  isJournal,
  type JournalSync,
  journalKind,
  type Meta,
  readBounds,
  readIncarnations,
  readMeta,
} from "./schema.ts";
import { type Verification, verifyEntries } from "./verify.ts";

const busyMs = 5000;

/** What a journal says of itself, and how it is kept; of a damaged one what can be read of that: its UUID may be empty. */
export interface StoredJournalInfo extends JournalInfo {
  readonly sync: JournalSync;
  /** A writer has it open, or ended without closing it. */
  readonly isOpen: boolean;
  /** Bytes of the file itself. */
  readonly fileBytes: number;
}

/** A journal as others see it: never changed, and beside a living writer always as of its last commit. */
export interface JournalReader extends Pick<Journal, "page" | "count" | "find" | "positionAt"> {
  readonly info: StoredJournalInfo;
  /**
   * Reads everything and compares: positions without holes, every checksum, the tables. Takes turns with other work.
   *
   * @throws FedmsgError FEDMSG_ABORTED
   */
  verify(options?: { readonly signal?: AbortSignal }): Promise<Verification>;
  /** Idempotent. */
  close(): void;
}

/**
 * Opens a journal to read it only, also while its writer goes on.
 *
 * @param location a path, or `sqlite:` before one
 * @throws FedmsgError FEDMSG_JOURNAL
 */
export async function openJournalReader(
  location: string,
  options: { readonly onEvent?: JournalListener } = {},
): Promise<JournalReader> {
  const path = filePath(location, journalKind);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw journalRefusal(path, "there is no such journal");
  if (!found.isFile()) throw journalRefusal(path, "this is no file");
  try {
    return new SqliteReader(path, await connect(path), options.onEvent);
  } catch (error) {
    throw journalError(path, "cannot be opened", error, readerAdvice);
  }
}

async function connect(path: string): Promise<Database> {
  try {
    return await connectTo(path, path);
  } catch (error) {
    // The directory takes no index of the log; with nothing in the log, none is needed.
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
    const isRefused = [sqliteCodes.cannotOpen, sqliteCodes.readOnly].some((code) => code === resultCode(error));
    if (!isRefused || (log && log.size > 0)) throw error;
    return await connectTo(`${pathToFileURL(path).href}?immutable=1`, path);
  }
}

async function connectTo(address: string, path: string): Promise<Database> {
  const db = await openDatabase(address, { readOnly: true, timeoutMs: busyMs });
  try {
    if (!isJournal(db, path)) throw journalRefusal(path, "it is empty");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

class SqliteReader implements JournalReader {
  readonly #path: string;
  readonly #db: Database;
  readonly #queries: JournalQueries;

  constructor(path: string, db: Database, onEvent: JournalListener | undefined) {
    this.#path = path;
    this.#db = db;
    this.#queries = new JournalQueries(db, onEvent);
  }

  get info(): StoredJournalInfo {
    return this.#ask(() => {
      const [present, ...before] = this.#tryTo(() => readIncarnations(this.#db)) ?? [];
      const earlier = before.map(({ uuid, through = 0 }) => ({ uuid, through }));
      const fileBytes = Number(pragma(this.#db, "page_count")) * Number(pragma(this.#db, "page_size"));
      return { uuid: present?.uuid ?? "", earlier, ...this.#readMeta(), fileBytes };
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

  async verify({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Verification> {
    const snapshot = <T>(work: (bounds: Range) => T) => this.#ask(work);
    return await verifyEntries(this.#db, snapshot, signal);
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  /** Where it is damaged, what the entries themselves say, as far as they can be read. */
  #readMeta(): Meta {
    return (
      this.#tryTo(() => readMeta(this.#db)) ?? { ...readBounds(this.#db), sync: "full", isOpen: false, file: undefined }
    );
  }

  /** @returns nothing where what it reads is damaged */
  #tryTo<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (resultCode(error) !== sqliteCodes.corrupt) throw error;
      return undefined;
    }
  }

  /** Everything that is asked in one go is as of one commit. */
  #ask<T>(work: (bounds: Range) => T): T {
    if (!this.#db.isOpen) throw new FedmsgError("FEDMSG_CLOSED", `${this.#path}: the journal is closed`);
    try {
      this.#db.exec("BEGIN");
      try {
        const { first, head } = this.#readMeta();
        return work({ from: first, to: head });
      } finally {
        rollback(this.#db); // Nothing was changed; a COMMIT would repeat what a damaged page made a statement say.
      }
    } catch (error) {
      throw journalError(this.#path, "cannot be read", error, readerAdvice);
    }
  }
}
