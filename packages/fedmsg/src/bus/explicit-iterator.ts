import type { BoundedQueue } from "./bounded-queue.ts";
import type { CommittableMessage, DurableReceived } from "./received.ts";

/**
 * Gives the messages of a subscription with a name and `commit: "explicit"`. Each is in hand until it is committed or given
 * back, any number at a time.
 */
export class ExplicitIterator implements AsyncIterableIterator<DurableReceived, undefined> {
  readonly #messages: BoundedQueue<CommittableMessage>;
  readonly #onEnd: () => Promise<void>;
  #inHand = 0;

  /** @param onEnd called when nothing is in hand, and nothing more will be */
  constructor(messages: BoundedQueue<CommittableMessage>, onEnd: () => Promise<void>) {
    this.#messages = messages;
    this.#onEnd = onEnd;
  }

  /** Whether somebody has a message in hand. */
  get isBusy(): boolean {
    return this.#inHand > 0;
  }

  async next(): Promise<IteratorResult<DurableReceived, undefined>> {
    let result: IteratorResult<CommittableMessage, undefined>;
    try {
      result = await this.#messages.next();
    } catch (error) {
      await this.#endWhenDone();
      throw error;
    }
    if (result.done) {
      await this.#endWhenDone();
      return result;
    }
    this.#inHand++;
    result.value.give(() => {
      this.#inHand--;
      this.#endWhenDone().catch(() => {}); // Whoever closes the subscription hears of it.
    });
    return result;
  }

  /** The loop was left. What is in hand can still be committed. */
  async return(): Promise<IteratorResult<DurableReceived, undefined>> {
    await this.#messages.return();
    await this.#endWhenDone();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #endWhenDone(): Promise<void> {
    if (this.#inHand === 0 && this.#messages.isOver) await this.#onEnd();
  }
}
