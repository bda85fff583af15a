/** The dead letters of one consumer: messages that failed once too often, and those of them that somebody asks to try again. */

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { DeadLetter, DeadLetterBox, NewDeadLetter } from "@fedmsg/store";
import type { Received } from "fedmsg";
import type { Config } from "fedmsg/config";
import { cursorsPath, decodeMessage, type Transaction } from "fedmsg/plugin";
import { stackOf } from "../plugins/text.ts";

const errorLengthMax = 4096;
/** Letters in one transaction: at the end of a hub there may be thousands, and each transaction waits for the disk. */
const groupMax = 500;

/** A message that failed once too often. */
export interface FailedMessage {
  readonly received: Received;
  readonly error: unknown;
  readonly attempts: number;
  /** When it failed, in ms since the epoch: it may wait for a lock, or for room, for days until it is written down. */
  readonly failedAtMs: number;
}

/** A dead letter that is to be tried again, and its message. */
export interface AskedLetter {
  readonly letter: DeadLetter;
  readonly received: Received;
}

interface Waiting {
  readonly letter: NewDeadLetter;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Keeps them in the file of the consumer's cursors (`cursor_store`), in the order in which they came. What is not needed is not
 * opened; where another program holds the lock of the file, its letters wait for it, and nothing else in the hub does.
 */
export class DeadLetterOffice {
  readonly #path: string;
  readonly #bytesMax: number;
  #opening: Promise<DeadLetterBox> | undefined;
  #box: DeadLetterBox | undefined;
  #isClosed = false;
  readonly #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  constructor(config: Config, name: string) {
    this.#path = cursorsPath(config, name);
    this.#bytesMax = config.dead_letters_max_bytes;
  }

  /** Where they are. */
  get path(): string {
    return this.#path;
  }

  /** Writes down a message of a consumer without cursors; what fails at the same time together. */
  add(failed: FailedMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ letter: toLetter(failed), resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** What writes down a message in the transaction of its key. */
  async writer(failed: FailedMessage): Promise<(transaction: Transaction) => void> {
    const { addDeadLetter } = await import("@fedmsg/store");
    const letter = toLetter(failed);
    return (transaction) => addDeadLetter(transaction, letter, { bytesMax: this.#bytesMax });
  }

  /**
   * Those that somebody asked for; each once. Opens the file, if there is one.
   *
   * @param room how many at most; asked when the file is open
   * @throws FedmsgError FEDMSG_JOURNAL
   */
  async takeAsked(room: () => number): Promise<AskedLetter[]> {
    if (this.#isClosed || room() <= 0 || (!this.#box && !existsSync(this.#path))) return [];
    const box = await this.#open(false);
    const limit = this.#isClosed ? 0 : room();
    return limit <= 0 ? [] : box.takeAsked(limit).map((letter) => ({ letter, received: toReceived(letter) }));
  }

  /** It was handled: deletes it, with what `work` writes. */
  settle<T>(id: number, work?: (transaction: Transaction) => T): Promise<T | undefined> {
    return (this.#box as DeadLetterBox).settle(id, work);
  }

  /** It failed again, and stays. */
  failAgain({ id, attempts }: DeadLetter, failed: FailedMessage): Promise<void> {
    return (this.#box as DeadLetterBox).failAgain(id, {
      error: stackOf(failed.error, errorLengthMax),
      attempts: attempts + failed.attempts,
      failedAtMs: failed.failedAtMs,
    });
  }

  /** Writes what it was given, and lets go of the file. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    await this.#opening?.catch(() => {});
    await this.#box?.close();
  }

  /** Timers and sockets have their turn between two groups. While one waits for a lock, the next one gathers. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await nextTurn();
      const group = this.#waiting.splice(0, groupMax);
      try {
        const box = await this.#open(true);
        const errors = await box.addAll(group.map(({ letter }) => letter));
        for (const [n, { resolve, reject }] of group.entries()) errors[n] === undefined ? resolve() : reject(errors[n]);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = undefined;
  }

  /** Opens it once; what failed is tried again the next time. */
  #open(create: boolean): Promise<DeadLetterBox> {
    this.#opening ??= this.#openOnce(create).catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openOnce(create: boolean): Promise<DeadLetterBox> {
    const { openDeadLetters } = await import("@fedmsg/store");
    if (create) await mkdir(dirname(this.#path), { recursive: true });
    this.#box = await openDeadLetters(this.#path, { create, bytesMax: this.#bytesMax });
    return this.#box;
  }
}

function toLetter({ received, error, attempts, failedAtMs }: FailedMessage): NewDeadLetter {
  const { topic, message, name, endpoint, trust, signer, body } = received;
  return {
    ...{ topic, name, endpoint, trust, body, attempts, failedAtMs },
    msgId: typeof message.msg_id === "string" ? message.msg_id : "",
    ...(signer !== undefined && { signer }),
    error: stackOf(error, errorLengthMax),
  };
}

/** The message as it came: it was decoded and validated then. */
function toReceived({ topic, name, endpoint, trust, signer, body }: DeadLetter): Received {
  const decoded = decodeMessage([Buffer.from(topic), body], Number.POSITIVE_INFINITY);
  const message = decoded.valid ? decoded.message : { topic };
  return { name, endpoint, topic, message, body, trust, ...(signer !== undefined && { signer }) } as Received;
}
