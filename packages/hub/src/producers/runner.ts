/**
 * Polls one producer when it is due, one call at a time. What falls due while a poll is under way is left out; a poll that
 * throws or hangs is told and counted, and the next comes when it is due.
 */

import type { PluginContext, ProducerDefinition } from "fedmsg/plugin";
import { before, callWithin } from "../plugins/limits.ts";
import type { PluginLog } from "../plugins/plugin-log.ts";
import { describeThrown } from "../plugins/text.ts";
import type { ProducerStats } from "../stats.ts";
import { createSchedule, type Schedule } from "./schedule.ts";

const timeoutMsDefault = 60_000;
const startMs = 60_000;
const graceMs = 5000;
/** The longest sleep, so that a clock that was set is noticed, and no timer overflows. */
const sleepMsMax = 60_000;

/** What a producer's runner needs. */
export interface ProducerRunnerOptions {
  readonly definition: ProducerDefinition;
  readonly module: string;
  readonly plugin: PluginContext;
  readonly log: PluginLog;
}

/** See the top of the file. */
export class ProducerRunner {
  readonly name: string;
  readonly #options: ProducerRunnerOptions;
  #schedule: Schedule | undefined;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #hasStarted = false;
  #isRunning = false;
  #polls = 0;
  #failures = 0;
  #lastRanAt = 0;
  #ending: Promise<void> | undefined;

  constructor(options: ProducerRunnerOptions) {
    this.#options = options;
    this.name = options.definition.name;
  }

  /** Begins. @throws FedmsgError FEDMSG_CONFIG_INVALID for a cron expression that is none; what `start` throws */
  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { definition, plugin } = this.#options;
    this.#schedule = await createSchedule(definition, this.#clock());
    if (definition.start) await callWithin(() => definition.start?.(plugin), startMs, "start", plugin.signal);
    this.#hasStarted = true;
    if (this.#ending) return;
    this.#isRunning = true;
    if (definition.now) this.#poll();
    else this.#plan();
  }

  /** Polls no more, waits for the poll under way until the hub waits no longer, and ends. Idempotent; never rejects. */
  drain(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  stats(): ProducerStats {
    const { definition, module } = this.#options;
    return {
      ...{ name: this.name, module, isRunning: this.#isRunning, polls: this.#polls, failures: this.#failures },
      ...{ every: definition.every, now: definition.now ?? false, lastRanAt: this.#lastRanAt },
    };
  }

  /** Seconds of cron are those of the wall; an interval is as long as it is, whatever becomes of the clock. */
  #clock(): number {
    return this.#options.definition.cron === undefined ? performance.now() : Date.now();
  }

  #plan(): void {
    const dueMs = this.#schedule?.next(this.#clock());
    if (dueMs !== undefined) this.#sleep(dueMs);
    else this.#options.log.warn("cron names no further time: it is polled no more");
  }

  #sleep(dueMs: number): void {
    if (this.#ending) return;
    const leftMs = dueMs - this.#clock();
    if (leftMs <= 0) this.#poll();
    else this.#timer = setTimeout(() => this.#sleep(dueMs), Math.min(Math.ceil(leftMs), sleepMsMax)).unref();
  }

  #poll(): void {
    this.#polls++;
    this.#lastRanAt = Date.now() / 1000;
    this.#polling = this.#call().finally(() => {
      this.#polling = undefined;
      if (!this.#ending) this.#plan();
    });
  }

  async #call(): Promise<void> {
    const { definition, plugin, log } = this.#options;
    const timeoutMs = definition.timeoutMs ?? timeoutMsDefault;
    const hangs = () => {
      this.#failures++;
      log.warn(`poll has not ended after ${timeoutMs} ms (timeoutMs); no other begins before it does`);
    };
    const timer = setTimeout(hangs, timeoutMs).unref();
    try {
      await definition.poll(plugin);
    } catch (error) {
      this.#failures++;
      log.complain("poll failed", describeThrown(error));
    } finally {
      clearTimeout(timer);
    }
  }

  async #end(): Promise<void> {
    const { definition, plugin, log } = this.#options;
    clearTimeout(this.#timer);
    if (this.#starting) await before(this.#starting, plugin.signal);
    if (this.#polling && !(await before(this.#polling, plugin.signal))) log.warn("the hub ended during a poll");
    if (definition.stop && this.#hasStarted) {
      const complain = (error: unknown) => log.error(`stop failed: ${describeThrown(error)}`);
      await callWithin(() => definition.stop?.(plugin), graceMs, "stop").catch(complain);
    }
    this.#isRunning = false;
    log.flush();
  }
}
