import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { Frames, Transport } from "../transport/transport.ts";
import type { Message } from "../wire/envelope.ts";
import { decodeMessage } from "../wire/frames.ts";
import { compileTopics, type TopicMatcher } from "../wire/topic.ts";
import { BoundedQueue } from "./bounded-queue.ts";
import type { LiveEndpoints } from "./endpoints.ts";
import type { Source } from "./source.ts";
import { Sources } from "./sources.ts";
import type { RefusalReason, StatusEvents } from "./status.ts";
import type { Judge, Judgement, Trust, TrustLevel } from "./trust.ts";

/** A message that arrived. */
export interface Received {
  /** The key of `endpoints` that its address is listed under. */
  readonly name: string;
  /** The address it came from. */
  readonly endpoint: string;
  readonly topic: string;
  readonly message: Message;
  /** The exact bytes of the body: what a signature covers, and numbers as they were spelt. */
  readonly body: Uint8Array;
  /** What is known about who sent it. */
  readonly trust: TrustLevel;
  /** The name on the certificate, where the message is `signed`. */
  readonly signer?: string;
}

/** What to subscribe to. */
export interface SubscribeOptions {
  /** Patterns as `compileTopics` reads them: AMQP wildcards, or prefixes. Default: everything. */
  readonly topics?: readonly string[];
  /** Listen on the addresses instead of connecting to them, so that publishers come to us. Default false. */
  readonly passive?: boolean;
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

type Valid = Extract<ReturnType<typeof decodeMessage>, { valid: true }>;

/** Messages that may wait for the reader, before reading from the network stops. */
const queueMessagesMax = 1024;

/**
 * The messages of all publishers that the configuration lists, as they come. It connects at once, and follows the SRV
 * records of `srv_endpoints`; what arrives before it is iterated waits, within bounds. It ends when the loop is left, with
 * `signal`, `close()`, or the bus.
 */
export class Subscription implements AsyncIterable<Received, undefined> {
  readonly #context: SubscriptionContext;
  readonly #queue: BoundedQueue<Received>;
  readonly #topics: TopicMatcher;
  readonly #sources: Sources;
  readonly #onEndpoints = (name: string, addresses: readonly string[]) => this.#sources.update(name, addresses);
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.close();
  #judge!: Judge; // Before anything is received.
  #closing: Promise<void> | undefined;

  constructor(context: SubscriptionContext, options: SubscribeOptions) {
    const { config, endpoints, transport, trust, status } = context;
    this.#context = context;
    this.#queue = new BoundedQueue({ itemsMax: queueMessagesMax, bytesMax: config.queueBytesMax }, () => this.close());
    this.#topics = compileTopics(options.topics ?? [], { strict: config.zmq_strict });
    this.#sources = new Sources(transport, {
      config,
      status,
      prefixes: this.#topics.prefixes,
      passive: options.passive ?? false,
      take: (frames, source) => this.#take(frames, source),
      onError: (error) => this.#queue.end(FedmsgError.from(error)),
    });
    endpoints.follow(this.#onEndpoints);
    const opening = trust.then((opened) => {
      this.#judge = opened.createJudge();
      return this.#sources.open(endpoints.list());
    });
    opening.catch((error) => {
      this.#queue.end(FedmsgError.from(error));
      void this.#closeSockets(); // The loop that this error ends will not ask for it.
    });
    const { signal } = options;
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Received, undefined> {
    return this.#queue;
  }

  /** Takes no more; what has been received can still be iterated. Idempotent. */
  async drain(): Promise<void> {
    this.#queue.lift();
    await this.#closeSockets();
    await this.#sources.ended();
    this.#queue.end();
  }

  /** Stops at once; the iteration ends. Idempotent. */
  async close(): Promise<void> {
    this.#queue.clear();
    await this.#closeSockets();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Returns a promise only where the reader is behind, or a check takes time. */
  #take(frames: Frames, source: Source): Promise<void> | undefined {
    const decoded = decodeMessage(frames, this.#context.config.bodyBytesMax);
    if (!decoded.valid) {
      this.#refuse(decoded.topic, decoded.reason, decoded.detail, source);
      return undefined;
    }
    if (!this.#topics.matches(decoded.topic)) return undefined;
    const judgement = this.#judge.judge(decoded);
    if (judgement instanceof Promise) return judgement.then((judged) => this.#deliver(decoded, judged, source));
    return this.#deliver(decoded, judgement, source);
  }

  #deliver(decoded: Valid, judgement: Judgement, source: Source): Promise<void> | undefined {
    const { topic, message, body } = decoded;
    const { name, endpoint } = source;
    if (!judgement.accepted) {
      this.#refuse(topic, judgement.reason, judgement.detail, source);
      return undefined;
    }
    this.#context.onReceived();
    const { trust, signer } = judgement;
    const received: Received = { name, endpoint, topic, message, body, trust, ...(signer !== undefined && { signer }) };
    return this.#queue.push(received, body.byteLength);
  }

  #refuse(topic: string, reason: RefusalReason, detail: string, { name, endpoint }: Source): void {
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
    await Promise.all([this.#sources.close(), this.#context.endpoints.unfollow(this.#onEndpoints)]);
    this.#context.onClosed(this);
  }
}
