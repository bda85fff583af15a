/**
 * A consumer under test, in a hub of its own. The hub counts the messages that it is done with and does not say which; the
 * trials know which ones it will be done with. When it has counted as many as are over, all of those are done with, their
 * commits and dead letters written.
 */

import { cursorsPath } from "../bus/open-cursors.ts";
import type { Received } from "../bus/received.ts";
import type { StatusEvent } from "../bus/status.ts";
import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { ConsumeContext, ConsumerDefinition, RetryOptions } from "../plugins/consumer.ts";
import type { SqlValue } from "../replay/cursors.ts";
import type { Transport } from "../transport/transport.ts";
import { toLine } from "../wire/escape.ts";
import { compileFilter } from "../wire/filter.ts";
import { compileTopics } from "../wire/topic.ts";
import { importQuery, type RunningHub, type RunStats, startTestHub } from "./hub-package.ts";
import { KeptLog } from "./kept-log.ts";
import { show } from "./show.ts";
import { type Outcome, Trial } from "./trial.ts";
import type { TestMessage, Voice } from "./voice.ts";

/** How a consumer runs in a test. */
export interface RunConsumerOptions {
  /** Default: as the definition says, but without real pauses: `firstMs` and `mostMs` are 1. */
  readonly retry?: RetryOptions;
  /** How long `feed` waits until the consumer is done with a message, in ms. Default 10,000. */
  readonly feedTimeoutMs?: number;
}

/** A consumer that runs in a hub. It ends with its test bus. */
export interface RunningConsumer {
  /**
   * Says a message as somebody else on the bus, and resolves when the consumer is done with it: it is handled, or a dead letter,
   * and that is written down. Several may be under way at a time.
   *
   * @throws FedmsgError FEDMSG_EXPECTATION (not done in time), FEDMSG_CLOSED, FEDMSG_ENCODE, FEDMSG_TOO_LARGE
   */
  feed(message: TestMessage): Promise<Outcome>;
  /** What it did so far. */
  stats(): RunStats;
  /** Rows of the consumer's database: of its own tables, where it is durable. @throws FedmsgError FEDMSG_JOURNAL */
  query(sql: string, ...values: readonly SqlValue[]): Promise<Record<string, SqlValue>[]>;
  /** What the hub and the consumer logged: `warn: audit: an attempt failed: …` */
  readonly logged: readonly string[];
  /** Finishes what is in hand, for 1 s at most, and ends; what the consumer keeps is there when it is run again. Idempotent. */
  stop(): Promise<void>;
}

/** What it needs of the test bus. */
export interface RunContext {
  readonly config: Config;
  readonly transport: Transport;
  readonly voice: Voice;
}

interface Feeding {
  readonly topic: string;
  readonly body: Uint8Array;
  trial: Trial | undefined;
  readonly settle: (outcome: Outcome) => void;
  readonly reject: (error: FedmsgError) => void;
}

const attemptsDefault = 5;
const feedMsDefault = 10_000;
/** How long the end may take for what is in hand. */
const drainMs = 1000;
/** How often the hub's count is looked at, while something is about to be written down. */
const lookMs = 1;

/** See the top of the file. */
export class ConsumerUnderTest implements RunningConsumer {
  readonly #definition: ConsumerDefinition;
  readonly #options: RunConsumerOptions;
  readonly #context: RunContext;
  readonly #log = new KeptLog();
  readonly #selects: ((received: Received) => unknown) | undefined;
  readonly #topics: readonly string[];
  readonly #retry: RetryOptions & { readonly attempts: number };
  readonly #trials = new WeakMap<Received, Trial>();
  readonly #feedings = new Set<Feeding>();
  /** Those that are over, and may still have to be written down. */
  readonly #over = new Set<Trial>();
  #overCount = 0;
  #looking: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #hub: RunningHub | undefined;
  #stopping: Promise<void> | undefined;

  /** @throws FedmsgError FEDMSG_CONFIG_INVALID (the filter); what `topics` throws */
  constructor(definition: ConsumerDefinition, options: RunConsumerOptions, context: RunContext) {
    this.#definition = definition;
    this.#options = options;
    this.#context = context;
    const { topics = [], retry } = definition;
    this.#topics = typeof topics === "function" ? topics(context.config) : topics;
    this.#selects = selectorOf(definition);
    const attempts = options.retry?.attempts ?? retry?.attempts ?? attemptsDefault;
    this.#retry = { firstMs: 1, mostMs: 1, ...options.retry, attempts };
  }

  get logged(): readonly string[] {
    return this.#log.lines;
  }

  /**
   * Runs it. `stop` waits for that.
   *
   * @throws FedmsgError FEDMSG_MODULE with what is wrong with the definition, or what its `start` threw; FEDMSG_UNSUPPORTED
   */
  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const onEvent = (event: StatusEvent) => this.#hear(event);
    const { config, transport } = this.#context;
    this.#hub = await startTestHub({ config, transport, log: this.#log, consumers: [this.#watched()], onEvent });
  }

  feed(message: TestMessage): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#stopping) throw new FedmsgError("FEDMSG_CLOSED", `${this.#definition.name} does not run any more`);
      const { feedTimeoutMs = feedMsDefault } = this.#options;
      const written = this.#context.voice.write(message);
      const { topic } = written.message;
      const settled = () => {
        clearTimeout(timer);
        this.#feedings.delete(feeding);
      };
      const feeding: Feeding = {
        topic,
        body: written.frames[1] as Uint8Array,
        trial: undefined,
        settle: (outcome) => {
          settled();
          resolve(outcome);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      const timer = setTimeout(() => feeding.reject(this.#lateError(feeding, feedTimeoutMs)), feedTimeoutMs);
      this.#feedings.add(feeding);
      this.#context.voice.say(written).catch((error: unknown) => feeding.reject(FedmsgError.from(error)));
      if (compileTopics(this.#topics, { strict: this.#context.config.zmq_strict }).matches(topic)) return;
      feeding.settle(notGiven(`its topics (${show(this.#topics, 200)}) do not match ${show(topic, 200)}`));
    });
  }

  stats(): RunStats {
    const [stats] = this.#hub?.stats().consumers ?? [];
    if (!stats) throw new FedmsgError("FEDMSG_CLOSED", `${this.#definition.name} does not run`);
    const { received, done, failures, timeouts, retries, deadLetters } = stats;
    return { received, done, failures, timeouts, retries, deadLetters };
  }

  async query(sql: string, ...values: readonly SqlValue[]): Promise<Record<string, SqlValue>[]> {
    const { queryCursors } = await importQuery();
    return queryCursors(cursorsPath(this.#context.config, this.#definition.name), sql, values);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {}); // Whoever started it hears of that.
    await this.#hub?.drain(drainMs);
    clearInterval(this.#looking);
    this.#look();
    const error = new FedmsgError("FEDMSG_CLOSED", `${this.#definition.name} was stopped before it was done`);
    for (const { settle, trial } of [...this.#feedings])
      settle({ handled: false, error, attempts: trial?.attempts ?? 0 });
  }

  /** The definition as the hub gets it. What it calls is called on the definition itself. */
  #watched(): ConsumerDefinition {
    const { start, stop, consume } = this.#definition;
    const watched = (received: Received, context: ConsumeContext) => this.#consume(received, context);
    return {
      ...this.#definition,
      retry: this.#retry,
      ...(this.#selects && { filter: (received: Received) => this.#filter(received) }),
      ...(start && { start: (context) => start.call(this.#definition, context) }),
      ...(stop && { stop: (context) => stop.call(this.#definition, context) }),
      consume: typeof consume === "function" ? watched : consume, // The hub says what is wrong with it.
    };
  }

  #consume(received: Received, context: ConsumeContext): Promise<void> {
    const trial = this.#trialOf(received);
    trial.begin(context.attempt);
    return trial.run(context, (watched) => this.#definition.consume(received, watched));
  }

  /** Where the filter throws, the hub asks it again in each attempt, before `consume`. */
  #filter(received: Received): boolean {
    const trial = this.#trialOf(received);
    const attempt = trial.filterCalls++;
    if (attempt > 0) trial.begin(attempt);
    try {
      const isSelected = Boolean(this.#selects?.(received));
      if (!isSelected && attempt > 0) trial.succeed();
      else if (!isSelected) this.#feedingOf(trial)?.settle(notGiven("its filter passes the message over"));
      return isSelected;
    } catch (error) {
      if (attempt > 0) trial.fail(error);
      throw error;
    }
  }

  #trialOf(received: Received): Trial {
    const known = this.#trials.get(received);
    if (known) return known;
    const onOver = (trial: Trial) => this.#noteOver(trial);
    const onAgain = (trial: Trial) => this.#noteAgain(trial);
    const trial = new Trial(this.#retry.attempts, onOver, onAgain);
    this.#trials.set(received, trial);
    for (const feeding of this.#feedings) {
      if (feeding.trial || Buffer.compare(feeding.body, received.body) !== 0) continue;
      feeding.trial = trial;
      break;
    }
    return trial;
  }

  #feedingOf(trial: Trial): Feeding | undefined {
    return [...this.#feedings].find((feeding) => feeding.trial === trial);
  }

  #noteOver(trial: Trial): void {
    this.#over.add(trial);
    this.#overCount++;
    this.#looking ??= setInterval(() => this.#look(), lookMs);
  }

  #noteAgain(trial: Trial): void {
    this.#over.delete(trial);
    this.#overCount--;
  }

  #look(): void {
    if (this.#over.size > 0 && this.stats().done < this.#overCount) return;
    for (const trial of this.#over) if (trial.outcome) this.#feedingOf(trial)?.settle(trial.outcome);
    this.#over.clear();
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  /** What the bus refuses does not come to the consumer; the events name topics. */
  #hear(event: StatusEvent): void {
    if (event.type !== "invalid" && event.type !== "duplicate") return;
    const feeding = [...this.#feedings].find(({ topic, trial }) => topic === event.topic && !trial);
    if (event.type === "duplicate") feeding?.settle(notGiven("the message came before (replay_window)"));
    else feeding?.settle(notGiven(toLine(`the bus refuses the message: ${event.reason}: ${event.detail}`, 300)));
  }

  #lateError({ topic, trial }: Feeding, ms: number): FedmsgError {
    const where = trial
      ? `attempt ${trial.attempts} has not ended`
      : "it was not given to it (a durable one gets the same message once)";
    const logged = this.logged.slice(-5).map((line) => `\n  ${line}`);
    const detail = `feed(${show(topic, 200)}): ${this.#definition.name} is not done with it after ${ms} ms: ${where}`;
    return new FedmsgError("FEDMSG_EXPECTATION", `${detail}${logged.length > 0 ? `; logged:${logged.join("")}` : ""}`);
  }
}

function selectorOf({ filter }: ConsumerDefinition): ((received: Received) => unknown) | undefined {
  if (filter === undefined || typeof filter === "function") return filter;
  const test = compileFilter(filter);
  return ({ topic, body }) => test(topic, body);
}

function notGiven(why: string): Outcome {
  const error = new FedmsgError("FEDMSG_EXPECTATION", `the consumer does not get the message: ${why}`);
  return { handled: false, error, attempts: 0 };
}
