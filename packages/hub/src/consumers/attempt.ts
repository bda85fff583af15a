/**
 * One call of `consume`, and the fence around it.
 *
 * ```
 * running ──▶ returned ──▶ kept ───────────────────▶ ended: handled
 *    │  │         └─ commit failed ────────────────▶ ended: failed
 *    │  └───▶ threw ──────────────────────────────▶ ended: failed (handled, where it had committed)
 *    └──────▶ given up: too long, or the hub ends ─▶ ended: late (handled, where a commit was under way and succeeds)
 *             what it still does is without effect: its `commit` rejects
 * ```
 *
 * No promise and no timer is made for a `consume` that returns at once, and no AbortController until somebody asks for the
 * signal: there may be tens of thousands of attempts a second.
 */

import { type Bus, FedmsgError } from "fedmsg";
import type { Config } from "fedmsg/config";
import type { ConsumeContext, Log, PluginContext, Transaction } from "fedmsg/plugin";
import { hasCode } from "../plugins/text.ts";
import type { Job } from "./job.ts";

/** Why an attempt is over. */
export type Ending = "returned" | "threw" | "timeout" | "hub ended";

/** How an attempt ended. */
export interface Outcome {
  readonly ending: Ending;
  /** Whether the message is handled, whatever else happened. */
  readonly isHandled: boolean;
  /** Whether the disk refused to keep that it is: whatever `consume` threw then is not the message's fault. */
  readonly isRefused: boolean;
  /** What went wrong, where something did. */
  readonly error?: unknown;
}

/** Hears of an attempt. None of it may throw. */
export interface AttemptListener {
  /** Its consumer has a hand free again. @param isAbandoned it was given up, and still runs */
  free(attempt: Attempt, seconds: number, isAbandoned: boolean): void;
  /** What became of the message. */
  ended(attempt: Attempt, outcome: Outcome): void;
  /** An attempt that was given up has come to its end. @param error what it rejected with, if it did */
  late(attempt: Attempt, error: unknown): void;
}

/** What an attempt needs of its consumer. */
export interface AttemptOptions {
  readonly job: Job;
  readonly plugin: PluginContext;
  readonly timeoutMs: number;
  readonly listener: AttemptListener;
}

/** See the top of the file. */
export class Attempt implements ConsumeContext {
  readonly job: Job;
  readonly attempt: number;
  readonly #options: AttemptOptions;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;
  #ending: Ending | undefined;
  #endingError: unknown;
  #hasCommitted = false;
  #isHandled = false;
  #commitError: unknown;
  /** What the work of a commit threw itself. */
  #workError: unknown;
  #commitsUnderWay = 0;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.job = options.job;
    this.attempt = options.job.attempts;
  }

  get name(): string {
    return this.#options.plugin.name;
  }

  get config(): Config {
    return this.#options.plugin.config;
  }

  get bus(): Bus {
    return this.#options.plugin.bus;
  }

  get log(): Log {
    return this.#options.plugin.log;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isGivenUp) this.#controller.abort(this.#endingError);
    return this.#controller.signal;
  }

  /** Calls `consume`. */
  run(consume: (job: Job, context: ConsumeContext) => unknown): void {
    let result: unknown;
    let isPending = false;
    try {
      result = consume(this.job, this);
      isPending = typeof (result as Partial<PromiseLike<unknown>> | null | undefined)?.then === "function";
    } catch (error) {
      this.#end("threw", error);
      return;
    }
    if (isPending) this.#await(result);
    else this.#end("returned");
  }

  /** Waits for it no longer. */
  giveUp(ending: "timeout" | "hub ended", error: FedmsgError): void {
    if (this.#ending) return;
    this.#end(ending, error);
    this.#controller?.abort(error);
  }

  /** Bound, as it is taken out of the context. */
  readonly commit = <T>(work?: (transaction: Transaction) => T): Promise<T | undefined> => {
    if (this.#ending) return rejected(this.#fenceError());
    this.#hasCommitted = true;
    this.#commitsUnderWay++;
    const committing = this.job.handle(work && this.#noting(work));
    const settled = (isHandled: boolean, error?: unknown) => {
      this.#isHandled ||= isHandled;
      this.#commitError = error;
      this.#commitsUnderWay--;
      if (this.#ending && this.#commitsUnderWay === 0) this.#conclude();
    };
    committing.then(
      () => settled(true),
      (error: unknown) => settled(false, error),
    );
    return committing;
  };

  #await(result: unknown): void {
    const tooLong = () => this.giveUp("timeout", tooLongError(this.#options.timeoutMs));
    this.#timer = setTimeout(tooLong, this.#options.timeoutMs).unref();
    // Whatever has a `then` may misuse it; a promise made of it does not.
    Promise.resolve(result).then(
      () => this.#settled("returned"),
      (error: unknown) => this.#settled("threw", error),
    );
  }

  get #isGivenUp(): boolean {
    return this.#ending === "timeout" || this.#ending === "hub ended";
  }

  #settled(ending: "returned" | "threw", error?: unknown): void {
    if (this.#ending) this.#options.listener.late(this, error);
    else this.#end(ending, error);
  }

  #end(ending: Ending, error?: unknown): void {
    this.#ending = ending;
    this.#endingError = error;
    clearTimeout(this.#timer);
    const seconds = (performance.now() - this.#startedAt) / 1000;
    if (this.#commitsUnderWay === 0) this.#conclude();
    this.#options.listener.free(this, seconds, this.#isGivenUp);
  }

  #conclude(): void {
    const ending = this.#ending as Ending;
    const tell = (isHandled: boolean, error?: unknown) => {
      const isRefused = !isHandled && this.#isRefused;
      this.#options.listener.ended(this, { ending, isHandled, isRefused, error });
    };
    if (this.#isHandled || ending !== "returned") tell(this.#isHandled, this.#endingError);
    else if (this.#hasCommitted) tell(false, this.#commitError);
    else if (!this.job.isKept) tell(true);
    else {
      this.job.handle().then(
        () => tell(true),
        (error: unknown) => {
          this.#commitError = error;
          tell(false, error);
        },
      );
    }
  }

  /** Whether our own commit failed, and not what it was to write. */
  get #isRefused(): boolean {
    return this.#commitError !== this.#workError && hasCode(this.#commitError, "FEDMSG_JOURNAL");
  }

  #noting<T>(work: (transaction: Transaction) => T): (transaction: Transaction) => T {
    return (transaction) => {
      try {
        return work(transaction);
      } catch (error) {
        this.#workError = error;
        throw error;
      }
    };
  }

  #fenceError(): FedmsgError {
    if (this.#ending === "timeout") {
      return new FedmsgError("FEDMSG_TIMEOUT", "this attempt took too long and was given up: nothing is committed");
    }
    const why = this.#ending === "hub ended" ? "the hub ends and waits no longer" : "consume has ended already";
    return new FedmsgError("FEDMSG_CLOSED", `${why}: nothing is committed`);
  }
}

function tooLongError(timeoutMs: number): FedmsgError {
  return new FedmsgError("FEDMSG_TIMEOUT", `it took longer than ${timeoutMs} ms (timeoutMs) and was given up`);
}

/** One that nobody has to look at: it must not end the process. */
function rejected(error: FedmsgError): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
