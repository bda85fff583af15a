import { FedmsgError } from "../errors.ts";
import type { Transaction } from "../replay/cursors.ts";
import type { Message } from "../wire/envelope.ts";
import { weightOf } from "../wire/weight.ts";
import type { TrustLevel } from "./trust.ts";

/** A message that arrived. */
export interface Received {
  /** The key of `endpoints` that its address is listed under; of `replay_endpoints`, where it was fetched. */
  readonly name: string;
  /** The address it came from. */
  readonly endpoint: string;
  readonly topic: string;
  /**
   * What it says. Where subscriptions share connections, as the consumers of a hub do, it is one object for all of them, and for
   * each time that it is tried: whoever wants to change it changes a copy (`structuredClone`).
   */
  readonly message: Message;
  /** The exact bytes of the body: what a signature covers, and numbers as they were spelt. */
  readonly body: Uint8Array;
  /** What is known about who sent it. */
  readonly trust: TrustLevel;
  /** The name on the certificate, where the message is `signed`. */
  readonly signer?: string;
}

/** A message from a bus, which was weighed once for all the queues that it comes through. */
export class WeighedMessage implements Received {
  readonly name: string;
  readonly endpoint: string;
  readonly topic: string;
  readonly message: Message;
  readonly body: Uint8Array;
  readonly trust: TrustLevel;
  declare readonly signer?: string;
  readonly #weight: number;

  /** @param weight see `weightOf` */
  constructor(received: Received, weight: number) {
    this.name = received.name;
    this.endpoint = received.endpoint;
    this.topic = received.topic;
    this.message = received.message;
    this.body = received.body;
    this.trust = received.trust;
    if (received.signer !== undefined) this.signer = received.signer;
    this.#weight = weight;
  }

  /** What a message counts in queues that are bounded in bytes. One that did not come from a bus is weighed at each call. */
  static weigh(this: void, received: Received): number {
    return #weight in received ? received.#weight : weightOf(received.body);
  }
}

/** See {@link WeighedMessage}. */
export const { weigh } = WeighedMessage;

/** A message that arrived at a subscription with a name. */
export interface DurableReceived extends Received {
  /**
   * Keeps that this message is handled, so that it does not come again; and in the same transaction, if it is given, what
   * `work` writes to tables of its own in the same database: both or neither, whatever happens when. Without a call, it is
   * kept when the loop asks for the next message, unless the subscription has `commit: "explicit"`. Calls from several
   * messages may be under way at a time, and are committed as a group, which is many times as fast as one after the other.
   *
   * Where it rejects, the message is not handled, and `commit` may be called again. With `commit: "explicit"` it stays in hand
   * until that succeeds or it is released; else it comes again where a journal has it. Once it is handled, or while that is
   * under way, a further call without `work` is the same as the first.
   *
   * @param work must not wait for anything; does not run where the message was handled before, by another copy
   * @returns what `work` returned, once it is on disk
   * @throws FedmsgError FEDMSG_JOURNAL (the disk is full, for instance), FEDMSG_CLOSED, FEDMSG_UNSUPPORTED (there was a commit
   *   before, and this `work` would not be part of it); what `work` throws, or breaks, as a constraint that is deferred
   */
  commit<T>(work?: (transaction: Transaction) => T): Promise<T | undefined>;
  /**
   * Gives the message back: it is as if it had not come, so that it comes again where a journal has it, within seconds; where
   * none has, it is lost. Does nothing once it was committed, or while that is under way.
   */
  release(): void;
  /**
   * Whether a journal that is followed has it, by that journal's own word: then it comes again where it is not committed. It was
   * fetched from there; and once the subscription (`commit: "explicit"`) was drained, the journal, asked at that time, gave it, or
   * could not be asked.
   */
  readonly comesAgain: boolean;
}

/** What a message of a subscription with a name needs of it. */
export interface Committer {
  commit<T>(key: string, work?: (transaction: Transaction) => T): Promise<T | undefined>;
  release(key: string): void;
  /** Whether a journal that is followed has the message, by its own word. */
  isKept(coming: Coming): boolean;
}

/** How a message came. */
export interface Coming {
  readonly key: string;
  /** The UUID of the journal that gave it, where one did. */
  readonly journal: string | undefined;
}

/** See {@link DurableReceived}. */
export class CommittableMessage extends WeighedMessage implements DurableReceived {
  readonly #coming: Coming;
  readonly #committer: Committer;
  #committing: Promise<unknown> | undefined;
  #isTaken = false;
  #onDone: (() => void) | undefined;

  constructor(received: Received, coming: Coming, committer: Committer) {
    super(received, weigh(received));
    this.#coming = coming;
    this.#committer = committer;
  }

  /** Whether somebody sees to it: whoever called `commit` once, and perhaps will again, or gave it back. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  get comesAgain(): boolean {
    return this.#committer.isKept(this.#coming);
  }

  /** Somebody has it in hand now. @param onDone called once, when it is committed or was given back */
  give(onDone: () => void): void {
    this.#onDone = onDone;
  }

  commit<T>(work?: (transaction: Transaction) => T): Promise<T | undefined> {
    this.#isTaken = true;
    if (this.#committing && work) return Promise.reject(alreadyHandled());
    this.#committing ??= this.#commit(work);
    return this.#committing as Promise<T | undefined>;
  }

  release(): void {
    if (this.#committing) return;
    this.#isTaken = true;
    this.#committer.release(this.#coming.key);
    this.#noteDone();
  }

  async #commit<T>(work: ((transaction: Transaction) => T) | undefined): Promise<T | undefined> {
    try {
      const result = await this.#committer.commit(this.#coming.key, work);
      this.#noteDone();
      return result;
    } catch (error) {
      this.#committing = undefined; // It is in hand as before.
      throw error;
    }
  }

  #noteDone(): void {
    this.#onDone?.();
    this.#onDone = undefined;
  }
}

/** What is written behind the transaction of a message would be no part of it. */
function alreadyHandled(): FedmsgError {
  return new FedmsgError(
    "FEDMSG_UNSUPPORTED",
    "commit(work): this message is handled already, and nothing of this work is written; do all of it in one commit",
  );
}
