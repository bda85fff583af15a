import { type CommittableMessage, type DurableReceived, weigh } from "./received.ts";

/** Commits that may be under way before the next message is given. */
const commitsMax = 1000;
/** What they may weigh, but for the last: where the disk is slow, each of them is in memory. */
const commitsWeightMax = 16 * 1024 * 1024;

/** Gives the messages of a subscription with a name, and commits each when the next is asked for. */
export class DurableIterator implements AsyncIterableIterator<DurableReceived, undefined> {
  readonly #messages: AsyncIterator<CommittableMessage, undefined>;
  readonly #onEnd: () => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #out: CommittableMessage | undefined;
  #commits = 0;
  #commitsWeight = 0;
  #last: Promise<unknown> = Promise.resolve();
  #resume: (() => void) | undefined;

  /**
   * @param onEnd called when the last message is done with, or the loop was left
   * @param onFailure hears of a commit that nobody waits for
   */
  constructor(
    messages: AsyncIterator<CommittableMessage, undefined>,
    onEnd: () => Promise<void>,
    onFailure: (error: unknown) => void,
  ) {
    this.#messages = messages;
    this.#onEnd = onEnd;
    this.#onFailure = onFailure;
  }

  /** Whether somebody has a message in hand. */
  get isBusy(): boolean {
    return this.#out !== undefined;
  }

  /** One after the other, also where several are asked for at once: each call says that the message before is done with. */
  next(): Promise<IteratorResult<DurableReceived, undefined>> {
    const next = this.#last.then(() => this.#next());
    this.#last = next.catch(() => {});
    return next;
  }

  async #next(): Promise<IteratorResult<DurableReceived, undefined>> {
    this.#settle();
    while (this.#isFull) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    let result: IteratorResult<CommittableMessage, undefined>;
    try {
      result = await this.#messages.next();
    } catch (error) {
      await this.#onEnd();
      throw error;
    }
    if (result.done) await this.#onEnd();
    else this.#out = result.value;
    return result;
  }

  /** The message in hand is not handled: the loop was left. */
  async return(): Promise<IteratorResult<DurableReceived, undefined>> {
    this.#out = undefined;
    await this.#messages.return?.();
    await this.#onEnd();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get #isFull(): boolean {
    return this.#commits >= commitsMax || this.#commitsWeight >= commitsWeightMax;
  }

  #settle(): void {
    const message = this.#out;
    this.#out = undefined;
    if (!message || message.isTaken) return;
    this.#commits++;
    const weight = weigh(message);
    this.#commitsWeight += weight;
    message
      .commit()
      .catch(this.#onFailure)
      .finally(() => {
        this.#commits--;
        this.#commitsWeight -= weight;
        this.#resume?.();
        this.#resume = undefined;
      });
  }
}
