/**
 * What lies between sockets that several subscriptions share and one of them: a bounded queue, so that each is as slow as it
 * likes and the others do not feel it.
 *
 * ```
 *                         full                     waited for 0.5 s in all
 *   passing ──▶ queueing ─────▶ holding up sockets ─────────────────────▶ missing
 *      ▲           │   ▲                                                     │
 *      └───────────┘   └─────────────────────────────────────────────────────┘
 *          empty                      half of the queue is free
 * ```
 *
 * Passing, nothing is queued and no promise is made: a message goes straight to the subscription. Holding up the sockets, until
 * half of the queue is free, is what reaches the publishers; it ends, as one subscription must not stall the rest, and then this one misses messages, counted
 * and told, until it has caught up (DESIGN.md, decision 6). Time that it held up is forgotten only then: else one that takes a
 * message a second would hold up everybody for good. All that share the sockets have one {@link Patience}: a publisher whose
 * messages nobody reads for a second drops them for all of us, so holding up ends well before that, also where several are full.
 *
 * What counts is time in which this thread had nothing to do: a subscription that is full because its own reader is at work is
 * waited for, as there is nothing that could be gained by reading on.
 *
 * Heartbeats wait in the queue like anything else: heard too early, they would have what waits behind them fetched.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Arrival } from "./arrival.ts";
import { Batches } from "./batches.ts";
import type { Taker } from "./feed.ts";
import { Fifo } from "./fifo.ts";

/** Messages that may wait. */
export const inletMessagesMax = 100_000;
/** How long a full one holds up the sockets, in idle ms, before it misses messages. A publisher waits twice as long (`stallMs`). */
export const holdUpMs = 500;
/** How long in any case, in idle ms: one that is full only because it had no turn yet misses nothing. */
const graceMs = 10;
/** Which part of the time all together may hold them up in the long run. */
const holdUpPart = 0.05;
/** How often it tells what it missed, in ms. */
const tellMs = 1000;
/** Messages that are taken from the queue before other work gets a turn: more than `SharedSources` reads meanwhile. */
const turnMessages = 2048;

/** For how long the inlets of some sockets may hold them up, all together. What was spent comes back little by little. */
export class Patience {
  #left = holdUpMs;
  #at = performance.now();

  /** In ms. */
  get leftMs(): number {
    const now = performance.now();
    this.#left = Math.min(holdUpMs, this.#left + (now - this.#at) * holdUpPart);
    this.#at = now;
    return this.#left;
  }

  spend(ms: number): void {
    this.#left = Math.max(0, this.leftMs - ms);
  }
}

/** Bounds of an {@link Inlet}. */
export interface InletBounds {
  readonly messagesMax?: number;
  /** Of their weights, see `weightOf`. */
  readonly weightMax: number;
  /** Of those that share the sockets. */
  readonly patience: Patience;
}

/** See the top of this file. */
export class Inlet {
  readonly taker: Taker;
  readonly #messagesMax: number;
  readonly #weightMax: number;
  readonly #together: Patience;
  readonly #queue = new Fifo<Arrival>();
  readonly #batches = new Batches();
  /** Set while the subscription has no room, or what waits is given to it. */
  #giving: Promise<void> | undefined;
  #isMissing = false;
  #isLifted = false;
  #isClosed = false;
  /** How long it held up the sockets since half of it was free, in idle ms, */
  #heldMs = 0;
  /** and since which idle ms of this thread it does now. */
  #hold: { readonly since: number; readonly room: Promise<void>; release(): void } | undefined;
  #givingUp: NodeJS.Timeout | undefined;
  #dropped = 0;
  /** Of what was missed, what was not told yet. */
  #untold: { count: number; last: Arrival } | undefined;
  #telling: NodeJS.Timeout | undefined;

  constructor(taker: Taker, { messagesMax = inletMessagesMax, weightMax, patience }: InletBounds) {
    this.taker = taker;
    this.#messagesMax = messagesMax;
    this.#weightMax = weightMax;
    this.#together = patience;
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Messages that were missed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a message, if it is for this subscription. Where a promise comes back it is full: await it before the next. */
  offer(arrival: Arrival): Promise<void> | undefined {
    try {
      if (this.#isClosed || !this.taker.wants(arrival)) return undefined;
      if (!this.#giving) {
        const room = this.taker.take(arrival);
        if (room) this.#give(room);
        return undefined;
      }
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
    if (this.#isMissing) {
      this.#miss(arrival);
      return undefined;
    }
    this.#queue.push(arrival, arrival.weight);
    this.#batches.add(arrival);
    if (!this.#isFull) return undefined;
    return this.#hold?.room ?? this.#holdUp();
  }

  /** Holds up nobody any more, and misses nothing: what comes now was received already, and there is not much of it. */
  lift(): void {
    this.#isLifted = true;
    this.#isMissing = false;
    this.#release();
  }

  /** Resolves when nothing waits any more. */
  async emptied(): Promise<void> {
    while (this.#giving) await this.#giving;
  }

  /** Takes no more, and forgets what waits. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#queue.clear();
    this.#batches.clear();
    this.#release();
    this.#tell();
  }

  get #isFull(): boolean {
    const { size, weight } = this.#queue;
    return !this.#isLifted && (size >= this.#messagesMax || weight >= this.#weightMax);
  }

  /** Gives what waits, once there is room. */
  #give(room: Promise<void>): void {
    const giving = this.#giveAll(room).catch((error) => this.#fail(error));
    this.#giving = giving;
  }

  async #giveAll(first: Promise<void>): Promise<void> {
    try {
      await first;
      for (let given = 1; !this.#isClosed; given++) {
        const entry = this.#queue.shift();
        if (!entry) break;
        this.#noteRoom();
        const room = this.taker.take(entry.item);
        if (room) await room;
        if (given % turnMessages === 0) await nextTurn();
      }
    } finally {
      this.#giving = undefined;
      if (this.#queue.size === 0) this.#batches.clear();
    }
  }

  /** What is left of its own time, and of everybody's; the grace is its own, once until half is free. */
  get #patienceMs(): number {
    return Math.min(holdUpMs - this.#heldMs, Math.max(graceMs - this.#heldMs, this.#together.leftMs));
  }

  /** All readers wait for the same. Nobody waits where that was long enough already, or would be in vain. */
  #holdUp(): Promise<void> | undefined {
    const ms = this.taker.isCatchingUp ? 0 : this.#patienceMs;
    if (ms < 1) {
      this.#isMissing = true;
      return undefined;
    }
    let release = () => {};
    const room = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#hold = { since: idleMs(), room, release };
    this.#waitFor(ms, this.#hold.since + ms);
    return room;
  }

  /** @param until in idle ms */
  #waitFor(ms: number, until: number): void {
    const hold = this.#hold;
    const giveUp = () => {
      if (this.#hold !== hold) return;
      const left = until - idleMs();
      if (left >= 1) {
        this.#waitFor(left, until);
        return;
      }
      this.#isMissing = true;
      this.#release();
    };
    // What its reader waited for may be there by now, after this thread was busy: that comes first.
    this.#givingUp = setTimeout(() => setImmediate(giveUp), ms);
  }

  #release(): void {
    clearTimeout(this.#givingUp);
    if (!this.#hold) return;
    const ms = idleMs() - this.#hold.since;
    this.#heldMs += ms;
    this.#together.spend(ms);
    this.#hold.release();
    this.#hold = undefined;
  }

  /** A message was taken out. */
  #noteRoom(): void {
    const { size, weight } = this.#queue;
    if (size * 2 > this.#messagesMax || weight * 2 > this.#weightMax) return;
    this.#release();
    this.#heldMs = 0;
    this.#isMissing = false;
  }

  #miss(arrival: Arrival): void {
    if (arrival.isHeartbeat) return; // The next one says that there was one.
    this.#dropped++;
    this.#untold = { count: (this.#untold?.count ?? 0) + 1, last: arrival };
    this.#telling ??= setTimeout(() => this.#tell(), tellMs).unref();
  }

  #tell(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold) this.taker.missed(untold.count, untold.last);
  }

  #fail(error: unknown): void {
    this.close();
    this.taker.fail(error);
  }
}

/** How long this thread had nothing to do, in all its life. */
function idleMs(): number {
  return performance.eventLoopUtilization().idle;
}
