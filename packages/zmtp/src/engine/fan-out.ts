/**
 * One message to everybody who asked for it (PUB, XPUB): who wants what, and what to do about a peer that is full.
 *
 * A peer sets the pace while it takes what it is sent: when a sixteenth of its queue is filled, `send` waits for it, so
 * whoever produces slows down, and little memory is used. One that takes less than that within `stallMs` is *slow*: nobody
 * waits for it any more, its queue fills up, and what does not fit then, it alone loses, counted and told, until its queue is
 * empty. So a peer that hangs holds the others up once, for `stallMs`.
 *
 * Rejected: waiting only when a queue is full (every peer that is slower than the publisher then costs its whole queue), and
 * counting any progress as enough (a peer that takes one message a second stops the bus).
 */

import { PrefixTree } from "../codec/prefix-tree.ts";
import { abortedError, closedError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import type { Peer } from "./peer.ts";
import { type Frames, SendLine } from "./send-line.ts";

interface Outlet {
  readonly peer: Peer;
  /** Its prefixes, written with one character for each byte. */
  readonly prefixes: Set<string>;
  /** The last message that was for it. */
  stamp: number;
  slow: boolean;
  /** Since when it is waited for, in ms; 0: it is not. And what it had taken by then. */
  stalledAt: number;
  stalledBytes: number;
  stalledMessages: number;
  /** Messages it lost that were not told yet. */
  untold: number;
  toldAt: number;
}

/** Hears of each subscription of a peer, and whether it is the first or last one to its prefix. */
type SubscriptionListener = (peer: Peer, prefix: Uint8Array, wanted: boolean, isChange: boolean) => void;

interface SubscriptionWaiter {
  readonly topic: Uint8Array | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

/** The part of its queue that is waited for, and that a peer must take within `stallMs` to be waited for again. */
const pacePart = 1 / 16;
const reportMs = 1000;

/** The sending side of PUB and XPUB. */
export class FanOut {
  readonly line: SendLine;
  readonly #engine: Engine;
  readonly #onChange: SubscriptionListener;
  readonly #tree = new PrefixTree<Outlet>();
  readonly #outlets = new Map<Peer, Outlet>();
  readonly #targets: Outlet[] = [];
  readonly #visit: (outlet: Outlet) => void;
  readonly #waiters = new Set<SubscriptionWaiter>();
  #stamp = 0;
  #stallTimer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #closed = false;

  constructor(engine: Engine, onChange: SubscriptionListener) {
    this.#engine = engine;
    this.#onChange = onChange;
    this.line = new SendLine(engine, (frames) => this.#attempt(frames));
    this.#visit = (outlet) => {
      if (outlet.stamp === this.#stamp || outlet.peer.isLeaving) return;
      outlet.stamp = this.#stamp;
      this.#targets.push(outlet);
    };
  }

  /** Messages lost by some peer, in all. */
  get dropped(): number {
    return this.#dropped;
  }

  covers(topic: Uint8Array | undefined): boolean {
    return topic === undefined ? this.#tree.size > 0 : this.#tree.covers(topic);
  }

  /** Resolves when somebody subscribes to a prefix of `topic`, at once if somebody has. */
  subscribed(topic: Uint8Array | undefined, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    if (this.covers(topic)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = () => waiter.reject(abortedError(signal as AbortSignal));
      const leave = () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener("abort", onAbort);
      };
      const waiter: SubscriptionWaiter = {
        topic,
        resolve: () => resolve(leave()),
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** A peer is there. */
  join(peer: Peer): void {
    this.#outlets.set(peer, {
      peer,
      prefixes: new Set(),
      stamp: 0,
      slow: false,
      stalledAt: 0,
      stalledBytes: 0,
      stalledMessages: 0,
      untold: 0,
      toldAt: 0,
    });
  }

  /** A peer is gone, with all it asked for. */
  part(peer: Peer): void {
    const outlet = this.#outlets.get(peer);
    if (!outlet) return;
    this.#outlets.delete(peer);
    for (const text of outlet.prefixes) {
      const prefix = Buffer.from(text, "latin1");
      this.#onChange(peer, prefix, false, this.#tree.remove(prefix, outlet));
    }
    this.#tell(outlet);
    this.line.pump();
  }

  /** A peer subscribed or cancelled. `prefix` may be a view. */
  subscribe(peer: Peer, prefix: Buffer, wanted: boolean): void {
    const outlet = this.#outlets.get(peer);
    if (!outlet) return;
    const text = prefix.toString("latin1");
    if (!wanted) {
      if (outlet.prefixes.delete(text)) this.#onChange(peer, prefix, false, this.#tree.remove(prefix, outlet));
      this.line.pump(); // It may have been the one that was waited for.
      return;
    }
    const { subscriptionsMax, subscriptionBytesMax } = this.#engine.settings.limits;
    if (prefix.length > subscriptionBytesMax) {
      peer.cut("subscription-too-long", `${prefix.length} bytes, ${subscriptionBytesMax} are allowed`);
      return;
    }
    if (outlet.prefixes.has(text)) {
      this.#onChange(peer, prefix, true, false);
      return;
    }
    if (outlet.prefixes.size >= subscriptionsMax) {
      peer.cut("too-many-subscriptions", `${subscriptionsMax} are allowed`);
      return;
    }
    outlet.prefixes.add(text);
    this.#onChange(peer, prefix, true, this.#tree.add(prefix, outlet));
    for (const waiter of this.#waiters) if (this.covers(waiter.topic)) waiter.resolve();
  }

  /** A peer's queue has become shorter. */
  written(peer: Peer): void {
    const outlet = this.#outlets.get(peer);
    if (!outlet) return;
    const wasWaitedFor = outlet.stalledAt > 0;
    if (peer.outbox.empty) {
      outlet.stalledAt = 0;
      outlet.slow = false;
      this.#tell(outlet);
    }
    if (wasWaitedFor) this.line.pump(); // Nobody waits for the others.
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#stallTimer);
    this.line.close();
    for (const outlet of this.#outlets.values()) this.#tell(outlet);
    for (const waiter of this.#waiters) waiter.reject(closedError());
  }

  /** Queues a message for everybody who asked for it; for nobody, and false, while one of them holds it up. */
  #attempt(frames: Frames): boolean {
    this.#stamp++;
    const targets = this.#targets;
    targets.length = 0;
    this.#tree.match(frames[0] as Uint8Array, this.#visit);
    if (targets.length === 0) return true;
    let bytes = 0;
    for (let n = 0; n < frames.length; n++) bytes += (frames[n] as Uint8Array).length;
    let mayGo = true;
    for (const outlet of targets) {
      if (!outlet.slow && this.#isOver(outlet.peer, bytes, pacePart) && !this.#passOver(outlet)) mayGo = false;
    }
    if (!mayGo) return false;
    const written = this.#engine.log.append(frames);
    for (const outlet of targets) {
      if (outlet.slow && this.#isOver(outlet.peer, bytes, 1)) {
        this.#lose(outlet);
        continue;
      }
      outlet.peer.outbox.add(written);
      this.#engine.touch(outlet.peer);
    }
    this.#engine.queued(written.bytes, targets.length);
    return true;
  }

  /** Whether a message of so many bytes is too much for a part of a peer's queue. */
  #isOver({ outbox }: Peer, bytes: number, part: number): boolean {
    if (outbox.bytes === 0) return false;
    const { sendMessagesMax, sendBytesMax } = this.#engine.settings;
    if (sendMessagesMax > 0 && outbox.messages >= Math.ceil(sendMessagesMax * part)) return true;
    return outbox.bytes + bytes > sendBytesMax * part;
  }

  /** What becomes of a peer that is behind: true if nobody waits for it, false if it is waited for. */
  #passOver(outlet: Outlet): boolean {
    const { stallMs } = this.#engine.settings;
    if (stallMs === 0) {
      outlet.slow = true;
      return true;
    }
    if (outlet.stalledAt === 0) this.#noteStall(outlet);
    if (Number.isFinite(stallMs)) this.#stallTimer ??= setTimeout(() => this.#judge(), stallMs);
    return false;
  }

  #noteStall(outlet: Outlet): void {
    outlet.stalledAt = performance.now();
    outlet.stalledBytes = outlet.peer.outbox.sentBytes;
    outlet.stalledMessages = outlet.peer.outbox.sentMessages;
  }

  /** Looks which of the peers that are waited for have taken too little. */
  #judge(): void {
    this.#stallTimer = undefined;
    const { stallMs, sendBytesMax, sendMessagesMax } = this.#engine.settings;
    const now = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const outlet of this.#outlets.values()) {
      if (outlet.stalledAt === 0) continue;
      const leftMs = outlet.stalledAt + stallMs - now;
      if (leftMs > 1) {
        nextMs = Math.min(nextMs, leftMs);
        continue;
      }
      const { sentBytes, sentMessages } = outlet.peer.outbox;
      const byCount = sendMessagesMax > 0 ? (sentMessages - outlet.stalledMessages) / sendMessagesMax : 0;
      const taken = Math.max(byCount, (sentBytes - outlet.stalledBytes) / sendBytesMax);
      outlet.slow = taken < pacePart;
      outlet.stalledAt = 0;
    }
    if (Number.isFinite(nextMs)) this.#stallTimer = setTimeout(() => this.#judge(), nextMs);
    this.line.pump();
  }

  #lose(outlet: Outlet): void {
    this.#dropped++;
    outlet.untold++;
    const now = performance.now();
    if (now - outlet.toldAt < reportMs) return;
    outlet.toldAt = now;
    queueMicrotask(() => this.#tell(outlet)); // Later: whoever hears of it may send, or close the socket.
  }

  #tell(outlet: Outlet): void {
    if (outlet.untold === 0) return;
    const count = outlet.untold;
    outlet.untold = 0;
    outlet.toldAt = performance.now();
    this.#engine.emit({ type: "dropped", address: outlet.peer.address, count });
  }
}
