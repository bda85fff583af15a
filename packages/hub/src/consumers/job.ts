/** A message in a consumer's hands, whichever way it came: what becomes of it when it is handled, failed, or left. */

import type { DeadLetter } from "@fedmsg/store";
import { type DurableReceived, FedmsgError, type Received } from "fedmsg";
import { type Transaction, weigh } from "fedmsg/plugin";
import type { DeadLetterOffice } from "./dead-letter-office.ts";

/** Where it is: behind others; in an attempt, or being kept; waiting to be tried again. */
export type JobState = "waiting" | "working" | "pausing";

/** One message. */
export abstract class Job {
  readonly received: Received;
  /** What it comes in order with; `undefined` for nothing. */
  readonly line: string | undefined;
  /** What it counts, in bytes. */
  readonly weight: number;
  state: JobState = "waiting";
  /** How often it was tried. */
  attempts = 0;
  /** When it failed last, in ms since the epoch. */
  failedAtMs = 0;
  #error: unknown;
  /** The disk refused to keep that it is handled: not the message's fault. */
  isRefused = false;
  /** Whether the hub's one turn is its own. */
  hasTurn = false;
  /** It is not tried again, and becomes a dead letter. */
  isDead = false;
  /** The hub ends: one more attempt is the last. */
  isLast = false;
  isEnded = false;
  /** Whether the consumer's filter has yet to be asked: it threw before. */
  isUndecided = false;
  /** It was let go, and comes again. */
  isReleased = false;

  constructor(received: Received, line: string | undefined) {
    this.received = received;
    this.line = line;
    this.weight = weigh(received);
  }

  /** What went wrong last; `failedAtMs` is when it was set. */
  get error(): unknown {
    return this.#error;
  }

  set error(error: unknown) {
    this.#error = error;
    this.failedAtMs = Date.now();
  }

  /** Whether that it is handled is written down. */
  abstract readonly isKept: boolean;
  /** Keeps that it is handled, with what `work` writes. */
  abstract handle<T>(work?: (transaction: Transaction) => T): Promise<T | undefined>;
  /** Makes a dead letter of it; it is handled then. @throws FedmsgError FEDMSG_JOURNAL, and whatever the disk says */
  abstract bury(): Promise<void>;
  /** Lets go of it, and notes that in `isReleased`. @returns whether it comes again without anybody's doing */
  abstract release(): boolean;
}

/** A message of a consumer that remembers nothing. */
export class LiveJob extends Job {
  readonly isKept = false;
  readonly #office: DeadLetterOffice;

  constructor(received: Received, line: string | undefined, office: DeadLetterOffice) {
    super(received, line);
    this.#office = office;
  }

  handle<T>(work?: (transaction: Transaction) => T): Promise<T | undefined> {
    return work ? Promise.reject(noDatabase()) : Promise.resolve(undefined);
  }

  bury(): Promise<void> {
    return this.#office.add(this);
  }

  release(): boolean {
    return false;
  }
}

/** A message of a durable consumer. */
export class DurableJob extends Job {
  declare readonly received: DurableReceived;
  readonly isKept = true;
  readonly #office: DeadLetterOffice;

  constructor(received: DurableReceived, line: string | undefined, office: DeadLetterOffice) {
    super(received, line);
    this.#office = office;
  }

  handle<T>(work?: (transaction: Transaction) => T): Promise<T | undefined> {
    return this.received.commit(work);
  }

  /** In one transaction with its key, so that it is either a dead letter or comes again, and never both or neither. */
  async bury(): Promise<void> {
    const write = await this.#office.writer(this);
    await this.received.commit(write);
  }

  /** What no journal has is kept: it would be gone. */
  release(): boolean {
    const { comesAgain } = this.received;
    if (comesAgain) this.received.release();
    this.isReleased = comesAgain;
    return comesAgain;
  }
}

/** A dead letter that somebody asked to try again. */
export class AskedJob extends Job {
  readonly isKept = true;
  readonly #letter: DeadLetter;
  readonly #office: DeadLetterOffice;
  readonly #mayWork: boolean;
  #isSettled = false;
  /** The commits so far; resolves, whatever became of them. */
  #settling: Promise<unknown> = Promise.resolve();

  constructor(
    received: Received,
    line: string | undefined,
    office: DeadLetterOffice,
    letter: DeadLetter,
    mayWork: boolean,
  ) {
    super(received, line);
    this.#letter = letter;
    this.#office = office;
    this.#mayWork = mayWork;
  }

  handle<T>(work?: (transaction: Transaction) => T): Promise<T | undefined> {
    const settled = this.#settling.then(() => this.#settle(work));
    this.#settling = settled.catch(() => {});
    return settled;
  }

  bury(): Promise<void> {
    return this.#office.failAgain(this.#letter, this);
  }

  /** It stays among the dead letters, and is asked for at the next start. */
  release(): boolean {
    this.isReleased = true;
    return true;
  }

  async #settle<T>(work: ((transaction: Transaction) => T) | undefined): Promise<T | undefined> {
    if (work && !this.#mayWork) throw noDatabase();
    if (work && this.#isSettled) throw alreadyHandled();
    const result = await this.#office.settle(this.#letter.id, work);
    this.#isSettled = true;
    return result;
  }
}

function alreadyHandled(): FedmsgError {
  return new FedmsgError(
    "FEDMSG_UNSUPPORTED",
    "commit(work): this message is handled already, and nothing of this work is written; do all of it in one commit",
  );
}

function noDatabase(): FedmsgError {
  return new FedmsgError(
    "FEDMSG_UNSUPPORTED",
    "commit(work): this consumer has no database to write to; give it durable: true",
  );
}
