import type { Transaction } from "../replay/cursors.ts";
import type { Message } from "../wire/envelope.ts";
import type { TrustLevel } from "./trust.ts";

/** A message that arrived. */
export interface Received {
  /** The key of `endpoints` that its address is listed under; of `replay_endpoints`, where it was fetched. */
  readonly name: string;
  /** The address it came from. */
  readonly endpoint: string;
  readonly topic: string;
  readonly message: Message;
  /** The exact bytes of the body: what a signature covers, and numbers as they were spelt. */
  readonly body: Uint8Array;
  /** What is known about who sent it. */
  readonly trust: TrustLevel;
  /** The name on the certificate, where the message is `signed`. */
  readonly signer?: string;
}

/** A message that arrived at a subscription with a name. */
export interface DurableReceived extends Received {
  /**
   * Keeps that this message is handled, so that it does not come again; and in the same transaction, if it is given, what
   * `work` writes to tables of its own in the same database: both or neither, whatever happens when. Without a call, it is
   * kept when the loop asks for the next message, unless the subscription has `commit: "explicit"`. Calls from several messages may be under way at a time, and are committed
   * as a group, which is many times as fast as one after the other.
   *
   * @param work must not wait for anything; does not run where the message was handled before, by another copy
   * @returns what `work` returned, once it is on disk
   * @throws FedmsgError FEDMSG_JOURNAL (the disk is full, for instance: the message is not handled, and comes again where a
   *   journal has it), FEDMSG_CLOSED; what `work` throws, with the same consequence
   */
  commit<T>(work?: (transaction: Transaction) => T): Promise<T | undefined>;
  /**
   * Gives the message back: it is as if it had not come, so that it comes again where a journal has it, within seconds; where
   * none has, it is lost. Does nothing once it was committed, or while that is under way.
   */
  release(): void;
}

/** What a message of a subscription with a name needs of it. */
export interface Committer {
  commit<T>(key: string, work?: (transaction: Transaction) => T): Promise<T | undefined>;
  release(key: string): void;
}

/** See {@link DurableReceived}. */
export class CommittableMessage implements DurableReceived {
  readonly name: string;
  readonly endpoint: string;
  readonly topic: string;
  readonly message: Message;
  readonly body: Uint8Array;
  readonly trust: TrustLevel;
  declare readonly signer?: string;
  readonly #key: string;
  readonly #committer: Committer;
  #committing: Promise<unknown> | undefined;
  #isTaken = false;
  #onDone: (() => void) | undefined;

  constructor(received: Received, key: string, committer: Committer) {
    this.name = received.name;
    this.endpoint = received.endpoint;
    this.topic = received.topic;
    this.message = received.message;
    this.body = received.body;
    this.trust = received.trust;
    if (received.signer !== undefined) this.signer = received.signer;
    this.#key = key;
    this.#committer = committer;
  }

  /** Whether somebody sees to it: whoever called `commit` once, and perhaps will again, or gave it back. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Somebody has it in hand now. @param onDone called once, when it is committed, could not be, or was given back */
  give(onDone: () => void): void {
    this.#onDone = onDone;
  }

  commit<T>(work?: (transaction: Transaction) => T): Promise<T | undefined> {
    this.#isTaken = true;
    this.#committing ??= this.#commit(work);
    return this.#committing as Promise<T | undefined>;
  }

  release(): void {
    if (this.#committing) return;
    this.#isTaken = true;
    this.#committer.release(this.#key);
    this.#noteDone();
  }

  async #commit<T>(work: ((transaction: Transaction) => T) | undefined): Promise<T | undefined> {
    try {
      return await this.#committer.commit(this.#key, work);
    } catch (error) {
      this.#committing = undefined;
      throw error;
    } finally {
      this.#noteDone();
    }
  }

  #noteDone(): void {
    this.#onDone?.();
    this.#onDone = undefined;
  }
}
