import { FedmsgError } from "../errors.ts";
import { type CursorStore, createMemoryCursors, type Transaction } from "../replay/cursors.ts";
import { heartbeatPrefix } from "../replay/heartbeat.ts";
import { compileTopics, type TopicMatcher } from "../wire/topic.ts";
import { BoundedQueue } from "./bounded-queue.ts";
import { DurableIterator } from "./durable-iterator.ts";
import { ExplicitIterator } from "./explicit-iterator.ts";
import { type Feed, type FeedContext, OwnFeed, type Taker } from "./feed.ts";
import type { From } from "./followed-context.ts";
import { Following } from "./following.ts";
import { Intake } from "./intake.ts";
import { assertDurableName, openCursorsOf } from "./open-cursors.ts";
import { type Coming, CommittableMessage, type Committer, type Received, weigh } from "./received.ts";
import type { SharedSources } from "./shared-sources.ts";
import type { EventSink, StatusEvent } from "./status.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import type { Trust } from "./trust.ts";

/** What a subscription needs of its bus. */
export interface SubscriptionContext extends FeedContext {
  readonly trust: Promise<Trust>;
  /** Where subscriptions share connections: those. */
  readonly shared: SharedSources | undefined;
  readonly onReceived: () => void;
  /** Called when nothing is left of it, perhaps more than once. */
  readonly onClosed: (subscription: Subscription) => void;
}

/** Messages that may wait for the reader, before reading from the network stops. */
const queueMessagesMax = 1024;
/** What they may weigh where subscriptions share connections: in front of each there is a larger queue then. */
const sharedWeightMax = 16 * 1024 * 1024;
/** Keys of handled messages that are kept while a journal cannot be asked: in memory, and on disk. */
const memoryKeysMax = 200_000;
const diskKeysMax = 1_000_000;

/**
 * The messages of all publishers that the configuration lists, as they come. It connects at once, and follows the SRV
 * records of `srv_endpoints`; what arrives before it is iterated waits, within bounds. It ends when the loop is left, with
 * `signal`, `close()`, or the bus.
 *
 * Publishers and relays in `replay_endpoints` are followed: what they sent and what did not come is fetched, each message is
 * given once, and what cannot be had any more is a status event `gap`.
 */
export class Subscription<Given extends Received = Received> implements AsyncIterable<Given, undefined> {
  /**
   * Resolves when what it remembers is open and it begins to connect: what is published to sockets that are connected comes from
   * now on. Rejects where it cannot, with what the loop throws, too.
   */
  readonly opened: Promise<void>;
  readonly #context: SubscriptionContext;
  readonly #options: SubscribeOptions;
  readonly #topics: TopicMatcher;
  readonly #queue: BoundedQueue<Given>;
  readonly #intake: Intake;
  readonly #feed: Feed;
  readonly #iterator: AsyncIterableIterator<Given, undefined>;
  readonly #durable: DurableIterator | ExplicitIterator | undefined;
  readonly #committer: Committer = {
    commit: (key, work) => this.#commit(key, work),
    release: (key) => this.#following?.ledger.release(key),
    isKept: (coming) => this.#isKept(coming),
  };
  readonly #onAbort = () => void this.close();
  /** What is told about this subscription alone. */
  readonly #own: EventSink = { emit: (event) => this.#tell(event) };
  #store: CursorStore | undefined;
  #following: Following | undefined;
  #stopping: Promise<void> | undefined;

  constructor(context: SubscriptionContext, options: SubscribeOptions) {
    const { config } = context;
    this.#context = context;
    this.#options = options;
    if (options.durable !== undefined) assertDurableName(options.durable);
    const { shared } = context;
    const weightMax = shared ? Math.min(sharedWeightMax, config.queueBytesMax) : config.queueBytesMax;
    this.#topics = compileTopics(options.topics ?? [], { strict: config.zmq_strict });
    this.#queue = new BoundedQueue({ itemsMax: queueMessagesMax, weightMax }, () => this.#leave());
    if (options.durable !== undefined) this.#durable = this.#createDurable(options.commit ?? "next");
    this.#iterator = (this.#durable as AsyncIterableIterator<Given & Received, undefined> | undefined) ?? this.#queue;
    this.#intake = new Intake({
      config,
      topics: this.#topics,
      refusals: context.refusals,
      onReceived: context.onReceived,
      give: (received, coming) => this.#give(received, coming),
    });
    this.#feed = this.#createFeed();
    this.opened = this.#open();
    this.opened.catch((error) => {
      this.#queue.end(FedmsgError.from(error));
      void this.close(); // The loop that this error ends will not ask for it.
    });
    const { signal } = options;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Given, undefined> {
    return this.#iterator;
  }

  /** Messages that came and wait for the reader. */
  get waiting(): number {
    return this.#queue.size + this.#feed.waiting;
  }

  /**
   * Messages that came and were missed, as the reader did not keep up. Only of one that shares connections: others have their
   * publishers wait. What a journal has of them is fetched later.
   */
  get dropped(): number {
    return this.#feed.dropped;
  }

  /**
   * Takes no more; what has been received can still be iterated. With `commit: "explicit"`, journals are asked which messages they
   * have (`comesAgain`), for 3 s at most. Idempotent.
   *
   * @param options `signal`: from then on journals are not asked any more
   */
  async drain({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#queue.lift();
    await this.#stop();
    await this.#feed.drain();
    if (this.#options.commit === "explicit") await this.#following?.vouch(signal);
    this.#queue.end();
    if (!this.#durable || this.#queue.isOver) await this.#letGo();
  }

  /** Stops at once; the iteration ends. Idempotent. */
  async close(): Promise<void> {
    await this.#leave();
    if (this.#options.commit === "explicit") await this.#forget();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #createDurable(commit: "next" | "explicit"): DurableIterator | ExplicitIterator {
    const messages = this.#queue as unknown as BoundedQueue<CommittableMessage>;
    if (commit === "explicit") return new ExplicitIterator(messages, () => this.#forget());
    const onFailure = (error: unknown) => this.#warn(`is not kept as handled: ${FedmsgError.from(error).message}`);
    return new DurableIterator(messages, () => this.#forget(), onFailure);
  }

  #createFeed(): Feed {
    const { shared } = this.#context;
    const { passive = false } = this.#options;
    const intake = this.#intake;
    const { prefixes } = this.#topics;
    const taker: Taker = {
      prefixes: this.#isFollowing ? [...prefixes, heartbeatPrefix] : prefixes,
      get isCatchingUp() {
        return intake.isCatchingUp;
      },
      wants: (arrival) => intake.wants(arrival),
      take: (arrival) => intake.take(arrival),
      connected: () => this.#following?.reconnected(),
      missed: (count, { name, endpoint }) =>
        this.#own.emit({ type: "dropped", name, endpoint, count, subscription: this.#name }),
      fail: (error) => this.#fail(error),
    };
    return shared && !passive ? shared.createFeed(taker) : new OwnFeed(this.#context, taker, passive);
  }

  async #open(): Promise<void> {
    const trust = await this.#context.trust;
    this.#intake.judgeBy(await trust.createJudge(this.#options));
    await this.#follow();
    if (!this.#stopping) await this.#feed.open();
  }

  /** Whether it asks for what did not come. */
  get #isFollowing(): boolean {
    return this.#options.durable !== undefined || Object.keys(this.#context.config.replay_endpoints ?? {}).length > 0;
  }

  /** Opens what remembers, and begins to follow the journals. */
  async #follow(): Promise<void> {
    if (!this.#isFollowing || this.#stopping) return;
    const { config } = this.#context;
    const { durable, from = "head", topics = [] } = this.#options;
    const store = durable === undefined ? createMemoryCursors() : await this.#openStore(durable, topics);
    this.#store = store;
    if (this.#stopping) {
      await store.close();
      return;
    }
    const hasPast = store.cursors.size > 0 || from !== "head";
    this.#following = new Following({
      endpoints: config.replay_endpoints ?? {},
      store,
      status: this.#own,
      prefixes: this.#topics.prefixes,
      matches: (topic) => this.#topics.matches(topic),
      from: from instanceof Date ? from.getTime() : (from satisfies From),
      take: (body, from) => this.#intake.takeFetched(body, from),
      vouch: (body) => this.#intake.vouch(body),
      keysMax: durable === undefined ? memoryKeysMax : diskKeysMax,
    });
    this.#intake.follow(this.#following);
    if (hasPast) this.#intake.waitFor(this.#following.ready);
  }

  async #openStore(name: string, topics: readonly string[]): Promise<CursorStore> {
    const { config } = this.#context;
    const store = await openCursorsOf(name, config, (detail) => this.#warn(detail));
    const filter = JSON.stringify([...topics].sort());
    if (store.filter !== undefined && store.filter !== filter) {
      this.#warn(`it asked for other topics before (${store.filter}); of what is new, it gets what comes from now on`);
    }
    if (store.filter !== filter) store.describeFilter(filter);
    if (Object.keys(config.replay_endpoints ?? {}).length === 0) {
      this.#warn("replay_endpoints lists nothing: what is missed cannot be fetched");
    }
    return store;
  }

  /** @param coming where journals are followed */
  #give(received: Received, coming: Coming | undefined): Promise<void> | undefined {
    const weight = weigh(received);
    if (coming && this.#durable) {
      const message = new CommittableMessage(received, coming, this.#committer);
      return this.#queue.push(message as unknown as Given, weight);
    }
    if (coming) {
      this.#store?.handle(coming.key).catch(() => {}); // It was closed meanwhile.
      this.#following?.ledger.handled(coming.key);
    }
    return this.#queue.push(received as Given, weight);
  }

  async #commit<T>(key: string, work?: (transaction: Transaction) => T): Promise<T | undefined> {
    const ledger = this.#following?.ledger;
    try {
      const result = await (this.#store as CursorStore).handle(key, work);
      ledger?.handled(key);
      return result;
    } catch (error) {
      // In hand it stays whose it is; else nobody would try once more, and it comes again.
      if (this.#options.commit !== "explicit") ledger?.release(key);
      throw error;
    }
  }

  #isKept({ key, journal }: Coming): boolean {
    const following = this.#following;
    return following?.ledger.isVouched(key) || (journal !== undefined && following?.has(journal)) || false;
  }

  get #name(): string {
    return this.#options.durable ?? "subscription";
  }

  #tell(event: StatusEvent): void {
    this.#context.status.emit(event);
    try {
      this.#options.onEvent?.(event);
    } catch {
      // Its own business.
    }
  }

  #warn(detail: string): void {
    this.#own.emit({ type: "warning", name: this.#name, detail });
  }

  /** Nothing can be received any more; what has been is still given, and then the error. */
  #fail(error: unknown): void {
    this.#queue.end(FedmsgError.from(error));
    void this.#stop().then(() => this.#feed.close());
  }

  /** The reader wants no more. */
  async #leave(): Promise<void> {
    this.#queue.clear();
    await Promise.all([this.#stop(), this.#following?.close()]);
    await this.#feed.close();
    await this.#letGo();
  }

  /** Whoever has a message in hand may still commit it; the cursors are closed then. */
  async #letGo(): Promise<void> {
    if (!this.#durable?.isBusy) await this.#forget();
  }

  async #forget(): Promise<void> {
    await this.#store?.close();
    this.#context.onClosed(this);
  }

  /** Asks for nothing any more. */
  #stop(): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#stopping ??= this.#following?.stop() ?? Promise.resolve();
    return this.#stopping;
  }
}
