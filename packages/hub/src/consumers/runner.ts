/**
 * Runs one consumer: its `start`, the reading of its subscription, its dead letters that somebody asks to try again, and at
 * the end its `stop`. What becomes of the messages is in `workload.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { type DurableReceived, FedmsgError, type Received, type StatusEvent, type Subscription } from "fedmsg";
import { type ConsumerDefinition, countOf, type PluginContext, weigh } from "fedmsg/plugin";
import { type Backlog, openBacklog } from "../backlog/backlog.ts";
import { before, callWithin, within } from "../plugins/limits.ts";
import type { PluginLog } from "../plugins/plugin-log.ts";
import type { Runner } from "../plugins/runner.ts";
import { describeThrown } from "../plugins/text.ts";
import type { ConsumerStats } from "../stats.ts";
import { DeadLetterOffice } from "./dead-letter-office.ts";
import { AskedJob, DurableJob, LiveJob } from "./job.ts";
import { retryPolicy } from "./retries.ts";
import { lineNamer, type Selector, selectorOf, topicsOf } from "./selection.ts";
import { Tally } from "./tally.ts";
import type { Turn } from "./turn.ts";
import { Workload } from "./workload.ts";

const timeoutMsDefault = 60_000;
/** How long `start` may take. */
const startMs = 60_000;
/** How long the end may take behind the deadline: `stop`, and what is being written. */
const graceMs = 5000;
/** Messages that the filter passed over, and that are being kept as handled, before the next is taken. */
const passedMax = 1000;
/** The same by what they weigh. */
const passedWeightMax = 16 * 1024 * 1024;
/** How long messages are taken before timers and sockets have their turn. */
const sliceMs = 10;
/** Dead letters that are taken up at a time. */
const askedMax = 100;

/** What a consumer's runner needs. */
export interface ConsumerRunnerOptions {
  readonly definition: ConsumerDefinition;
  /** As the configuration names it. */
  readonly module: string;
  readonly plugin: PluginContext;
  readonly log: PluginLog;
  /** Such as `fedmsg-hub`: where `status_directory` has the consumer's file. Without it there is none. */
  readonly processName: string | undefined;
  /** The hub's one turn, where `moksha.blocking_mode` is set. */
  readonly turn: Turn | undefined;
  /** Hears once that it cannot go on. */
  readonly onFailure: (error: FedmsgError) => void;
  /** Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** See the top of the file. */
export class ConsumerRunner implements Runner {
  readonly name: string;
  readonly module: string;
  readonly #options: ConsumerRunnerOptions;
  readonly #topics: readonly string[];
  readonly #selects: Selector | undefined;
  readonly #lineOf: ((received: Received) => string | undefined) | undefined;
  readonly #office: DeadLetterOffice;
  readonly #work: Workload;
  readonly #tally = new Tally();
  #subscription: Subscription | undefined;
  /** What was missed, the old way; a durable consumer asks journals instead. */
  #backlog: Backlog | undefined;
  #reading: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #hasStarted = false;
  #isRunning = false;
  #isEnding = false;
  #isTakingAsked = false;
  #passing = 0;
  #passingWeight = 0;
  #unhandled = 0;
  #ending: Promise<void> | undefined;

  /** @throws FedmsgError FEDMSG_CONFIG_INVALID (the filter), FEDMSG_UNSUPPORTED (`cursor_store`); what `topics` throws */
  constructor(options: ConsumerRunnerOptions) {
    const { definition, module, plugin, log, turn, random = Math.random } = options;
    this.#options = options;
    this.name = definition.name;
    this.module = module;
    this.#topics = topicsOf(definition, plugin.config);
    this.#selects = selectorOf(definition);
    this.#lineOf = lineNamer(definition, log);
    this.#office = new DeadLetterOffice(plugin.config, definition.name);
    this.#work = new Workload({
      ...{ plugin, log, turn, random },
      consume: (job, context) => {
        if (job.isUndecided && !this.#selects?.(job.received)) return undefined;
        return definition.consume(job.received, context);
      },
      tally: this.#tally,
      concurrency: turn ? 1 : (definition.concurrency ?? plugin.config["moksha.workers_per_consumer"]),
      timeoutMs: definition.timeoutMs ?? timeoutMsDefault,
      retry: retryPolicy(definition.retry),
      onDone: ({ received }) => this.#backlog?.done(received),
    });
  }

  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  tick(): void {
    if (this.#isRunning && !this.#isEnding && !this.#isTakingAsked) void this.#takeAsked();
  }

  async refresh(): Promise<void> {}

  stats(): ConsumerStats {
    const oldestAt = this.#work.oldestAt();
    return {
      ...{ name: this.name, module: this.module, topics: this.#topics, isRunning: this.#isRunning, isDecoded: true },
      ...this.#tally,
      waiting: this.#work.count("waiting") + (this.#subscription?.waiting ?? 0),
      inHand: this.#work.count("working"),
      retrying: this.#work.count("pausing"),
      unwritten: this.#work.unwritten(),
      lagSeconds: oldestAt === undefined ? 0 : Math.max(0, Date.now() / 1000 - oldestAt),
      takeTimes: () => this.#tally.takeTimes(),
    };
  }

  drain(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #start(): Promise<void> {
    const { definition, plugin } = this.#options;
    if (definition.start) await callWithin(() => definition.start?.(plugin), startMs, "start", plugin.signal);
    this.#hasStarted = true;
    if (this.#isEnding) return;
    const subscription = this.#subscribe();
    this.#subscription = subscription;
    try {
      await subscription.opened;
      if (!definition.durable) this.#backlog = await this.#openBacklog(); // Behind `opened`: nothing lies between the two.
    } catch (error) {
      await subscription.close(); // Nobody would read it.
      throw error;
    }
    this.#isRunning = !this.#isEnding;
    void this.#readMissed();
    this.#reading = this.#read(subscription).catch((error: unknown) => this.#fail(error));
  }

  #subscribe(): Subscription {
    const { definition, plugin } = this.#options;
    const { name, validateSignatures, allowUnsigned, durable, from } = definition;
    return plugin.bus.subscribe({
      topics: this.#topics,
      ...(durable && { durable: name, commit: "explicit" }),
      ...(from !== undefined && { from }),
      ...(validateSignatures !== undefined && { validateSignatures }),
      ...(allowUnsigned !== undefined && { allowUnsigned }),
      onEvent: (event) => this.#hear(event),
    });
  }

  /** Takes messages as long as there is room for them. Where very many are there it lets others have their turn. */
  async #read(subscription: Subscription): Promise<void> {
    const { turn } = this.#options;
    this.tick();
    let since = performance.now();
    for await (const received of subscription) {
      const passed = this.#take(received);
      if (passed) await passed;
      while (!this.#work.hasRoom) await this.#work.room();
      if (turn || performance.now() - since < sliceMs) continue; // With a turn, who is late would lose its place.
      await nextTurn(); // Timers and sockets have none before, where neither the queue nor consume() make us wait.
      since = performance.now();
    }
    if (!this.#isEnding) throw new FedmsgError("FEDMSG_CLOSED", "its subscription was closed by somebody else");
  }

  async #openBacklog(): Promise<Backlog | undefined> {
    const { definition, plugin, processName, log } = this.#options;
    if (processName === undefined) return undefined;
    const onWarning = (detail: string) => log.complain(detail);
    const { config, signal } = plugin;
    return openBacklog({ config, consumer: definition, processName, topics: this.#topics, onWarning, signal });
  }

  /** Takes what was missed, beside what comes live. */
  async #readMissed(): Promise<void> {
    const { log } = this.#options;
    try {
      for await (const missed of this.#backlog?.missed() ?? []) {
        if (this.#isEnding) break;
        this.#tally.replayed++;
        void this.#take(missed);
        while (!this.#work.hasRoom) await this.#work.room();
      }
    } catch (error) {
      log.error(`what was missed cannot be fetched: ${describeThrown(error)}`);
    }
  }

  /** Returns a promise only where very many are being passed over. */
  #take(received: Received): Promise<void> | undefined {
    const { definition } = this.#options;
    if (this.#isEnding && this.#letsGo(received)) return undefined;
    let isUndecided = false;
    try {
      if (this.#selects && !this.#selects(received)) return this.#pass(received);
    } catch {
      isUndecided = true; // It is asked again in an attempt, where what it throws is told.
    }
    const line = this.#lineOf?.(received);
    const job = definition.durable
      ? new DurableJob(received as DurableReceived, line, this.#office)
      : new LiveJob(received, line, this.#office);
    job.isUndecided = isUndecided;
    this.#backlog?.began(received);
    this.#work.add(job);
    return undefined;
  }

  /** At the end, what comes again is not begun any more; and at the deadline nothing is. */
  #letsGo(received: Received): boolean {
    const { definition, plugin } = this.#options;
    const comesAgain = definition.durable && (received as DurableReceived).comesAgain;
    if (!comesAgain && !plugin.signal.aborted) return false;
    if (definition.durable) (received as DurableReceived).release();
    this.#backlog?.began(received); // It stays in hand there, so that history is asked for it.
    if (!comesAgain) this.#unhandled++;
    return true;
  }

  /** Passes over what is not for the consumer; a durable one would get it again otherwise. */
  #pass(received: Received): Promise<void> | undefined {
    this.#backlog?.began(received);
    this.#backlog?.done(received);
    if (!this.#options.definition.durable) return undefined;
    const weight = weigh(received);
    this.#passing++;
    this.#passingWeight += weight;
    const passed = (received as DurableReceived)
      .commit()
      .catch((error: unknown) => this.#options.log.complain("what was passed over is not kept", describeThrown(error)))
      .finally(() => {
        this.#passing--;
        this.#passingWeight -= weight;
      });
    const isFull = this.#passing >= passedMax || this.#passingWeight >= passedWeightMax;
    return isFull ? passed.then(() => {}) : undefined;
  }

  async #takeAsked(): Promise<void> {
    const { definition, log } = this.#options;
    this.#isTakingAsked = true;
    try {
      const room = () => (this.#work.hasRoom ? 1 : 0);
      for (let n = 0; n < askedMax; n++) {
        const [asked] = await this.#office.takeAsked(room); // One by one, as each may fill these hands.
        if (!asked || this.#isEnding) break; // It stays asked for.
        const { letter, received } = asked;
        const line = this.#lineOf?.(received);
        this.#work.add(new AskedJob(received, line, this.#office, letter, definition.durable === true));
      }
    } catch (error) {
      log.complain("dead letters that are to be tried again cannot be read", describeThrown(error));
    } finally {
      this.#isTakingAsked = false;
    }
  }

  #hear(event: StatusEvent): void {
    if (event.type === "dropped") this.#tally.dropped += event.count;
    else if (event.type === "replayed") this.#tally.replayed += event.count;
    else if (event.type === "gap") this.#tally.gaps += event.to === undefined ? 1 : event.to - event.from + 1;
  }

  /** Its subscription is over, and nobody ended it. */
  #fail(thrown: unknown): void {
    const error = FedmsgError.from(thrown);
    this.#isRunning = false;
    this.#work.hurry(error);
    this.#options.onFailure(error);
  }

  async #end(): Promise<void> {
    const { definition, plugin, log } = this.#options;
    this.#isEnding = true;
    if (this.#starting) await before(this.#starting, plugin.signal);
    const emptied = this.#emptied();
    if (!(await before(emptied, plugin.signal))) {
      this.#work.hurry(new FedmsgError("FEDMSG_CLOSED", "the hub ended before the message was handled"));
      if (!(await within(emptied, graceMs))) log.error("the hub ended before everything it did could be written down");
    }
    this.#isRunning = false;
    if (this.#unhandled > 0)
      log.warn(
        `the hub ended before ${countOf(this.#unhandled, "message was", "messages were")} handled; ${this.#comfort}`,
      );
    if (definition.stop && this.#hasStarted) {
      const complain = (error: unknown) => log.error(`stop failed: ${describeThrown(error)}`);
      await callWithin(() => definition.stop?.(plugin), graceMs, "stop").catch(complain);
    }
    await Promise.all([this.#subscription?.close(), this.#backlog?.close()]);
    await this.#office.close();
    log.flush();
  }

  /** What becomes of messages that are let go, and that no journal is known to have. */
  get #comfort(): string {
    if (this.#backlog) return "history is asked for them at the next start";
    return this.#options.definition.durable ? "those that no journal has are lost" : "they are lost";
  }

  /** Resolves when what has arrived is done with. What comes again is known when the subscription is drained. */
  async #emptied(): Promise<void> {
    await this.#subscription?.drain({ signal: this.#options.plugin.signal });
    this.#work.windUp();
    await this.#reading;
    await this.#work.idle();
  }
}
