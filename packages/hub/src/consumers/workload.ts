/**
 * The messages in a consumer's hands, from when they were taken to when they are done with.
 *
 * ```
 * add ──▶ lanes ──▶ attempt ──▶ handled
 *           ▲          │ failed
 *           └─ pause ◀─┤
 *                      └──▶ dead letter; where that cannot be written: pause, and once more
 * ```
 *
 * All of them together are at most `heldMax`, which whoever adds must heed. An attempt that is given up may run on, where it
 * does not heed its signal: it counts no longer as one of `concurrency`, but there are never more than `heldMax` of those,
 * and the consumer stands still until one ends.
 */

import { FedmsgError, type FedmsgErrorCode } from "fedmsg";
import type { ConsumeContext, PluginContext } from "fedmsg/plugin";
import type { PluginLog } from "../plugins/plugin-log.ts";
import { describeThrown, toLine } from "../plugins/text.ts";
import { Attempt, type AttemptListener, type Outcome } from "./attempt.ts";
import type { Job } from "./job.ts";
import { Lanes } from "./lanes.ts";
import { Pauses, pauseMs, type RetryPolicy } from "./retries.ts";
import type { Tally } from "./tally.ts";
import type { Turn } from "./turn.ts";

/** How often a dead letter is tried to be written at most, in ms. */
const buryMsMin = 100;

/** What a workload needs to know. */
export interface WorkloadOptions {
  readonly consume: (job: Job, context: ConsumeContext) => unknown;
  readonly plugin: PluginContext;
  readonly log: PluginLog;
  readonly tally: Tally;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** What `Math.random` returns. */
  readonly random: () => number;
  /** The hub's one turn, where `moksha.blocking_mode` is set. */
  readonly turn: Turn | undefined;
  /** Called for each message that is done with: handled, or a dead letter. Must not throw. */
  readonly onDone?: ((job: Job) => void) | undefined;
}

/** See the top of the file. */
export class Workload implements AttemptListener {
  readonly heldMax: number;
  readonly #options: WorkloadOptions;
  readonly #held = new Set<Job>();
  readonly #lanes = new Lanes<Job>();
  readonly #pauses = new Pauses<Job>((job) => this.#goOn(job));
  readonly #attempts = new Set<Attempt>();
  #handsFull = 0;
  #abandoned = 0;
  #isFilling = false;
  #isWindingUp = false;
  /** Why nothing is waited for any more. */
  #hurry: FedmsgError | undefined;
  readonly #waitingForRoom: (() => void)[] = [];
  readonly #waitingForIdle: (() => void)[] = [];

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.heldMax = options.turn ? 1 : Math.max(100, 10 * options.concurrency);
  }

  /** How many messages are in these hands. */
  get size(): number {
    return this.#held.size;
  }

  /** How many are in the state. */
  count(state: Job["state"]): number {
    let count = 0;
    for (const job of this.#held) if (job.state === state) count++;
    return count;
  }

  /** When the oldest was published, in seconds since the epoch; `undefined` where there is none that says so. */
  oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const { received } of this.#held) {
      const at = received.message.timestamp;
      if (typeof at === "number" && !(at >= (oldest ?? Number.POSITIVE_INFINITY))) oldest = at;
    }
    return oldest;
  }

  /** Takes a message. */
  add(job: Job): void {
    this.#held.add(job);
    this.#options.tally.received++;
    const { turn } = this.#options;
    if (turn) turn.take(() => this.#begin(job));
    else this.#begin(job);
  }

  /** Resolves when there is room for a message; `undefined` where there is. */
  room(): Promise<void> | undefined {
    if (this.#held.size < this.heldMax) return undefined;
    return new Promise((resolve) => this.#waitingForRoom.push(resolve));
  }

  /** Resolves when nothing is held. */
  idle(): Promise<void> {
    if (this.#held.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForIdle.push(resolve));
  }

  /** The hub ends: what comes again by itself is let go, except what is being worked on; what paused is tried once more. */
  windUp(): void {
    this.#isWindingUp = true;
    for (const job of this.#held) if (job.state === "waiting" && job.release()) this.#end(job);
    for (const job of this.#pauses.clear()) this.#goOn(job);
  }

  /** Nothing is waited for any more: what is being worked on is let go, or is a dead letter. */
  hurry(error: FedmsgError): void {
    this.#isWindingUp = true;
    this.#hurry = error;
    for (const job of this.#held) if (job.state === "waiting") this.#leave(job);
    for (const job of this.#pauses.clear()) this.#leave(job);
    for (const attempt of [...this.#attempts]) attempt.giveUp("hub ended", error);
  }

  free(attempt: Attempt, seconds: number, isAbandoned: boolean): void {
    const { tally, log } = this.#options;
    this.#attempts.delete(attempt);
    this.#handsFull--;
    tally.took(seconds);
    if (isAbandoned && ++this.#abandoned === this.heldMax) {
      const why = `consume does not heed its signal: ${this.heldMax} attempts that were given up still run`;
      log.error(`${why}; it stands still until one of them ends`);
    }
    this.#fill();
  }

  late(_attempt: Attempt, error: unknown): void {
    this.#abandoned--;
    if (error !== undefined)
      this.#options.log.complain("an attempt that was given up failed late", describeThrown(error));
    this.#fill();
  }

  ended({ job, attempt }: Attempt, { ending, isHandled, error }: Outcome): void {
    const { tally, log, retry } = this.#options;
    if (ending === "timeout") tally.timeouts++;
    const hasFailed = ending !== "hub ended" && (ending !== "returned" || !isHandled);
    if (hasFailed) {
      tally.failures++;
      const what = isHandled ? "an attempt failed after it had committed" : "an attempt failed";
      log.complain(what, `${nameOf(job)}, ${attempt} of ${retry.attempts}: ${describeThrown(error)}`);
    }
    job.error = error;
    if (isHandled) this.#done(job);
    else if (ending === "hub ended" || this.#hurry) this.#leave(job);
    else this.#retry(job);
  }

  #begin(job: Job): void {
    if (job.isEnded) {
      this.#options.turn?.pass();
      return;
    }
    this.#lanes.add(job, job.line);
    this.#fill();
  }

  /** Begins as many attempts as there are hands. What `consume` does at once comes back here, and must not nest. */
  #fill(): void {
    if (this.#isFilling) return;
    this.#isFilling = true;
    const { concurrency, turn } = this.#options;
    while (!this.#hurry && this.#handsFull < concurrency && this.#abandoned < this.heldMax) {
      const job = this.#lanes.next();
      if (!job) break;
      if (!job.isEnded) this.#attempt(job);
      else {
        this.#lanes.finished(job.line);
        turn?.pass();
      }
    }
    this.#isFilling = false;
  }

  #attempt(job: Job): void {
    const { plugin, timeoutMs, tally, consume } = this.#options;
    job.state = "working";
    job.attempts++;
    if (job.attempts > 1) tally.retries++;
    this.#handsFull++;
    const attempt = new Attempt({ job, plugin, timeoutMs, listener: this });
    this.#attempts.add(attempt);
    attempt.run(consume);
  }

  #retry(job: Job): void {
    const { retry, random } = this.#options;
    // A disk that is full is not the message's fault: it would make dead letters of all there are.
    const isSpent = job.attempts >= retry.attempts && !hasCode(job.error, "FEDMSG_JOURNAL");
    if (this.#isWindingUp && !job.isLast) this.#goOn(job);
    else if (this.#isWindingUp || isSpent) void this.#bury(job);
    else {
      job.state = "pausing";
      this.#pauses.add(job, pauseMs(job.attempts, retry, random));
      this.#fill();
    }
  }

  /** A pause is over, or is cut short by the end. */
  #goOn(job: Job): void {
    if (job.isDead) void this.#bury(job);
    else if (this.#isWindingUp && job.release()) this.#end(job);
    else {
      job.isLast = this.#isWindingUp;
      job.state = "waiting";
      this.#lanes.addAgain(job);
      this.#fill();
    }
  }

  /** The hub ends, and this message was not handled. */
  #leave(job: Job): void {
    job.error ??= this.#hurry;
    if (job.release()) this.#end(job);
    else void this.#bury(job);
  }

  /** Makes a dead letter of it, however long that takes: nothing else is left of the message. */
  async #bury(job: Job): Promise<void> {
    const { log, retry, tally } = this.#options;
    job.isDead = true;
    job.state = "working";
    try {
      await job.bury();
      tally.deadLetters++;
      log.complain("a message is a dead letter now", `${nameOf(job)}: ${describeThrown(job.error)}`);
      this.#done(job);
    } catch (error) {
      const why = `${nameOf(job)}: ${describeThrown(error)}`;
      if (hasCode(error, "FEDMSG_CLOSED") && job.release()) this.#end(job);
      else if (this.#hurry) {
        log.error(`the hub ends, and a message is lost, as its dead letter cannot be written: ${why}`);
        this.#end(job);
      } else {
        log.complain("a dead letter cannot be written, and is tried again", why);
        job.state = "pausing";
        this.#pauses.add(job, Math.max(retry.mostMs, buryMsMin));
      }
    }
    this.#fill();
  }

  #done(job: Job): void {
    this.#options.tally.done++;
    this.#options.onDone?.(job);
    this.#end(job);
  }

  /** It is out of these hands. */
  #end(job: Job): void {
    const wasInLane = job.state === "waiting"; // There it is found to have ended, when its turn comes.
    job.isEnded = true;
    this.#held.delete(job);
    if (!wasInLane) this.#lanes.finished(job.line);
    if (this.#waitingForRoom.length > 0) for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    if (this.#held.size === 0) for (const resolve of this.#waitingForIdle.splice(0)) resolve();
    if (!wasInLane) this.#options.turn?.pass();
    this.#fill();
  }
}

/** What was thrown may be anything, and throw when it is looked at. */
function hasCode(error: unknown, code: FedmsgErrorCode): boolean {
  try {
    return error instanceof FedmsgError && error.code === code;
  } catch {
    return false;
  }
}

function nameOf({ received: { topic, message } }: Job): string {
  return toLine(`${topic} ${typeof message.msg_id === "string" ? message.msg_id : "without msg_id"}`, 300);
}
