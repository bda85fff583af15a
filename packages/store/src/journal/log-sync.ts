import { type FileHandle, open } from "node:fs/promises";

/** How long what was committed may be in the system's memory alone, in ms. */
const syncMs = 1000;

/**
 * Hands the write-ahead log to the disk, behind the scenes, within a second of a commit: at `journal_sync: normal` SQLite does so
 * only when it writes the log back, every 4 MiB, and a publisher that says little would lose weeks in a power cut.
 */
export class LogSync {
  readonly #path: string;
  #log: FileHandle | undefined;
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> = Promise.resolve();

  /** @param path of the database; its log lies beside it */
  constructor(path: string) {
    this.#path = `${path}-wal`;
  }

  /** Something was committed. */
  touch(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#syncing = this.#sync();
    }, syncMs).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#syncing;
    await this.#log?.close();
  }

  /** What fails here, the next commit hears from SQLite. */
  async #sync(): Promise<void> {
    try {
      this.#log ??= await open(this.#path, "r+");
      await this.#log.datasync();
    } catch {
      await this.#log?.close().catch(() => {});
      this.#log = undefined;
    }
  }
}
