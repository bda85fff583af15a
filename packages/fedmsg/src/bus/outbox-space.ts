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

  /** Of a message for which there is no room beside so many. */
  fullError(journal: Journal, count: number): FedmsgError {
    const used = this.waitingBytes(journal) + this.#pendingBytes;
    const detail = `${count} messages of ${used} bytes wait in the outbox, ${this.#bytesMax} are allowed (outbox_max_bytes)`;
    return new FedmsgError("FEDMSG_QUEUE_FULL", `${detail}; publish again when the relay has taken some`);
  }
}
