/**
 * One socket for each publisher, however many subscriptions a bus has (`shareConnections`): what comes is read, decoded and
 * validated once, and goes to each subscription that wants it.
 *
 * ```
 *  publisher ──▶ socket ─┐                     ┌─▶ inlet ─▶ subscription
 *  publisher ──▶ socket ─┼─▶ arrival, decoded ─┼─▶ inlet ─▶ subscription
 *  publisher ──▶ socket ─┘                     └─▶ inlet ─▶ subscription
 * ```
 *
 * The sockets ask for what any subscription asks for; they are opened for the first and closed with the last. What isolates the
 * subscriptions from each other is the {@link Inlet} of each.
 *
 * Reading is much cheaper than handling, and both are done by one thread. So while something waits in an inlet, less is read in
 * each turn of the event loop than inlets give: only a subscription that waits for something else falls behind for long.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Frames } from "../transport/transport.ts";
import type { Origin } from "./arrival.ts";
import { type Feed, type FeedContext, type Taker, toArrival } from "./feed.ts";
import { Inlet, Patience } from "./inlet.ts";
import { Sources } from "./sources.ts";
import type { StatusEvent } from "./status.ts";

/** Messages that are read in one turn, while some wait. {@link Inlet}s give more. */
const turnMessages = 512;

/** See the top of this file. */
export class SharedSources {
  readonly #context: FeedContext;
  readonly #patience = new Patience();
  #session: Session | undefined;

  constructor(context: FeedContext) {
    this.#context = context;
  }

  /** What one more subscription gets its messages from. */
  createFeed(taker: Taker): Feed {
    const bounds = { weightMax: this.#context.config.queueBytesMax, patience: this.#patience };
    return new SharedFeed(() => this.#open(), new Inlet(taker, bounds));
  }

  #open(): Session {
    if (!this.#session || this.#session.isOver) this.#session = new Session(this.#context);
    return this.#session;
  }
}

/** The sockets, from the first subscription to the last. */
class Session {
  readonly #context: FeedContext;
  readonly #sources: Sources;
  readonly #onEndpoints = (name: string, addresses: readonly string[]) => this.#sources.update(name, addresses);
  readonly #inlets = new Set<Inlet>();
  /** What is read and waits for room. */
  readonly #waiting = new Set<Promise<void>>();
  /** Messages read in this turn while others waited; and the next turn, when they were enough. */
  #readInTurn = 0;
  #turn: Promise<void> | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(context: FeedContext) {
    this.#context = context;
    this.#sources = new Sources(context.transport, {
      config: context.config,
      status: { emit: (event) => this.#tell(event) },
      take: (batch, source) => this.#take(batch, source),
      onError: (error) => this.#fail(error),
    });
  }

  /** Whether the last one has left. */
  get isOver(): boolean {
    return this.#closing !== undefined;
  }

  /** One subscription more. Throws what keeps the sockets from being opened. */
  join(inlet: Inlet): Promise<void> {
    this.#inlets.add(inlet);
    this.#sources.subscribe(inlet.taker.prefixes);
    const { endpoints } = this.#context;
    if (!this.#opening) {
      endpoints.follow(this.#onEndpoints);
      this.#opening = this.#sources.openAll(endpoints.list());
    }
    return this.#opening;
  }

  /** A subscription that stays only for what was received. The last one takes the sockets with it. */
  async settle(inlet: Inlet): Promise<void> {
    if (!this.#inlets.has(inlet)) return;
    if (this.#inlets.size > 1) {
      await Promise.all(this.#waiting);
      return;
    }
    await this.#close();
    await this.#sources.ended();
  }

  /** One subscription less; with the last one, resolves when the sockets are closed. Idempotent. */
  async leave(inlet: Inlet): Promise<void> {
    if (this.#inlets.delete(inlet)) this.#sources.unsubscribe(inlet.taker.prefixes);
    if (this.#inlets.size === 0) await this.#close();
  }

  #close(): Promise<void> {
    const { endpoints } = this.#context;
    this.#closing ??= Promise.all([this.#sources.close(), endpoints.unfollow(this.#onEndpoints)]).then(() => {});
    return this.#closing;
  }

  /** Returns a promise only where a subscription has no room, or is to have its turn first. */
  #take(batch: readonly Frames[], origin: Origin): Promise<void> | undefined {
    if (this.#turn) return this.#wait(this.#takeRest(batch, origin));
    for (let n = 0; n < batch.length; n++) {
      const room = this.#spread(batch[n] as Frames, origin);
      if (room) return this.#wait(room.then(() => this.#takeRest(batch.slice(n + 1), origin)));
    }
    return this.#noteRead(batch.length);
  }

  async #takeRest(rest: readonly Frames[], origin: Origin): Promise<void> {
    while (this.#turn) await this.#turn;
    for (const frames of rest) {
      const room = this.#spread(frames, origin);
      if (room) await room;
    }
    await this.#noteRead(rest.length);
  }

  #wait(taking: Promise<void>): Promise<void> {
    const waiting = taking.finally(() => this.#waiting.delete(waiting));
    this.#waiting.add(waiting);
    return waiting;
  }

  /** Where enough was read while others waited, resolves in the next turn. */
  #noteRead(messages: number): Promise<void> | undefined {
    if (!this.#isBehind) return undefined;
    this.#readInTurn += messages;
    if (this.#readInTurn < turnMessages) return undefined;
    this.#turn ??= nextTurn().then(() => {
      this.#turn = undefined;
      this.#readInTurn = 0;
    });
    return this.#turn;
  }

  get #isBehind(): boolean {
    for (const { waiting } of this.#inlets) if (waiting > 0) return true;
    return false;
  }

  /** Gives a message to everybody; a promise, where somebody who may hold up the others has no room. */
  #spread(frames: Frames, origin: Origin): Promise<unknown> | undefined {
    const arrival = toArrival(frames, origin, this.#context);
    if (!arrival) return undefined;
    let full: Promise<void>[] | undefined;
    for (const inlet of this.#inlets) {
      const room = inlet.offer(arrival);
      if (!room) continue;
      full ??= [];
      full.push(room);
    }
    return full && Promise.all(full);
  }

  #tell(event: StatusEvent): void {
    if (event.type === "connected") for (const { taker } of this.#inlets) taker.connected();
    this.#context.status.emit(event);
  }

  #fail(error: unknown): void {
    for (const { taker } of this.#inlets) taker.fail(error);
  }
}

/** What one subscription has of the shared sockets. */
class SharedFeed implements Feed {
  readonly #open: () => Session;
  readonly #inlet: Inlet;
  #session: Session | undefined;
  #isClosed = false;

  /** @param open the session to join, when it is opened */
  constructor(open: () => Session, inlet: Inlet) {
    this.#open = open;
    this.#inlet = inlet;
  }

  get waiting(): number {
    return this.#inlet.waiting;
  }

  get dropped(): number {
    return this.#inlet.dropped;
  }

  async open(): Promise<void> {
    if (this.#isClosed) return;
    this.#session = this.#open();
    await this.#session.join(this.#inlet);
  }

  async drain(): Promise<void> {
    this.#isClosed = true;
    this.#inlet.lift();
    await this.#session?.settle(this.#inlet);
    await this.#session?.leave(this.#inlet);
    await this.#inlet.emptied();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#inlet.close();
    await this.#session?.leave(this.#inlet);
  }
}
