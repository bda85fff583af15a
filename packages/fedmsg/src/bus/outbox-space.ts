import { FedmsgError } from "../errors.ts";
import type { Journal } from "../replay/journal.ts";

/** Messages that may wait for their turn in the journal. */
const pendingMax = 100_000;

/** How much room there is in an outbox. */
export class OutboxSpace {
  readonly #bytesMax: number;
  /** Bytes in the journal of messages that are done with. */
  #doneBytes = 0;
  #pending = 0;
  #pendingBytes = 0;

  /** @param bytesMax of what waits; 0: any number */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Messages that wait for their turn in the journal. */
  get pending(): number {
    return this.#pending;
  }

  /** Bytes in the journal of messages that wait. */
  waitingBytes(journal: Journal): number {
    return Math.max(0, journal.info.bytes - this.#doneBytes);
  }

  /** A message waits for its turn. */
  enter(bytes: number): void {
    this.#pending++;
    this.#pendingBytes += bytes;
  }

  /** Its turn is over. */
  leave(bytes: number): void {
    this.#pending--;
    this.#pendingBytes -= bytes;
  }

  /** A message in the journal is done with. */
  done(bytes: number): void {
    this.#doneBytes += bytes;
  }

  /** What was done with is not in the journal any more; those that were early count again, and are few. */
  pruned(): void {
    this.#doneBytes = 0;
  }

  hasRoom(journal: Journal, bytes: number): boolean {
    const used = this.waitingBytes(journal) + this.#pendingBytes;
    return (this.#bytesMax === 0 || used + bytes <= this.#bytesMax) && this.#pending < pendingMax;
  }

  /** Whether a message of so many bytes has room where nothing else is. */
  fits(bytes: number): boolean {
    return this.#bytesMax === 0 || bytes <= this.#bytesMax;
  }

  /** Of a message of so many bytes for which there is no room, beside `count` in the journal. */
  fullError(journal: Journal, count: number, bytes: number): FedmsgError {
    return new FedmsgError("FEDMSG_QUEUE_FULL", this.#describe(journal, count, bytes));
  }

  #describe(journal: Journal, count: number, bytes: number): string {
    if (!this.fits(bytes)) {
      const found = `the message takes ${bytes} bytes, and outbox_max_bytes is ${this.#bytesMax}`;
      return `${found}: there is never room for it; publish less at a time, or allow more`;
    }
    if (this.#pending >= pendingMax) {
      return `${this.#pending} messages wait to be written to the outbox, as many as may; publish again when some are`;
    }
    const used = this.waitingBytes(journal) + this.#pendingBytes;
    const found = `${count + this.#pending} messages of ${used} bytes wait in the outbox`;
    return `${found}, ${this.#bytesMax} are allowed (outbox_max_bytes); publish again when the relay has taken some`;
  }
}
