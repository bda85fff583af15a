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
 * All of them together are at most `heldMax`, and weigh `heldWeightMax`, but for the last of each who adds, and who must heed
 * `hasRoom`. An attempt that is given up may run on, where it does not heed its signal: it counts no longer as one of `concurrency`, but
 * there are never more than `abandonedMax` of those, and the consumer stands still until one ends.
 *
 * With `moksha.blocking_mode` a message needs the hub's one turn to be begun, and gives it away when it is done with, or pauses:
 * a message that fails, or a dead letter that cannot be written, holds up no other consumer.
 */

import type { FedmsgError } from "fedmsg";
import { type ConsumeContext, countOf, type PluginContext, toLine } from "fedmsg/plugin";
import type { PluginLog } from "../plugins/plugin-log.ts";
import { describeThrown, hasCode } from "../plugins/text.ts";
import { Attempt, type AttemptListener, type Outcome } from "./attempt.ts";
import type { Job } from "./job.ts";
import { Lanes } from "./lanes.ts";
import { Pauses, pauseMs, type RetryPolicy } from "./retries.ts";
import type { Tally } from "./tally.ts";
import type { Turn } from "./turn.ts";

/** What messages in hand weigh: at most six times as much is what they take in memory. One more message always fits. */
const heldWeightMax = 16 * 1024 * 1024;
/** How often a dead letter is tried to be written at most, in ms. */
const buryMsMin = 100;
/** How often it is told that dead letters cannot be written, in ms. */
const alarmMs = 60_000;
/** How long a message that is being written down as a dead letter keeps the hub's one turn, in ms: the file may be locked. */
const buryTurnMs = 100;

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

/** Nobody published before 2001. In seconds since the epoch. */
const believedFrom = 1e9;

/** See the top of the file. */
export class Workload implements AttemptListener {
  readonly heldMax: number;
  readonly #abandonedMax: number;
  readonly #options: WorkloadOptions;
  readonly #held = new Set<Job>();
  readonly #lanes = new Lanes<Job>();
  readonly #pauses = new Pauses<Job>((job) => this.#goOn(job));
  readonly #attempts = new Set<Attempt>();
  #heldWeight = 0;
  #handsFull = 0;
  #abandoned = 0;
  #isFilling = false;
  #isWindingUp = false;
  /** When it was told last that dead letters cannot be written, in ms of `performance.now()`. */
  #alarmedAt: number | undefined;
  /** Why nothing is waited for any more. */
  #hurry: FedmsgError | undefined;
  readonly #waitingForRoom: (() => void)[] = [];
  readonly #waitingForIdle: (() => void)[] = [];

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#abandonedMax = Math.max(100, 10 * options.concurrency);
    this.heldMax = options.turn ? 1 : this.#abandonedMax;
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

  /** How many are dead, and are not written down yet. */
  unwritten(): number {
    let count = 0;
    for (const { isDead } of this.#held) if (isDead) count++;
    return count;
  }

  /** When the oldest was published, in seconds since the epoch; `undefined` where there is none that says so. */
  oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const { received } of this.#held) {
      const { timestamp: at } = received.message;
      if (typeof at !== "number" || at < believedFrom || at >= (oldest ?? Number.POSITIVE_INFINITY)) continue;
      // Where signatures count, somebody without one could say anything.
      if (received.trust !== "unsigned") oldest = at;
    }
    return oldest;
  }

  /** Takes a message. */
  add(job: Job): void {
    this.#held.add(job);
    this.#heldWeight += job.weight;
    this.#options.tally.received++;
    this.#whenItsTurn(job, () => {
      if (!job.isEnded) this.#lanes.add(job, job.line);
    });
  }

  /** Whether there is room for a message. */
  get hasRoom(): boolean {
    return this.#held.size < this.heldMax && this.#heldWeight < heldWeightMax;
  }

  /** Resolves when there may be room for a message: somebody else who waited may take it. */
  room(): Promise<void> {
    if (this.hasRoom) return Promise.resolve();
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
    if (isAbandoned && ++this.#abandoned === this.#abandonedMax && !this.#hurry) {
      const why = `consume does not heed its signal: ${this.#abandonedMax} attempts that were given up still run`;
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

  ended({ job, attempt }: Attempt, { ending, isHandled, isRefused, error }: Outcome): void {
    const { tally, log, retry } = this.#options;
    if (ending === "timeout") tally.timeouts++;
    const hasFailed = ending !== "hub ended" && (ending !== "returned" || !isHandled);
    if (hasFailed) {
      tally.failures++;
      const what = isHandled ? "an attempt failed after it had committed" : "an attempt failed";
      log.complain(what, `${nameOf(job)}, ${attempt} of ${retry.attempts}: ${describeThrown(error)}`);
    }
    job.error = error;
    job.isRefused = isRefused;
    if (isHandled) this.#done(job);
    else if (ending === "hub ended" || this.#hurry) this.#leave(job);
    else this.#retry(job);
  }

  /** Puts it where it is begun, once it has the turn, where there is one. */
  #whenItsTurn(job: Job, queue: () => void): void {
    const { turn } = this.#options;
    const begin = () => {
      job.hasTurn = turn !== undefined;
      queue();
      if (this.#isFilling) return; // It is looked at there.
      this.#fill();
      if (job.state === "waiting") this.#passTurn(job); // It cannot be begun yet, and asks once more when it can.
    };
    if (turn) turn.take(begin);
    else begin();
  }

  #passTurn(job: Job): void {
    if (!job.hasTurn) return;
    job.hasTurn = false;
    this.#options.turn?.pass();
  }

  /** It had its place before all others, and keeps it. */
  #tryAgain(job: Job): void {
    job.state = "waiting";
    this.#whenItsTurn(job, () => {
      if (job.isEnded) this.#lanes.finished(job.line);
      else this.#lanes.addAgain(job);
    });
  }

  #pause(job: Job, ms: number): void {
    job.state = "pausing";
    this.#pauses.add(job, ms);
    this.#passTurn(job);
    this.#fill();
  }

  /** Begins as many attempts as there are hands. What `consume` does at once comes back here, and must not nest. */
  #fill(): void {
    if (this.#isFilling) return;
    this.#isFilling = true;
    const { concurrency, turn } = this.#options;
    while (!this.#hurry && this.#handsFull < concurrency && this.#abandoned < this.#abandonedMax) {
      const job = this.#lanes.next();
      if (!job) break;
      if (job.isEnded) this.#lanes.finished(job.line);
      else if (turn && !job.hasTurn) this.#tryAgain(job);
      else this.#attempt(job);
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
    const isSpent = job.attempts >= retry.attempts && !job.isRefused;
    if (this.#isWindingUp && !job.isLast) this.#goOn(job);
    else if (this.#isWindingUp || isSpent) void this.#bury(job);
    else this.#pause(job, pauseMs(job.attempts, retry, random));
  }

  /** A pause is over, or is cut short by the end. */
  #goOn(job: Job): void {
    if (job.isDead) void this.#bury(job);
    else if (this.#isWindingUp && job.release()) this.#end(job);
    else {
      job.isLast = this.#isWindingUp;
      this.#tryAgain(job);
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
    const slow = job.hasTurn ? setTimeout(() => this.#passTurn(job), buryTurnMs) : undefined;
    try {
      await job.bury().finally(() => clearTimeout(slow));
      tally.deadLetters++;
      log.complain("a message is a dead letter now", `${nameOf(job)}: ${describeThrown(job.error)}`);
      this.#done(job);
      this.#endAlarm();
    } catch (error) {
      tally.letterFailures++;
      const why = `${nameOf(job)}: ${describeThrown(error)}`;
      if ((this.#hurry || hasCode(error, "FEDMSG_CLOSED")) && job.release()) this.#end(job);
      else if (this.#hurry) {
        log.error(`the hub ends, and a message is lost, as its dead letter cannot be written: ${why}`);
        this.#end(job);
      } else {
        this.#alarm(why);
        this.#pause(job, Math.max(retry.mostMs, buryMsMin));
      }
    }
    this.#fill();
  }

  /** At once, and once a minute as long as it is so: sooner or later the consumer stands still. */
  #alarm(why: string): void {
    const now = performance.now();
    if (this.#alarmedAt !== undefined && now - this.#alarmedAt < alarmMs) return;
    this.#alarmedAt = now;
    const held = `${countOf(this.unwritten(), "message waits", "messages wait")} for that, and with ${this.heldMax} in its hands the consumer stands still`;
    this.#options.log.error(`a dead letter cannot be written, and is tried again (${held}): ${why}`);
  }

  #endAlarm(): void {
    if (this.#alarmedAt === undefined || this.unwritten() > 0) return;
    this.#alarmedAt = undefined;
    this.#options.log.info("all dead letters are written");
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
    if (job.isReleased) this.#options.tally.released++;
    if (this.#held.delete(job)) this.#heldWeight -= job.weight;
    if (!wasInLane) this.#lanes.finished(job.line);
    if (this.#waitingForRoom.length > 0 && this.hasRoom)
      for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    if (this.#held.size === 0) for (const resolve of this.#waitingForIdle.splice(0)) resolve();
    this.#passTurn(job);
    this.#fill();
  }
}

function nameOf({ received: { topic, message } }: Job): string {
  return toLine(`${topic} ${typeof message.msg_id === "string" ? message.msg_id : "without msg_id"}`, 300);
}
