/** Runs a consumer that takes frames as they come: reads its sockets, and gives it what came together. */

import { setTimeout as delay } from "node:timers/promises";
import { FedmsgError, type StatusEvent } from "fedmsg";
import type { Config } from "fedmsg/config";
import {
  type Frames,
  type FramesConsumerDefinition,
  type FramesContext,
  type FramesWorker,
  LiveEndpoints,
  type PluginContext,
  type Source,
  Sources,
  type Transport,
} from "fedmsg/plugin";
import { nameKey } from "./addresses.ts";
import type { Runner } from "./plugins/runner.ts";
import type { ConsumerStats } from "./stats.ts";

/** Parts of the runner of a consumer of frames. */
export interface FramesRunnerOptions {
  readonly definition: FramesConsumerDefinition;
  readonly module: string;
  readonly plugin: PluginContext;
  readonly transport: Promise<Transport>;
  readonly tell: (event: StatusEvent) => void;
  /** Hears that it cannot go on. */
  readonly onFailure: (error: FedmsgError) => void;
}

/** How long it waits for the next message before it takes its sockets to be empty, in ms, when it is drained. */
const quietMs = 50;
/** It ends in any case when nothing went on for so long, in ms; */
const stuckMs = 1000;
/** and after so long: publishers that never pause must not keep it from ending. */
const drainMs = 5000;

/** See the top of this file. */
export class FramesRunner implements Runner {
  readonly name: string;
  readonly module: string;
  readonly #options: FramesRunnerOptions;
  #worker: FramesWorker | undefined;
  #running: { readonly worker: FramesWorker; readonly inbound: readonly string[] } | undefined;
  #sources: Sources | undefined;
  #endpoints: LiveEndpoints | undefined;
  readonly #onEndpoints = (name: string, addresses: readonly string[]) => this.#sources?.update(name, addresses);
  /** Batches that the consumer works on. */
  #inHand = 0;
  #received = 0;
  #failures = 0;
  #lastAt = 0;
  #ending: Promise<void> | undefined;

  constructor(options: FramesRunnerOptions) {
    this.name = options.definition.name;
    this.module = options.module;
    this.#options = options;
  }

  /** What runs, and where its messages came in at the start; nothing where it has not started. */
  get running(): { readonly worker: FramesWorker; readonly inbound: readonly string[] } | undefined {
    return this.#running;
  }

  /** @throws what the consumer does, or its sockets: FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, naming the key */
  async start(): Promise<void> {
    const { definition, plugin, tell } = this.#options;
    const transport = await this.#options.transport;
    const context: FramesContext = { ...plugin, transport, tell };
    const worker = await definition.open(context);
    this.#worker = worker;
    try {
      await this.#openSources(worker, plugin.config);
    } catch (error) {
      await this.#sources?.close();
      await worker.close();
      throw error;
    }
    this.#running = { worker, inbound: this.#sources?.open.map(({ endpoint }) => endpoint) ?? [] };
  }

  tick(): void {}

  async refresh(): Promise<void> {
    try {
      await this.#worker?.refresh?.();
    } catch (error) {
      this.#options.plugin.log.error(`cannot read its certificates again: ${FedmsgError.from(error).message}`);
    }
  }

  drain(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  stats(): ConsumerStats {
    const { forwarded = 0, dropped = 0, refused = {} } = this.#worker?.counts() ?? {};
    const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
    return {
      name: this.name,
      module: this.module,
      topics: [""],
      isRunning: this.#running !== undefined && !this.#ending,
      isDecoded: false,
      received: this.#received,
      done: forwarded + refusals,
      failures: this.#failures,
      ...{ timeouts: 0, retries: 0, deadLetters: 0, replayed: 0, gaps: 0 },
      dropped,
      waiting: 0,
      inHand: Math.max(0, this.#received - forwarded - refusals),
      ...{ retrying: 0, lagSeconds: 0, busySeconds: 0 },
      takeTimes: () => [],
    };
  }

  async #openSources({ inputs }: FramesWorker, config: Config): Promise<void> {
    const { transport, tell } = this.#options;
    const common = {
      config,
      status: { emit: tell },
      prefixes: [""],
      take: (batch: readonly Frames[], source: Source) => this.#take(batch, source),
      onError: (error: unknown) => this.#fail(error),
    };
    if ("listen" in inputs) {
      const { key, listen } = inputs;
      const explain = (error: unknown, _: string, address: string) =>
        nameKey(error, [key, listen.indexOf(address)], config);
      this.#sources = new Sources(transport, { ...common, passive: true, elsewhere: "refuse", explain });
      return this.#sources.openAll([[key, listen]]);
    }
    const { except } = inputs;
    const explain = (error: unknown, name: string, address: string) =>
      nameKey(error, ["endpoints", name, (config.endpoints[name] ?? []).indexOf(address)], config);
    this.#sources = new Sources(transport, {
      ...common,
      explain,
      ...(except && { accepts: async (address) => !(await except(address)) }),
    });
    this.#endpoints = new LiveEndpoints(config, { emit: tell });
    await this.#sources.openAll(this.#endpoints.list());
    this.#endpoints.follow(this.#onEndpoints);
  }

  #take(batch: readonly Frames[], source: Source): Promise<void> | undefined {
    this.#received += batch.length;
    const done = (this.#worker as FramesWorker).consume(batch, source);
    if (!done) return undefined;
    this.#inHand++;
    return done.finally(() => {
      this.#inHand--;
      this.#lastAt = performance.now();
    });
  }

  #fail(error: unknown): void {
    if (this.#ending) return; // Its way out is closed.
    this.#failures++;
    this.#options.onFailure(FedmsgError.from(error));
    void this.drain();
  }

  async #end(): Promise<void> {
    const { signal } = this.#options.plugin;
    if (this.#endpoints) await this.#endpoints.unfollow(this.#onEndpoints);
    await this.#worker?.beforeEnd?.();
    if (!signal.aborted && this.#failures === 0) await this.#emptied(signal);
    await this.#sources?.close();
    this.#worker?.hurry?.();
    const isOver = signal.aborted || this.#failures > 0;
    if (isOver) await this.#worker?.close(); // A batch may be waiting for room.
    await this.#sources?.ended();
    if (!isOver) await this.#drainWorker(signal);
  }

  async #drainWorker(signal: AbortSignal): Promise<void> {
    const onAbort = () => void this.#worker?.close();
    signal.addEventListener("abort", onAbort, { once: true });
    await this.#worker?.drain();
    signal.removeEventListener("abort", onAbort);
  }

  /** Resolves when nothing comes any more and nothing is in hand; or in any case, which is told. */
  async #emptied(signal: AbortSignal): Promise<void> {
    const sources = this.#sources as Sources;
    const startedAt = performance.now();
    let { forwarded } = this.#worker?.counts() ?? { forwarded: 0 };
    const lastAt = () => Math.max(startedAt, this.#lastAt, sources.lastAt);
    for (let now = startedAt; this.#inHand > 0 || now - lastAt() < quietMs; now = performance.now()) {
      if (signal.aborted) return;
      const before = forwarded;
      forwarded = this.#worker?.counts().forwarded ?? 0;
      if (forwarded !== before) this.#lastAt = now; // Within a batch.
      if (now - lastAt() > stuckMs || now - startedAt > drainMs) {
        const detail = "it ends while messages still come or wait to be sent: what was not taken yet is lost";
        this.#options.tell({ type: "warning", name: "drain", detail });
        return;
      }
      await delay(5);
    }
  }
}
