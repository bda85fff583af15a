/** A producer under test, in a hub of its own. Its schedule is checked and does not run: the test says when it is due. */

import { FedmsgError } from "../errors.ts";
import type { PluginContext } from "../plugins/consumer.ts";
import type { ProducerDefinition } from "../plugins/producer.ts";
import { type RunningHub, startTestHub } from "./hub-package.ts";
import { KeptLog } from "./kept-log.ts";
import type { RunContext } from "./running-consumer.ts";

/** A producer that runs in a hub. It ends with its test bus. */
export interface RunningProducer {
  /** Polls it now, one call at a time, and resolves when `poll` has. Rejects with what it throws. */
  poll(): Promise<void>;
  /** How often it was polled, and how often that failed. */
  stats(): { readonly polls: number; readonly failures: number };
  /** What the hub and the producer logged. */
  readonly logged: readonly string[];
  /** Ends it. Idempotent. */
  stop(): Promise<void>;
}

/** How long the end may take. */
const drainMs = 1000;

/** See the top of the file. */
export class ProducerUnderTest implements RunningProducer {
  readonly #definition: ProducerDefinition;
  readonly #context: RunContext;
  readonly #log = new KeptLog();
  #plugin: PluginContext | undefined;
  #starting: Promise<void> | undefined;
  #hub: RunningHub | undefined;
  #polling: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  #polls = 0;
  #failures = 0;

  constructor(definition: ProducerDefinition, context: RunContext) {
    this.#definition = definition;
    this.#context = context;
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
    const { config, transport } = this.#context;
    this.#hub = await startTestHub({ config, transport, log: this.#log, producers: [this.#unscheduled()] });
  }

  poll(): Promise<void> {
    const polled = this.#polling.then(() => this.#poll());
    this.#polling = polled.catch(() => {});
    return polled;
  }

  stats(): { readonly polls: number; readonly failures: number } {
    return { polls: this.#polls, failures: this.#failures };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {}); // Whoever started it hears of that.
    await this.#hub?.drain(drainMs);
  }

  async #poll(): Promise<void> {
    const { name } = this.#definition;
    if (this.#stopping || !this.#plugin) throw new FedmsgError("FEDMSG_CLOSED", `${name} does not run any more`);
    this.#polls++;
    try {
      await this.#definition.poll(this.#plugin);
    } catch (error) {
      this.#failures++;
      throw error;
    }
  }

  /** The definition as the hub gets it. What it calls is called on the definition itself. */
  #unscheduled(): ProducerDefinition {
    const { stop, poll } = this.#definition;
    return {
      ...this.#definition,
      poll: typeof poll === "function" ? () => {} : poll, // The hub says what is wrong with it.
      start: (context) => {
        this.#plugin = context;
        return this.#definition.start?.(context);
      },
      ...(stop && { stop: (context) => stop.call(this.#definition, context) }),
    };
  }
}
