/**
 * What becomes of one message in a consumer's hands, seen from outside of the hub: by the calls of its filter and of
 * `consume`, and by what it commits.
 *
 * ```
 * waiting ──▶ trying ──▶ returned, or failed after a commit ─────▶ over: handled
 *                │ ▲                                               (tried again where that could not be kept)
 *                ▼ │ retried
 *              failed ──▶ the last attempt ──────────────────────▶ over: dead letter
 * passed over by the filter, refused by the bus ─────────────────▶ over: never tried
 * ```
 */

import type { ConsumeContext } from "../plugins/consumer.ts";

/** What became of a message. */
export type Outcome =
  /** It was handled, at this attempt. */
  | { readonly handled: true; readonly attempts: number }
  /**
   * It is a dead letter, after so many attempts, and `error` is what the last one failed with. With 0 attempts the consumer
   * did not get it at all, and `error` says why: its topics or its filter pass it over, or the bus refused it.
   */
  | { readonly handled: false; readonly error: unknown; readonly attempts: number };

/** The code of an error that is the disk's fault: such a message is tried again in any case. */
const journalCode = "FEDMSG_JOURNAL";

/** See the top of the file. */
export class Trial {
  attempts = 0;
  /** How the filter was asked: more than once where it threw. */
  filterCalls = 0;
  outcome: Outcome | undefined;
  readonly #attemptsMax: number;
  readonly #onOver: (trial: Trial) => void;
  readonly #onAgain: (trial: Trial) => void;

  /**
   * @param onOver hears that the hub will be done with it once that is written down
   * @param onAgain hears that it could not be written down, and that it is tried once more
   */
  constructor(attemptsMax: number, onOver: (trial: Trial) => void, onAgain: (trial: Trial) => void) {
    this.#attemptsMax = attemptsMax;
    this.#onOver = onOver;
    this.#onAgain = onAgain;
  }

  /** An attempt begins. */
  begin(attempt: number): void {
    this.attempts = attempt;
    if (!this.outcome) return;
    this.outcome = undefined;
    this.#onAgain(this);
  }

  /** Runs an attempt; what it returns and throws is passed on. */
  async run(context: ConsumeContext, consume: (context: ConsumeContext) => unknown): Promise<void> {
    const { attempt, signal } = context;
    const watch = new CommitWatch(context);
    let isGivenUp = false;
    const giveUp = () => {
      isGivenUp = true;
      void watch.settled().then(() => this.#end(attempt, watch, signal.reason));
    };
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await consume(watch.context);
      await watch.settled();
      if (!isGivenUp) this.#end(attempt, watch, watch.failure);
    } catch (error) {
      await watch.settled();
      if (!isGivenUp) this.#end(attempt, watch, error ?? new Error(String(error)));
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** An attempt has ended without `consume`. */
  succeed(): void {
    this.#over({ handled: true, attempts: this.attempts });
  }

  /** As {@link succeed}, but it failed. */
  fail(error: unknown): void {
    const isLast = this.attempts >= this.#attemptsMax && Object(error).code !== journalCode;
    if (isLast) this.#over({ handled: false, error, attempts: this.attempts });
  }

  #end(attempt: number, { hasCommitted }: CommitWatch, error: unknown): void {
    if (attempt !== this.attempts) return;
    if (hasCommitted || error === undefined) this.succeed();
    else this.fail(error);
  }

  #over(outcome: Outcome): void {
    if (this.outcome) return;
    this.outcome = outcome;
    this.#onOver(this);
  }
}

/** Watches the commits of one attempt. */
class CommitWatch {
  readonly context: ConsumeContext;
  readonly #commits: Promise<unknown>[] = [];
  #hasCommitted = false;
  #error: unknown;

  constructor(context: ConsumeContext) {
    const { name, config, bus, log, attempt, signal } = context;
    this.context = {
      ...{ name, config, bus, log, attempt, signal },
      commit: (work) => {
        const committing = context.commit(work);
        this.#watch(committing);
        return committing;
      },
    };
  }

  get hasCommitted(): boolean {
    return this.#hasCommitted;
  }

  /** Why nothing was committed although something should have been. */
  get failure(): unknown {
    return this.#hasCommitted ? undefined : this.#error;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#commits);
  }

  #watch(committing: Promise<unknown>): void {
    const watched = committing.then(
      () => {
        this.#hasCommitted = true;
      },
      (error: unknown) => {
        this.#error = error ?? new Error(String(error));
      },
    );
    this.#commits.push(watched);
  }
}
