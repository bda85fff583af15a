import { FedmsgError } from "../errors.ts";
import type { Journal, JournalInfo } from "../replay/journal.ts";
import type { OutboxWarnings } from "./outbox-warnings.ts";

/** After so many seconds in each of which it could not be read, the journal is opened anew. */
const failuresMax = 5;

/** The journal of an outbox, and what becomes of its file. */
export class OutboxFile {
  readonly #reopen: () => Promise<Journal>;
  readonly #warnings: OutboxWarnings;
  #journal: Journal;
  #missing: FedmsgError | undefined;
  #replacing: Promise<void> | undefined;
  /** Seconds, one behind the other, in which the journal could not be read. */
  #failures = 0;
  #hasFailed = false;
  #lastFailure = "";

  constructor(journal: Journal, reopen: () => Promise<Journal>, warnings: OutboxWarnings) {
    this.#journal = journal;
    this.#reopen = reopen;
    this.#warnings = warnings;
  }

  /** The journal as it is now; the last one where there is none. */
  get journal(): Journal {
    return this.#journal;
  }

  /** Why there is no journal at the moment. */
  get missing(): FedmsgError | undefined {
    return this.#missing;
  }

  /** Why nothing can be kept in it or read from it at the moment. */
  get problem(): string | undefined {
    if (this.#missing) return this.#missing.message;
    return this.#hasFailed || this.#failures > 0 ? this.#lastFailure : undefined;
  }

  /** While it is being opened anew. Never rejects. */
  get replacing(): Promise<void> | undefined {
    return this.#replacing;
  }

  /** It could not be read. */
  failed(error: unknown): void {
    this.#hasFailed = true;
    this.#lastFailure = `cannot be read: ${FedmsgError.from(error).message}`;
    this.#warnings.trouble(this.#lastFailure);
  }

  /** A second is over. */
  tick(): void {
    this.#failures = this.#hasFailed ? this.#failures + 1 : 0;
    this.#hasFailed = false;
  }

  /** Whether it is there and of use. */
  isInPlace(): boolean {
    if (this.#missing || this.#failures >= failuresMax) return false;
    try {
      return this.#journal.isInPlace();
    } catch {
      return false;
    }
  }

  /**
   * Opens it anew.
   *
   * @param onNew hears what the journal was like before, when there is another one
   * @param onEnd hears the end of it, in any case
   */
  replace(onNew: (before: JournalInfo) => void, onEnd: () => void): void {
    this.#replacing = this.#replace(onNew).finally(() => {
      this.#replacing = undefined;
      onEnd();
    });
  }

  async #replace(onNew: (before: JournalInfo) => void): Promise<void> {
    const what = "its file was deleted, replaced or damaged, or the disk failed; it is opened anew";
    if (!this.#missing) this.#warnings.tell(what);
    this.#failures = 0;
    try {
      await this.#journal.close();
      const before = this.#journal.info; // What was committed up to now counts.
      this.#journal = await this.#reopen();
      this.#missing = undefined;
      onNew(before);
    } catch (error) {
      const { message } = FedmsgError.from(error);
      this.#missing = new FedmsgError("FEDMSG_JOURNAL", `there is no outbox: ${message}`, { cause: error });
      this.#warnings.trouble(`nothing is published before it can be opened: ${message}`);
    }
  }
}
