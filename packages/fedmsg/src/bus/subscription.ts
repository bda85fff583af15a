import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import { socketOptions } from "../transport/create.ts";
import { listen } from "../transport/listen.ts";
import type { Frames, SocketEvent, Subscriber, Transport } from "../transport/transport.ts";
import type { Message } from "../wire/envelope.ts";
import { decodeMessage, type InvalidReason } from "../wire/frames.ts";
import { compileTopics, type TopicMatcher } from "../wire/topic.ts";
import { BoundedQueue } from "./bounded-queue.ts";
import type { StatusEvents } from "./status.ts";

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
  readonly transport: Promise<Transport>;
  readonly status: StatusEvents;
  readonly onReceived: () => void;
  readonly onInvalid: (reason: InvalidReason) => void;
  /** Called once, when nothing is left of it. */
  readonly onClosed: (subscription: Subscription) => void;
}

/** Messages that may wait for the reader, before reading from the network stops. */
const queueMessagesMax = 1024;

interface Source {
  readonly name: string;
  readonly endpoint: string;
}

/**
 * The messages of all publishers that the configuration lists, as they come. It connects at once; what arrives before
 * it is iterated waits, within bounds. It ends when the loop is left, with `signal`, `close()`, or the bus.
 */
export class Subscription implements AsyncIterable<Received, undefined> {
  readonly #context: SubscriptionContext;
  readonly #queue: BoundedQueue<Received>;
  readonly #topics: TopicMatcher;
  readonly #sockets: Subscriber[] = [];
  readonly #reads: Promise<void>[] = [];
  readonly #opening: Promise<void>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.close();
  #closing: Promise<void> | undefined;

  constructor(context: SubscriptionContext, options: SubscribeOptions) {
    const { config } = context;
    this.#context = context;
    this.#queue = new BoundedQueue({ itemsMax: queueMessagesMax, bytesMax: config.queueBytesMax }, () => this.close());
    this.#topics = compileTopics(options.topics ?? [], { strict: config.zmq_strict });
    this.#opening = this.#open(options.passive ?? false).catch((error) => {
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
    await Promise.all(this.#reads);
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

  async #open(passive: boolean): Promise<void> {
    const transport = await this.#context.transport;
    for (const [name, addresses] of Object.entries(this.#context.config.endpoints)) {
      if (name === "relay_inbound") continue; // Nobody publishes there: it is where the relay listens.
      for (const address of addresses) if (!this.#closing) await this.#openSource(transport, name, address, passive);
    }
  }

  async #openSource(transport: Transport, name: string, address: string, passive: boolean): Promise<void> {
    const source = { name, endpoint: address };
    const socket = transport.createSubscriber({
      ...socketOptions(this.#context.config),
      onEvent: (event) => this.#forward(source, event),
    });
    this.#sockets.push(socket);
    for (const prefix of this.#topics.prefixes) socket.subscribe(prefix);
    if (passive) {
      const { endpoint, note } = await listen(socket, address, "everywhere");
      source.endpoint = endpoint;
      this.#context.status.emit({ type: "listening", name, endpoint, ...(note !== undefined && { note }) });
    } else socket.connect(address);
    this.#reads.push(this.#read(socket, source).catch((error) => this.#queue.end(FedmsgError.from(error))));
  }

  async #read(socket: Subscriber, source: Source): Promise<void> {
    for (;;) {
      const batch = await socket.receive();
      if (batch.length === 0) return;
      for (const frames of batch) {
        const room = this.#take(frames, source);
        if (room) await room;
      }
    }
  }

  /** Returns a promise only where the reader is behind. */
  #take(frames: Frames, { name, endpoint }: Source): Promise<void> | undefined {
    const decoded = decodeMessage(frames, this.#context.config.bodyBytesMax);
    if (!decoded.valid) {
      const { topic, reason, detail } = decoded;
      this.#context.onInvalid(reason);
      this.#context.status.emit({ type: "invalid", name, endpoint, topic, reason, detail });
      return undefined;
    }
    const { topic, message, body } = decoded;
    if (!this.#topics.matches(topic)) return undefined;
    this.#context.onReceived();
    return this.#queue.push({ name, endpoint, topic, message, body }, body.byteLength);
  }

  #forward({ name, endpoint }: Source, event: SocketEvent): void {
    const { status } = this.#context;
    if (event.type === "connected") status.emit({ type: "connected", name, endpoint });
    else if (event.type === "disconnected") status.emit({ type: "disconnected", name, endpoint });
    else if (event.type === "unresolved") status.emit({ type: "disconnected", name, endpoint, detail: event.detail });
  }

  #closeSockets(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    await this.#opening;
    await Promise.all(this.#sockets.map((socket) => socket.close()));
    this.#context.onClosed(this);
  }
}
