import type { Config } from "../config/index.ts";
import { messageKeyOf, passingReasons, type Reason } from "../crypto/index.ts";
import { FedmsgError } from "../errors.ts";
import { type CursorStore, createMemoryCursors, type Transaction } from "../replay/cursors.ts";
import { heartbeatPrefix } from "../replay/heartbeat.ts";
import type { Frames, Transport } from "../transport/transport.ts";
import { type Decoded, decodeBody, decodeMessage } from "../wire/frames.ts";
import { compileTopics, type TopicMatcher } from "../wire/topic.ts";
import { BoundedQueue } from "./bounded-queue.ts";
import { DurableIterator } from "./durable-iterator.ts";
import type { LiveEndpoints } from "./endpoints.ts";
import type { From, Taken } from "./followed-context.ts";
import { Following, isHeartbeat } from "./following.ts";
import { assertDurableName, openCursorsOf } from "./open-cursors.ts";
import { CommittableMessage, type Committer, type Received } from "./received.ts";
import type { Source } from "./source.ts";
import { Sources } from "./sources.ts";
import type { RefusalReason, StatusEvent, StatusEvents } from "./status.ts";
import type { Judge, Judgement, Trust } from "./trust.ts";

/** What to subscribe to. */
export interface SubscribeOptions {
  /** Patterns as `compileTopics` reads them: AMQP wildcards, or prefixes. Default: everything. */
  readonly topics?: readonly string[];
  /** Listen on the addresses instead of connecting to them, so that publishers come to us. Default false. */
  readonly passive?: boolean;
  /**
   * The name of the subscription: how far it is is kept on disk under it (`cursor_store`), and what comes while it is not
   * there is fetched later, where its publisher keeps a journal (`replay_endpoints`). One process at a time. Up to 100
   * letters, digits, dots, hyphens and underscores.
   */
  readonly durable?: string;
  /**
   * Where a subscription without a past begins in the journals of `replay_endpoints`: with what comes from now on (`head`,
   * the default), with the oldest that is there (`first`), or with what was kept since a time.
   */
  readonly from?: "head" | "first" | Date;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** What a subscription needs of its bus. */
export interface SubscriptionContext {
  readonly config: Config;
  readonly endpoints: LiveEndpoints;
  readonly transport: Promise<Transport>;
  readonly trust: Promise<Trust>;
  readonly status: StatusEvents;
  readonly onReceived: () => void;
  readonly onInvalid: (reason: RefusalReason) => void;
  readonly onDuplicate: () => void;
  /** Called once, when nothing is left of it. */
  readonly onClosed: (subscription: Subscription) => void;
}

type Valid = Extract<Decoded, { valid: true }>;

/** Where a message came from. */
type Origin = Pick<Source, "name" | "endpoint">;

/** Messages that may wait for the reader, before reading from the network stops. */
const queueMessagesMax = 1024;
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
  readonly #context: SubscriptionContext;
  readonly #options: SubscribeOptions;
  readonly #queue: BoundedQueue<Given>;
  readonly #topics: TopicMatcher;
  readonly #sources: Sources;
  readonly #onEndpoints = (name: string, addresses: readonly string[]) => this.#sources.update(name, addresses);
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.close();
  readonly #iterator: AsyncIterableIterator<Given, undefined>;
  readonly #durable: DurableIterator | undefined;
  readonly #committer: Committer = { commit: (key, work) => this.#commit(key, work) };
  #store: CursorStore | undefined;
  #following: Following | undefined;
  /** While there is something to catch up on, what comes waits. */
  #catchingUp: Promise<unknown> | undefined;
  #judge!: Judge; // Before anything is received.
  #closing: Promise<void> | undefined;

  constructor(context: SubscriptionContext, options: SubscribeOptions) {
    const { config, endpoints, transport, trust } = context;
    this.#context = context;
    this.#options = options;
    if (options.durable !== undefined) assertDurableName(options.durable);
    this.#queue = new BoundedQueue({ itemsMax: queueMessagesMax, bytesMax: config.queueBytesMax }, () => this.close());
    this.#topics = compileTopics(options.topics ?? [], { strict: config.zmq_strict });
    if (options.durable !== undefined) {
      const messages = this.#queue as unknown as BoundedQueue<CommittableMessage>;
      const onFailure = (error: unknown) => this.#warn(`is not kept as handled: ${FedmsgError.from(error).message}`);
      this.#durable = new DurableIterator(messages, async () => this.#store?.close(), onFailure);
    }
    this.#iterator = (this.#durable as AsyncIterableIterator<Given & Received, undefined> | undefined) ?? this.#queue;
    this.#sources = new Sources(transport, {
      config,
      status: { emit: (event) => this.#tell(event) },
      prefixes: this.#isFollowing ? [...this.#topics.prefixes, heartbeatPrefix] : this.#topics.prefixes,
      passive: options.passive ?? false,
      take: (frames, source) => this.#take(frames, source),
      onError: (error) => this.#queue.end(FedmsgError.from(error)),
    });
    endpoints.follow(this.#onEndpoints);
    const opening = trust.then(async (opened) => {
      this.#judge = opened.createJudge();
      await this.#follow();
      return this.#sources.open(endpoints.list());
    });
    opening.catch((error) => {
      this.#queue.end(FedmsgError.from(error));
      void this.close(); // The loop that this error ends will not ask for it.
    });
    const { signal } = options;
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Given, undefined> {
    return this.#iterator;
  }

  /** Takes no more; what has been received can still be iterated. Idempotent. */
  async drain(): Promise<void> {
    this.#queue.lift();
    await this.#closeSockets();
    await this.#sources.ended();
    this.#queue.end();
    if (this.#queue.size === 0) await this.#letGo();
  }

  /** Stops at once; the iteration ends. Idempotent. */
  async close(): Promise<void> {
    this.#queue.clear();
    await this.#closeSockets();
    await this.#letGo();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Whether it asks for what did not come. */
  get #isFollowing(): boolean {
    return this.#options.durable !== undefined || Object.keys(this.#context.config.replay_endpoints ?? {}).length > 0;
  }

  /** Opens what remembers, and begins to follow the journals. */
  async #follow(): Promise<void> {
    if (!this.#isFollowing || this.#closing) return;
    const { config, status } = this.#context;
    const { durable, from = "head", topics = [] } = this.#options;
    const store = durable === undefined ? createMemoryCursors() : await this.#openStore(durable, topics);
    this.#store = store;
    if (this.#closing) return void (await store.close());
    const hasPast = store.cursors.size > 0 || from !== "head";
    this.#following = new Following({
      endpoints: config.replay_endpoints ?? {},
      store,
      status,
      prefixes: this.#topics.prefixes,
      matches: (topic) => this.#topics.matches(topic),
      from: from instanceof Date ? from.getTime() : (from satisfies From),
      take: (body, name, endpoint) => this.#takeFetched(body, { name, endpoint }),
      keysMax: durable === undefined ? memoryKeysMax : diskKeysMax,
    });
    if (!hasPast) return;
    this.#catchingUp = this.#following.ready.finally(() => {
      this.#catchingUp = undefined;
    });
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

  /** Returns a promise only where the reader is behind, or a check takes time. */
  #take(frames: Frames, source: Source): Promise<void> | undefined {
    if (this.#catchingUp) return this.#catchingUp.then(() => this.#take(frames, source));
    const [first, second] = frames;
    if (first && second && isHeartbeat(first)) {
      this.#following?.hear(first, second);
      if (!this.#wantsHeartbeats) return undefined;
    }
    const decoded = decodeMessage(frames, this.#context.config.bodyBytesMax);
    if (!decoded.valid) {
      this.#refuse(decoded.topic, decoded.reason, decoded.detail, source);
      return undefined;
    }
    if (!this.#topics.matches(decoded.topic)) return undefined;
    const key = this.#following && toKey(decoded);
    if (key !== undefined && this.#following?.ledger.stateOf(key) !== "unknown") {
      this.#refuse(decoded.topic, "duplicate", "", source);
      return undefined;
    }
    const conclude = (judged: Judgement) => {
      if (judged.accepted) this.#following?.heardOf(source.name, decoded.message.seq_id);
      return this.#deliver(decoded, judged, source, key);
    };
    const judgement = this.#judge.judge(decoded);
    return judgement instanceof Promise ? judgement.then(conclude) : conclude(judgement);
  }

  /**
   * Takes a message that was asked for: as one that came by itself, however old it is.
   *
   * @throws FedmsgError FEDMSG_CREDENTIALS where nobody can say now whether it is valid: it is asked for once more
   */
  async #takeFetched(body: Uint8Array, origin: Origin): Promise<Taken | undefined> {
    const decoded = decodeBody(body, this.#context.config.bodyBytesMax);
    if (!decoded.valid) {
      this.#refuse(decoded.topic, decoded.reason, decoded.detail, origin);
      return undefined;
    }
    if (!this.#topics.matches(decoded.topic)) return undefined;
    const key = toKey(decoded);
    if (this.#following?.ledger.stateOf(key) !== "unknown") return { key, isNew: false };
    const judgement = await this.#judge.judge(decoded, "whenever");
    const room = this.#deliver(decoded, judgement, origin, key);
    if (!judgement.accepted) {
      if (!passingReasons.has(judgement.reason as Reason)) return undefined; // It is nobody's message.
      throw new FedmsgError("FEDMSG_CREDENTIALS", `it cannot be said whose ${decoded.topic} is: ${judgement.detail}`);
    }
    if (room) await room;
    return { key, isNew: true };
  }

  #deliver(decoded: Valid, judgement: Judgement, origin: Origin, key: string | undefined): Promise<void> | undefined {
    const { topic, message, body } = decoded;
    const { name, endpoint } = origin;
    if (!judgement.accepted) {
      this.#refuse(topic, judgement.reason, judgement.detail, origin);
      return undefined;
    }
    if (key !== undefined && !this.#following?.ledger.see(key)) return undefined; // Another copy was quicker.
    this.#context.onReceived();
    const { trust, signer } = judgement;
    const received: Received = { name, endpoint, topic, message, body, trust, ...(signer !== undefined && { signer }) };
    if (key === undefined) return this.#queue.push(received as Given, body.byteLength);
    if (this.#durable) {
      const message = new CommittableMessage(received, key, this.#committer);
      return this.#queue.push(message as unknown as Given, body.byteLength);
    }
    this.#store?.handle(key).catch(() => {}); // It was closed meanwhile.
    this.#following?.ledger.handled(key);
    return this.#queue.push(received as Given, body.byteLength);
  }

  async #commit<T>(key: string, work?: (transaction: Transaction) => T): Promise<T | undefined> {
    const ledger = this.#following?.ledger;
    try {
      const result = await (this.#store as CursorStore).handle(key, work);
      ledger?.handled(key);
      return result;
    } catch (error) {
      ledger?.release(key);
      throw error;
    }
  }

  get #wantsHeartbeats(): boolean {
    return this.#topics.prefixes.some((prefix) => prefix.startsWith("_"));
  }

  #tell(event: StatusEvent): void {
    if (event.type === "connected") this.#following?.reconnected();
    this.#context.status.emit(event);
  }

  #warn(detail: string): void {
    this.#context.status.emit({ type: "warning", name: this.#options.durable ?? "subscription", detail });
  }

  /** Whoever has a message in hand may still commit it; the cursors are closed then. */
  async #letGo(): Promise<void> {
    if (!this.#durable?.isBusy) await this.#store?.close();
  }

  #refuse(topic: string, reason: RefusalReason, detail: string, { name, endpoint }: Origin): void {
    if (reason === "duplicate") {
      this.#context.onDuplicate();
      this.#context.status.emit({ type: "duplicate", name, endpoint, topic });
      return;
    }
    this.#context.onInvalid(reason);
    this.#context.status.emit({ type: "invalid", name, endpoint, topic, reason, detail });
  }

  #closeSockets(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    await this.#following?.close();
    await Promise.all([this.#sources.close(), this.#context.endpoints.unfollow(this.#onEndpoints)]);
    this.#context.onClosed(this);
  }
}

/** As the ledger has keys. */
function toKey({ message, body }: Valid): string {
  const key = messageKeyOf(message, body);
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}
