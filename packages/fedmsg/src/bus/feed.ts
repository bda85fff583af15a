import type { Config } from "../config/index.ts";
import type { Frames, Transport } from "../transport/transport.ts";
import { Arrival, type Origin } from "./arrival.ts";
import type { LiveEndpoints } from "./endpoints.ts";
import type { Refusals } from "./refusals.ts";
import { Sources } from "./sources.ts";
import type { EventSink, StatusEvent } from "./status.ts";

/** Where the messages of a subscription come from: sockets of its own ({@link OwnFeed}), or those that it shares. */
export interface Feed {
  /** Messages that wait in front of the subscription. */
  readonly waiting: number;
  /** Messages that came and that the subscription missed, as it did not keep up. */
  readonly dropped: number;
  /**
   * Begins to give messages.
   *
   * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
   */
  open(): Promise<void>;
  /** Receives no more; resolves when everything that it received has been taken. Idempotent. */
  drain(): Promise<void>;
  /** Receives no more, and gives no more. Idempotent, also while it drains. */
  close(): Promise<void>;
}

/** What a feed gives messages to: one subscription. */
export interface Taker {
  /** Beginnings of the topics that are wanted. */
  readonly prefixes: readonly string[];
  /** Whether it takes nothing yet, because it looks after what was missed. */
  readonly isCatchingUp: boolean;
  /** Whether a message is for it. */
  wants(arrival: Arrival): boolean;
  /** Takes a message that it wants; a promise, where there is no room for the next one yet. */
  take(arrival: Arrival): Promise<void> | undefined;
  /** A connection is there, perhaps again. */
  connected(): void;
  /** It did not keep up, and did not get so many messages; the last of them came from there. */
  missed(count: number, origin: Origin): void;
  /** Nothing can be received any more. */
  fail(error: unknown): void;
}

/** What feeds are made from. */
export interface FeedContext {
  readonly config: Config;
  readonly endpoints: LiveEndpoints;
  readonly transport: Promise<Transport>;
  readonly status: EventSink;
  readonly refusals: Refusals;
}

/** A message from its frames; what is none is counted and told, and nothing else becomes of it. */
export function toArrival(frames: Frames, origin: Origin, { config, refusals }: FeedContext): Arrival | undefined {
  const arrival = new Arrival(frames, origin, config.bodyBytesMax);
  if (arrival.isHeartbeat || arrival.decoded.valid) return arrival;
  refusals.note(arrival, arrival.decoded);
  return undefined;
}

/** The sockets of one subscription. Where it is full, they are not read, and publishers feel it. */
export class OwnFeed implements Feed {
  readonly waiting = 0;
  readonly dropped = 0;
  readonly #context: FeedContext;
  readonly #taker: Taker;
  readonly #sources: Sources;
  readonly #onEndpoints = (name: string, addresses: readonly string[]) => this.#sources.update(name, addresses);
  #isClosed = false;

  constructor(context: FeedContext, taker: Taker, passive: boolean) {
    this.#context = context;
    this.#taker = taker;
    this.#sources = new Sources(context.transport, {
      config: context.config,
      status: { emit: (event) => this.#tell(event) },
      passive,
      take: (batch, source) => this.#take(batch, source),
      onError: (error) => taker.fail(error),
    });
  }

  async open(): Promise<void> {
    if (this.#isClosed) return;
    const { endpoints } = this.#context;
    this.#sources.subscribe(this.#taker.prefixes);
    endpoints.follow(this.#onEndpoints);
    await this.#sources.openAll(endpoints.list());
  }

  async drain(): Promise<void> {
    await this.close();
    await this.#sources.ended();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#sources.close(), this.#context.endpoints.unfollow(this.#onEndpoints)]);
  }

  async #take(batch: readonly Frames[], origin: Origin): Promise<void> {
    for (const frames of batch) {
      const arrival = toArrival(frames, origin, this.#context);
      if (!arrival || !this.#taker.wants(arrival)) continue;
      const room = this.#taker.take(arrival);
      if (room) await room;
    }
  }

  #tell(event: StatusEvent): void {
    if (event.type === "connected") this.#taker.connected();
    this.#context.status.emit(event);
  }
}
