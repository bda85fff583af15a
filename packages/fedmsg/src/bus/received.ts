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
   * kept when the loop asks for the next message. Calls from several messages may be under way at a time, and are committed
   * as a group, which is many times as fast as one after the other.
   *
   * @param work must not wait for anything; does not run where the message was handled before, by another copy
   * @returns what `work` returned, once it is on disk
   * @throws FedmsgError FEDMSG_JOURNAL (the disk is full, for instance: the message is not handled, and comes again where a
   *   journal has it), FEDMSG_CLOSED; what `work` throws, with the same consequence
   */
  commit<T>(work?: (transaction: Transaction) => T): Promise<T | undefined>;
}

/** What a message of a subscription with a name needs of it. */
export interface Committer {
  commit<T>(key: string, work?: (transaction: Transaction) => T): Promise<T | undefined>;
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

  /** Whether somebody sees to it: whoever called `commit` once, and perhaps will again. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  commit<T>(work?: (transaction: Transaction) => T): Promise<T | undefined> {
    this.#isTaken = true;
    this.#committing ??= this.#committer.commit(this.#key, work).catch((error: unknown) => {
      this.#committing = undefined;
      throw error;
    });
    return this.#committing as Promise<T | undefined>;
  }
}
