/**
 * A hub: one bus, and the consumers and producers that the configuration names. None of them can stop another: what does not
 * load or start is a failure in the statistics, what throws is told and tried again.
 *
 * ```
 * loadPlugins ──▶ connect ──▶ monitoring ──▶ every start() at once ──▶ running ──▶ drain: producers and consumers, then the bus
 * ```
 */

import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { type Bus, connect, FedmsgError, type StatusEvent } from "fedmsg";
import type { Config } from "fedmsg/config";
import {
  type AnyConsumerDefinition,
  createTransport,
  type FramesWorker,
  type Log,
  type PluginContext,
  type ProducerDefinition,
  type Transport,
} from "fedmsg/plugin";
import { ConsumerRunner } from "./consumers/runner.ts";
import { Turn } from "./consumers/turn.ts";
import { FramesRunner } from "./frames-runner.ts";
import { type Monitoring, startMonitoring } from "./monitoring/monitoring.ts";
import { before, within } from "./plugins/limits.ts";
import { type Loaded, type LoadedPlugins, loadPlugins, nothingToRun } from "./plugins/loader.ts";
import { PluginLog } from "./plugins/plugin-log.ts";
import type { Runner } from "./plugins/runner.ts";
import { describeThrown } from "./plugins/text.ts";
import { ProducerRunner } from "./producers/runner.ts";
import { hearBus } from "./relay-watch.ts";
import type { HubStats } from "./stats.ts";

/** How to start a hub. */
export interface HubOptions {
  /** A complete configuration, as `loadConfig` returns it. */
  readonly config: Config;
  /** Consumers to run beside those that the configuration names. */
  readonly consumers?: readonly AnyConsumerDefinition[];
  /** Producers to run beside those that the configuration names. */
  readonly producers?: readonly ProducerDefinition[];
  /** Ends the hub as `drain()` does, also while it starts. */
  readonly signal?: AbortSignal;
  /** A transport to use instead of the one that the configuration names. */
  readonly transport?: Transport;
  /** Hears what the bus tells. Must not throw. */
  readonly onEvent?: (event: StatusEvent) => void;
  readonly log: Log;
  /** The program that it runs in, such as `fedmsg-hub`: the folder in `status_directory`. Without it no status is kept there. */
  readonly processName?: string;
  /**
   * Whether it reports where the configuration says so (`moksha.monitoring.socket`, `metrics_port`): `if possible`, it runs
   * without where it cannot, which is told. Default `always`.
   */
  readonly monitoring?: "always" | "if possible" | "none";
}

/** A consumer of frames that runs. */
export interface Forwarder {
  readonly worker: FramesWorker;
  /** Where messages came in at the start: addresses it listens on or connects to. */
  readonly inbound: readonly string[];
}

/** A hub that runs. */
export interface Hub extends AsyncDisposable {
  /** What the consumers and producers publish with. */
  readonly bus: Bus;
  /** What runs, and what it did so far. */
  stats(): HubStats;
  /** Those that take frames: relay and gateway. */
  readonly forwarders: readonly Forwarder[];
  /** Where it can be watched, as far as the configuration says so: its reports, and its HTTP server. */
  readonly watched: Readonly<Partial<Pick<Monitoring, "socket" | "url">>>;
  /** Reads keys, certificates and the list of revoked ones again (SIGHUP). What cannot be read stays as it was, and is told. */
  refresh(): Promise<void>;
  /**
   * Takes nothing new and finishes what is there; what is not finished after `deadlineMs` comes again the next time, where the
   * consumer is durable and a journal has it, and else is a dead letter. Idempotent.
   *
   * @param deadlineMs default: `drain_timeout` of the configuration
   */
  drain(deadlineMs?: number): Promise<void>;
  /** As `drain(0)`; cuts one short that is under way. Idempotent. */
  close(): Promise<void>;
  /** Resolves when it has ended; rejects where nothing runs any more although nobody ended it. */
  readonly done: Promise<void>;
}

const tickMs = 1000;
/** How long the bus may take to end when the deadline is over. */
const graceMs = 2000;

/**
 * Starts a hub; resolves when every plugin has started or failed to, or when `signal` fires and plugins are starting: then with
 * a hub that is ending.
 *
 * @throws FedmsgError FEDMSG_MODULE where there is nothing to run, FEDMSG_CLOSED where `signal` fires before anything starts,
 *   and what `connect` throws
 * @example
 * ```ts
 * const hub = await startHub({ config: await loadConfig(), log });
 * process.once("SIGTERM", () => void hub.drain());
 * await hub.done;
 * ```
 */
export async function startHub(options: HubOptions): Promise<Hub> {
  const {
    config,
    log,
    transport = await createTransport(config),
    onEvent,
    signal = new AbortController().signal,
  } = options;
  const loading = loadPlugins(config, options); // What a module waits for at its top level may never come.
  if (!(await before(loading, signal)))
    throw new FedmsgError("FEDMSG_CLOSED", "the hub ended before anything was started");
  const plugins = await loading;
  for (const { message } of plugins.failures) log.error(message);
  if (plugins.consumers.length === 0 && plugins.producers.length === 0) throw nothingToRun(plugins);
  const bus = await connect({ config, shareConnections: true, transport });
  void hearBus(bus, { log, onEvent });
  const hub = new RunningHub(bus, transport, options, plugins);
  hub.endWith(signal);
  try {
    if (options.monitoring !== "none" && !hub.isEnding) await hub.watch(); // First: where it throws, nothing was done.
    if (!hub.isEnding) await hub.start();
  } catch (error) {
    await hub.close();
    throw error;
  }
  return hub;
}

class RunningHub implements Hub {
  readonly bus: Bus;
  readonly done: Promise<void>;
  readonly #log: Log;
  readonly #transport: Transport;
  readonly #options: HubOptions;
  readonly #failures: string[];
  readonly #runners: Runner[] = [];
  readonly #producers: ProducerRunner[] = [];
  readonly #turn: Turn | undefined;
  readonly #startedAt = Date.now() / 1000;
  /** Fires when nothing is waited for any more. */
  readonly #over = new AbortController();
  readonly #ticking: NodeJS.Timeout;
  /** Fires when the end begins. */
  readonly #endsNow = new AbortController();
  #monitoring: Monitoring | undefined;
  #running = 0;
  #hasStarted = false;
  #failure: FedmsgError | undefined;
  #ending: Promise<void> | undefined;
  #resolve!: () => void;
  #reject!: (error: FedmsgError) => void;

  constructor(bus: Bus, transport: Transport, options: HubOptions, { consumers, producers, failures }: LoadedPlugins) {
    this.bus = bus;
    this.#transport = transport;
    this.#options = options;
    this.#log = options.log;
    this.#failures = failures.map(({ message }) => message);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => {}); // Whoever waits for it hears of it.
    setMaxListeners(0, this.#over.signal); // Any number of plugins may wait for it.
    this.#turn = bus.config["moksha.blocking_mode"] ? new Turn() : undefined;
    for (const loaded of consumers) this.#tryTo(loaded, () => this.#runners.push(this.#consumerRunner(loaded)));
    for (const { definition, module } of producers) {
      const log = new PluginLog(this.#log, definition.name);
      this.#producers.push(
        new ProducerRunner({ definition, module, log, plugin: this.#context(definition.name, log) }),
      );
    }
    this.#ticking = setInterval(() => this.#tick(), tickMs).unref();
  }

  /** @throws FedmsgError FEDMSG_MODULE where nothing could be started */
  async start(): Promise<void> {
    const all = [...this.#runners, ...this.#producers];
    let cause: unknown;
    const starts = all.map(async (runner) => {
      try {
        await runner.start();
        this.#running++;
      } catch (error) {
        cause ??= error;
        if (!this.#ending) this.#failed(runner.name, "does not start", error);
      }
    });
    await before(Promise.all(starts), this.#endsNow.signal);
    this.#hasStarted = true;
    if (this.#running > 0 || this.#ending) return;
    throw new FedmsgError("FEDMSG_MODULE", `nothing could be started: ${this.#failures.join("; ")}`, { cause });
  }

  get isEnding(): boolean {
    return this.#ending !== undefined;
  }

  /** Drains when a signal fires. */
  endWith(signal: AbortSignal): void {
    const end = () => void this.drain();
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    void this.done.catch(() => {}).then(() => signal.removeEventListener("abort", end));
  }

  /** Begins to report. @throws FedmsgError as `startMonitoring` */
  async watch(): Promise<void> {
    const onWarning = (detail: string) => {
      this.#log.warn(detail);
      this.#options.onEvent?.({ type: "warning", name: "monitoring", detail });
    };
    try {
      const monitoring = await startMonitoring({
        config: this.bus.config,
        transport: this.#transport,
        stats: () => this.stats(),
        isStarting: () => !this.#hasStarted,
        certificates: () => this.bus.certificates(),
        delivery: () => this.bus.delivery(),
        problems: () =>
          this.#runners.flatMap((runner) => (runner.problems?.() ?? []).map((text) => `${runner.name}: ${text}`)),
        onWarning,
        version: ownVersion(),
      });
      if (this.#ending) await monitoring.close();
      else this.#monitoring = monitoring;
    } catch (error) {
      if (this.#options.monitoring !== "if possible") throw error;
      onWarning(`it runs unwatched: ${FedmsgError.from(error).message}`);
    }
  }

  get watched(): Hub["watched"] {
    return this.#monitoring ?? {};
  }

  get forwarders(): readonly Forwarder[] {
    return this.#runners.flatMap((runner) => (runner instanceof FramesRunner ? (runner.running ?? []) : []));
  }

  stats(): HubStats {
    const { published, duplicates, invalid } = this.bus.counts;
    return {
      startedAt: this.#startedAt,
      consumers: this.#runners.map((runner) => runner.stats()),
      producers: this.#producers.map((runner) => runner.stats()),
      ...{ invalid, duplicates, published },
      failures: [...this.#failures],
    };
  }

  async refresh(): Promise<void> {
    await Promise.all([this.bus.refresh(), ...this.#runners.map((runner) => runner.refresh())]);
  }

  drain(deadlineMs: number = this.bus.config.drain_timeout * 1000): Promise<void> {
    this.#ending ??= this.#end(deadlineMs);
    this.#endsNow.abort();
    return this.#ending;
  }

  close(): Promise<void> {
    this.#over.abort();
    return this.drain(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  async #end(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.#over.abort(), deadlineMs);
    clearInterval(this.#ticking);
    const tell = (name: string) => (error: unknown) => this.#failed(name, "does not end well", error);
    await Promise.all([...this.#producers, ...this.#runners].map((one) => one.drain().catch(tell(one.name))));
    const drained = this.bus.drain();
    if (!(await before(drained, this.#over.signal)) && !(await within(drained, graceMs))) {
      this.#log.warn("the hub ended before everything that was published could be sent");
    }
    await Promise.all([this.bus.close().catch(tell("bus")), this.#monitoring?.close().catch(tell("monitoring"))]);
    clearTimeout(timer);
    this.#over.abort();
    if (this.#failure) this.#reject(this.#failure);
    else this.#resolve();
  }

  #consumerRunner({ definition, module }: Loaded<AnyConsumerDefinition>): Runner {
    const { name } = definition;
    const log = new PluginLog(this.#log, name);
    const plugin = this.#context(name, log);
    const onFailure = (error: FedmsgError) => this.#stopped(name, error);
    if ("open" in definition) {
      const tell = (event: StatusEvent) => this.#options.onEvent?.(event);
      return new FramesRunner({ definition, module, plugin, transport: this.#transport, tell, onFailure });
    }
    return new ConsumerRunner({
      ...{ definition, module, plugin, log, onFailure, turn: this.#turn, processName: this.#options.processName },
    });
  }

  #context(name: string, log: Log): PluginContext {
    return { name, config: this.bus.config, bus: this.bus, log, signal: this.#over.signal };
  }

  #tryTo({ definition, module }: Loaded<AnyConsumerDefinition>, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failed(definition.name, `of ${module} cannot run`, error);
    }
  }

  #failed(name: string, what: string, error: unknown): void {
    const text = `${name} ${what}: ${describeThrown(error)}`;
    this.#failures.push(text);
    this.#log.error(text);
  }

  /** A consumer cannot go on. */
  #stopped(name: string, error: FedmsgError): void {
    this.#failed(name, "has stopped", error);
    this.#running--;
    // As long as something starts, it may run yet.
    if (!this.#hasStarted || this.#running > 0 || this.#ending) return;
    const last = this.#failures.slice(-3).join("; ");
    this.#failure = new FedmsgError("FEDMSG_MODULE", `nothing runs any more: ${last}`, { cause: error });
    void this.close();
  }

  #tick(): void {
    for (const runner of this.#runners) runner.tick();
  }
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}
