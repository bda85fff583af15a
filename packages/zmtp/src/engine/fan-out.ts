/**
 * One message to everybody who asked for it (PUB, XPUB): who wants what, and what to do about a peer that is full.
 *
 * A full peer first holds everybody up: `send` waits, so whoever produces slows down. One that takes less than a sixteenth
 * of its queue within `stallMs` while it is full turns *lossy*: it alone loses what does not fit, counted and told, until
 * its queue is empty. A slow peer that does take so much is waited for.
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
  lossy: boolean;
  /** Since when it is full, in ms; 0: it is not. And what it had taken by then. */
  stalledAt: number;
  stalledBytes: number;
  stalledMessages: number;
  /** Messages it lost that were not told yet. */
  untold: number;
  toldAt: number;
}

interface SubscriptionWaiter {
  readonly topic: Uint8Array | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

/** Part of its queue that a full peer must take within `stallMs` not to be passed over. */
const progressPart = 1 / 16;
const reportMs = 1000;

/** The sending side of PUB and XPUB. */
export class FanOut {
  readonly line: SendLine;
  readonly #engine: Engine;
  readonly #onChange: (prefix: Uint8Array, wanted: boolean, isChange: boolean) => void;
  readonly #tree = new PrefixTree<Outlet>();
  readonly #outlets = new Map<Peer, Outlet>();
  readonly #targets: Outlet[] = [];
  readonly #visit: (outlet: Outlet) => void;
  readonly #waiters = new Set<SubscriptionWaiter>();
  #stamp = 0;
  #stallTimer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #closed = false;

  /** @param onChange hears of each subscription, and whether it is the first or last one to its prefix */
  constructor(engine: Engine, onChange: (prefix: Uint8Array, wanted: boolean, isChange: boolean) => void) {
    this.#engine = engine;
    this.#onChange = onChange;
    this.line = new SendLine(engine, (frames) => this.#attempt(frames));
    this.#visit = (outlet) => {
      if (outlet.stamp === this.#stamp) return;
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
      lossy: false,
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
      this.#onChange(prefix, false, this.#tree.remove(prefix, outlet));
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
      if (outlet.prefixes.delete(text)) this.#onChange(prefix, false, this.#tree.remove(prefix, outlet));
      return;
    }
    const { subscriptionsMax, subscriptionBytesMax } = this.#engine.settings.limits;
    if (prefix.length > subscriptionBytesMax) {
      peer.cut("subscription-too-long", `${prefix.length} bytes, ${subscriptionBytesMax} are allowed`);
      return;
    }
    if (outlet.prefixes.has(text)) {
      this.#onChange(prefix, true, false);
      return;
    }
    if (outlet.prefixes.size >= subscriptionsMax) {
      peer.cut("too-many-subscriptions", `${subscriptionsMax} are allowed`);
      return;
    }
    outlet.prefixes.add(text);
    this.#onChange(prefix, true, this.#tree.add(prefix, outlet));
    for (const waiter of this.#waiters) if (this.covers(waiter.topic)) waiter.resolve();
  }

  /** A peer's queue has become shorter. */
  written(peer: Peer): void {
    const outlet = this.#outlets.get(peer);
    if (!outlet) return;
    if (outlet.stalledAt > 0 && this.#fill(outlet) <= 0.5) outlet.stalledAt = 0;
    if (outlet.lossy && peer.outbox.empty) {
      outlet.lossy = false;
      this.#tell(outlet);
    }
    this.line.pump();
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
      if (!outlet.lossy && this.#isFull(outlet.peer, bytes) && !this.#passOver(outlet)) mayGo = false;
    }
    if (!mayGo) return false;
    const written = this.#engine.log.append(frames);
    for (const outlet of targets) {
      if (outlet.lossy && this.#isFull(outlet.peer, bytes)) {
        this.#lose(outlet);
        continue;
      }
      outlet.peer.outbox.add(written);
      this.#engine.touch(outlet.peer);
    }
    this.#engine.queued(written.bytes);
    return true;
  }

  #isFull({ outbox }: Peer, bytes: number): boolean {
    const { sendMessagesMax, sendBytesMax } = this.#engine.settings;
    if (sendMessagesMax > 0 && outbox.messages >= sendMessagesMax) return true;
    return outbox.bytes > 0 && outbox.bytes + bytes > sendBytesMax;
  }

  /** How full a queue is, from 0 to 1. */
  #fill({ peer: { outbox } }: Outlet): number {
    const { sendMessagesMax, sendBytesMax } = this.#engine.settings;
    const byCount = sendMessagesMax > 0 ? outbox.messages / sendMessagesMax : 0;
    return Math.max(byCount, outbox.bytes / sendBytesMax);
  }

  /** What becomes of a full peer: true if it loses the message, false if it is waited for. */
  #passOver(outlet: Outlet): boolean {
    const { stallMs } = this.#engine.settings;
    if (stallMs === 0) outlet.lossy = true;
    if (outlet.lossy) return true;
    if (outlet.stalledAt === 0) this.#noteStall(outlet);
    if (Number.isFinite(stallMs)) this.#stallTimer ??= setTimeout(() => this.#judge(), stallMs);
    return false;
  }

  #noteStall(outlet: Outlet): void {
    outlet.stalledAt = performance.now();
    outlet.stalledBytes = outlet.peer.outbox.sentBytes;
    outlet.stalledMessages = outlet.peer.outbox.sentMessages;
  }

  /** Looks which of the full peers have taken too little. */
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
      outlet.lossy = taken < progressPart;
      outlet.stalledAt = 0;
    }
    if (Number.isFinite(nextMs)) this.#stallTimer = setTimeout(() => this.#judge(), nextMs);
    this.line.pump();
  }

  #lose(outlet: Outlet): void {
    this.#dropped++;
    outlet.untold++;
    if (performance.now() - outlet.toldAt >= reportMs) this.#tell(outlet);
  }

  #tell(outlet: Outlet): void {
    if (outlet.untold === 0) return;
    const count = outlet.untold;
    outlet.untold = 0;
    outlet.toldAt = performance.now();
    this.#engine.emit({ type: "dropped", address: outlet.peer.address, count });
  }
}
