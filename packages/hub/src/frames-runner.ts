/** Runs a consumer that takes frames as they come: reads its sockets, and gives it what came together. */

import { setTimeout as delay } from "node:timers/promises";
import { FedmsgError, type StatusEvent } from "fedmsg";
import type { Config } from "fedmsg/config";
import {
  type Frames,
  type FramesConsumerDefinition,
  type FramesContext,
  type FramesCounts,
  type FramesWorker,
  LiveEndpoints,
  type PluginContext,
  type Source,
  Sources,
  type Transport,
} from "fedmsg/plugin";
import { nameKey } from "./addresses.ts";
import { before, callWithin, within } from "./plugins/limits.ts";
import type { Runner } from "./plugins/runner.ts";
import { describeThrown } from "./plugins/text.ts";
import type { ConsumerStats } from "./stats.ts";

/** Parts of the runner of a consumer of frames. */
export interface FramesRunnerOptions {
  readonly definition: FramesConsumerDefinition;
  readonly module: string;
  readonly plugin: PluginContext;
  readonly transport: Transport;
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
/** How long the consumer may take to open, */
const openMs = 60_000;
/** and for each step of the end behind the deadline. */
const graceMs = 5000;

/** See the top of this file. */
export class FramesRunner implements Runner {
  readonly name: string;
  readonly module: string;
  readonly #options: FramesRunnerOptions;
  #worker: FramesWorker | undefined;
  #running: { readonly worker: FramesWorker; readonly inbound: readonly string[] } | undefined;
  #sources: Sources | undefined;
  #endpoints: LiveEndpoints | undefined;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
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
  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  tick(): void {}

  problems(): readonly string[] {
    return this.#worker?.problems?.() ?? [];
  }

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
    const counts: Partial<FramesCounts> = this.#worker?.counts() ?? {};
    const { forwarded = 0, dropped = 0, refused = {} } = counts;
    const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
    const received = this.#received + (counts.received ?? 0);
    return {
      name: this.name,
      module: this.module,
      topics: [""],
      isRunning: this.#running !== undefined && !this.#ending,
      isDecoded: false,
      received,
      done: forwarded + refusals,
      failures: this.#failures,
      ...{ timeouts: 0, retries: 0, deadLetters: 0, letterFailures: 0, unwritten: 0, replayed: 0, gaps: 0 },
      dropped,
      waiting: 0,
      inHand: Math.max(0, received - forwarded - refusals) + (counts.inHand ?? 0),
      ...{ released: 0, retrying: 0, lagSeconds: 0, busySeconds: 0 },
      takeTimes: () => [],
    };
  }

  async #start(): Promise<void> {
    const worker = await this.#openWorker();
    this.#worker = worker;
    try {
      await this.#openSources(worker, this.#options.plugin.config);
    } catch (error) {
      await this.#sources?.close();
      await this.#call("close", () => worker.close());
      throw error;
    }
    this.#running = { worker, inbound: this.#sources?.open.map(({ endpoint }) => endpoint) ?? [] };
  }

  /** What comes too late is closed. @throws FedmsgError FEDMSG_TIMEOUT, FEDMSG_CLOSED; what the consumer does */
  async #openWorker(): Promise<FramesWorker> {
    const { definition, plugin, tell } = this.#options;
    const context: FramesContext = { ...plugin, transport: this.#options.transport, tell };
    const opening = (async () => definition.open(context))();
    const isOpen = before(opening, plugin.signal);
    const isInTime = await within(isOpen, openMs);
    if (isInTime && (await isOpen) && !this.#ending) return opening;
    opening.then((worker) => this.#call("close", () => worker.close())).catch(() => {}); // There is nothing to close.
    if (isInTime) throw new FedmsgError("FEDMSG_CLOSED", "the hub ended before it was open");
    throw new FedmsgError("FEDMSG_TIMEOUT", `open has not ended after ${openMs / 1000} s`);
  }

  async #openSources({ inputs }: FramesWorker, config: Config): Promise<void> {
    const { tell } = this.#options;
    const transport = Promise.resolve(this.#options.transport);
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
    if (this.#starting) await before(this.#starting, signal);
    if (this.#endpoints) await this.#endpoints.unfollow(this.#onEndpoints);
    if (!this.#running || !this.#sources) return; // What it had open is closed already.
    const { worker } = this.#running;
    const sources = this.#sources;
    await this.#call("beforeEnd", () => worker.beforeEnd?.());
    if (!signal.aborted && this.#failures === 0) await this.#emptied(sources, signal);
    await sources.close();
    await this.#call("hurry", () => worker.hurry?.());
    if (signal.aborted || this.#failures > 0) await this.#close(worker); // A batch may be waiting for room.
    const ended = sources.ended();
    if (!(await before(ended, signal))) {
      await this.#close(worker);
      if (!(await within(ended, graceMs))) this.#warn("a batch that it took is not done with, and is given up");
    }
    if (signal.aborted) await this.#close(worker);
    else if (!this.#closing) await this.#drainWorker(worker, signal);
  }

  async #drainWorker(worker: FramesWorker, signal: AbortSignal): Promise<void> {
    const draining = (async () => worker.drain())();
    const drained = draining.catch((error: unknown) => this.#warn(`drain failed: ${describeThrown(error)}`));
    if (await before(drained, signal)) return;
    await this.#close(worker);
    if (!(await within(drained, graceMs))) this.#warn("drain has not ended, and is waited for no longer");
  }

  #close(worker: FramesWorker): Promise<void> {
    this.#closing ??= this.#call("close", () => worker.close());
    return this.#closing;
  }

  /** Calls something of the consumer that must not keep the hub from ending. */
  async #call(what: string, call: () => unknown): Promise<void> {
    try {
      await callWithin(call, graceMs, what);
    } catch (error) {
      this.#warn(`${what} failed: ${describeThrown(error)}`);
    }
  }

  #warn(detail: string): void {
    this.#options.tell({ type: "warning", name: this.name, detail });
  }

  /** Resolves when nothing comes any more and nothing is in hand; or in any case, which is told. */
  async #emptied(sources: Sources, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    let { forwarded } = this.#worker?.counts() ?? { forwarded: 0 };
    const lastAt = () => Math.max(startedAt, this.#lastAt, sources.lastAt);
    for (let now = startedAt; this.#inHand > 0 || now - lastAt() < quietMs; now = performance.now()) {
      if (signal.aborted) return;
      const last = forwarded;
      forwarded = this.#worker?.counts().forwarded ?? 0;
      if (forwarded !== last) this.#lastAt = now; // Within a batch.
      if (now - lastAt() > stuckMs || now - startedAt > drainMs) {
        const detail = "it ends while messages still come or wait to be sent: what was not taken yet is lost";
        this.#options.tell({ type: "warning", name: "drain", detail });
        return;
      }
      await delay(5);
    }
  }
}
