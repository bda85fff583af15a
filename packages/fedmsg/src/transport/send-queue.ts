/**
 * The way out of a publishing socket: one message after the other, what to do when a peer is full, and when to give up.
 *
 * Policy (DESIGN.md, decision 6): a full peer first holds everybody up, so that back-pressure reaches whoever produces;
 * after `stallMs` the socket turns *lossy*: messages go to those who have room, the others lose them, which is counted
 * and told. It turns back when `catchUp` messages in a row were sent without any loss: a peer that takes one now and then
 * has not caught up, and must not stall the bus a second time at once.
 *
 * A socket that knows each of its peers applies that policy itself, peer by peer, and says when another try may go better
 * (`changed`); what is sent while nothing waits goes to it at once. For others, waiting for room is a poll of 1 ms: libzmq's
 * XPUB says neither when a pipe has room nor which one. Rejected there: one promise of the binding's for each message (half
 * as fast), and `XPUB_NODROP` off (loses without a word).
 */

import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { FedmsgError } from "../errors.ts";
import { abortedError, closedError } from "./errors.ts";
import { type Frames, framesByteLength, type PublisherOptions, sentAtOnce, socketDefaults } from "./transport.ts";

/** How one try to send went. `unsubscribed`: nobody has subscribed to anything. */
export type Attempt = "sent" | "full" | "unsubscribed";

/** What the queue asks of the socket below it. */
export interface Outlet {
  /** Sends to all subscribers, or to none: `full` if one of them has no room. */
  attempt(frames: Frames): Attempt | Promise<Attempt>;
  /** Sends to those subscribers that have room. Absent where the socket passes full ones over by itself. */
  sendLossy?(frames: Frames): void | Promise<void>;
  /** Hears how many messages were lost by some subscriber since it last heard. */
  onDropped?(count: number): void;
  /**
   * Resolves when another try after one that failed may go better. Where this is given, `attempt` answers at once, and there
   * is no `sendLossy`.
   */
  changed?(attempt: Attempt): Promise<void>;
  /** Hears, every second, for how many ms messages have waited for a first subscriber. */
  onWaiting(ms: number): void;
}

interface Item {
  frames: Frames;
  bytes: number;
  readonly deadline: number;
  resolve(): void;
  reject(error: unknown): void;
  settled: boolean;
}

/** Sends in a row without a loss, after which full peers count as caught up. */
const catchUpMessages = 2000;
/** Sends in a row before other work gets a turn. */
const turnMessages = 256;
const reportMs = 1000;
/** How long a change is waited for before time-outs and waits are looked after. */
const lookMs = 50;
const sweepMs = 50;

/** Sends messages in order through an {@link Outlet}. */
export class SendQueue {
  readonly #outlet: Outlet;
  readonly #stallMs: number;
  readonly #awaitSubscriber: boolean;
  readonly #sendTimeoutMs: number;
  readonly #bytesMax: number;
  #heldUntil: number;
  /** Those before `#head` are done with. */
  #items: (Item | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #pumping: Promise<void> | undefined;
  #closed = false;
  #lossy = false;
  #streak = 0;
  #stalledSince = 0;
  #dropped = 0;
  #droppedTold = 0;
  #toldAt = 0;
  #waitingSince = 0;
  #waitingTold = 0;
  #row = 0;
  #awaited: Promise<void> | undefined;
  #wake = () => {};

  constructor(outlet: Outlet, options: PublisherOptions) {
    this.#outlet = outlet;
    this.#stallMs = options.stallMs ?? socketDefaults.stallMs;
    this.#awaitSubscriber = options.awaitSubscriber ?? socketDefaults.awaitSubscriber;
    this.#sendTimeoutMs = options.sendTimeoutMs ?? socketDefaults.sendTimeoutMs;
    this.#bytesMax = options.queueBytesMax ?? socketDefaults.queueBytesMax;
    const holdMs = options.holdMs ?? socketDefaults.holdMs;
    this.#heldUntil = holdMs > 0 ? performance.now() + holdMs : 0;
  }

  /** Messages that some subscriber lost, in all. */
  get dropped(): number {
    return this.#dropped;
  }

  /** See `Publisher.send`. */
  send(frames: Frames, signal?: AbortSignal): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    if (this.#outlet.changed && !this.#pumping && this.#heldUntil === 0) {
      const sent = this.#trySendNow(frames);
      if (sent) return sent;
    }
    const size = framesByteLength(frames);
    if (this.#bytes > 0 && this.#bytes + size > this.#bytesMax) return Promise.reject(this.#fullError());
    this.#bytes += size;
    const now = performance.now();
    if (this.#heldUntil <= now) this.#heldUntil = 0;
    const sent = new Promise<void>((resolve, reject) => {
      const deadline = this.#sendTimeoutMs > 0 ? now + this.#sendTimeoutMs : Number.POSITIVE_INFINITY;
      const item: Item = { frames, bytes: size, deadline, resolve, reject, settled: false };
      this.#items.push(item);
      if (signal) this.#rejectOnAbort(item, signal);
    });
    this.#pumping ??= this.#pump();
    if (this.#heldUntil === 0) return sent;
    sent.catch(() => {}); // The caller was told that it is kept.
    return Promise.resolve();
  }

  /** Sends what has nothing in front of it, if the socket takes it at once. */
  #trySendNow(frames: Frames): Promise<void> | undefined {
    try {
      const attempt = this.#outlet.attempt(frames);
      if (attempt !== "sent" && (attempt !== "unsubscribed" || this.#awaitSubscriber)) return undefined;
      this.#row++;
      return this.#row % turnMessages === 0 ? nextTurn() : sentAtOnce;
    } catch (error) {
      return Promise.reject(FedmsgError.from(error));
    }
  }

  /** Resolves when nothing waits any more, however each message fared. */
  async drain(): Promise<void> {
    while (this.#pumping) await this.#pumping;
    this.#tellDropped();
  }

  /** Tries once more to send what was kept and not yet sent, and rejects what still waits. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pumping;
    for (const item of this.#takeAll()) {
      if (!item.settled) await this.#tryLast(item);
    }
    this.#tellDropped();
  }

  async #tryLast(item: Item): Promise<void> {
    try {
      if ((await this.#outlet.attempt(item.frames)) === "sent") settle(item);
      else settle(item, closedError());
    } catch (error) {
      settle(item, FedmsgError.from(error));
    }
  }

  /** Runs while there is something to send. Must not reject. */
  async #pump(): Promise<void> {
    const sweeper = this.#sendTimeoutMs > 0 ? setInterval(() => this.#sweep(), sweepMs) : undefined;
    try {
      const heldMs = this.#heldUntil - performance.now();
      for (let left = heldMs; left > 0 && !this.#closed; left -= sweepMs) await delay(Math.min(left, sweepMs));
      this.#heldUntil = 0;
      for (let sent = 1; this.#head < this.#items.length && !this.#closed; sent++) {
        const item = this.#items[this.#head] as Item;
        if (item.settled || (await this.#trySend(item))) this.#shift();
        if (sent % turnMessages === 0) await nextTurn();
      }
    } finally {
      clearInterval(sweeper);
      this.#pumping = undefined;
    }
  }

  /** One try; false if it must be tried again, after a pause that was already made. */
  async #trySend(item: Item): Promise<boolean> {
    const { frames } = item; // It may be given up meanwhile.
    try {
      const attempt = await this.#outlet.attempt(frames);
      if (attempt === "sent" || (attempt === "unsubscribed" && !this.#awaitSubscriber)) {
        this.#noteSent();
        settle(item);
        return true;
      }
      if (attempt === "unsubscribed") this.#tellWaiting();
      else if (await this.#sendPastFull(item, frames)) return true;
      await this.#pause(attempt);
      return false;
    } catch (error) {
      settle(item, FedmsgError.from(error));
      return true;
    }
  }

  /** Waits before the next try. */
  async #pause(attempt: Attempt): Promise<void> {
    const changed = this.#outlet.changed?.(attempt);
    if (!changed) {
      await delay(1);
      return;
    }
    if (changed !== this.#awaited) {
      // Once for each promise, however often it is looked at: it may be days until it is settled.
      this.#awaited = changed;
      void changed.then(() => {
        this.#awaited = undefined;
        this.#wake();
      });
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lookMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #noteSent(): void {
    this.#stalledSince = 0;
    this.#waitingSince = 0;
    if (this.#lossy && ++this.#streak >= catchUpMessages) {
      this.#lossy = false;
      this.#tellDropped();
    }
  }

  async #sendPastFull(item: Item, frames: Frames): Promise<boolean> {
    if (!this.#outlet.sendLossy) return false;
    const now = performance.now();
    this.#streak = 0;
    if (!this.#lossy) {
      this.#stalledSince ||= now;
      if (now - this.#stalledSince < this.#stallMs) return false;
      this.#lossy = true;
      this.#stalledSince = 0;
    }
    await this.#outlet.sendLossy(frames);
    this.#dropped++;
    if (now - this.#toldAt >= reportMs) this.#tellDropped();
    settle(item);
    return true;
  }

  #tellDropped(): void {
    if (this.#dropped === this.#droppedTold) return;
    this.#outlet.onDropped?.(this.#dropped - this.#droppedTold);
    this.#droppedTold = this.#dropped;
    this.#toldAt = performance.now();
  }

  #tellWaiting(): void {
    const now = performance.now();
    if (this.#waitingSince === 0) {
      this.#waitingSince = now;
      this.#waitingTold = now;
    }
    if (now - this.#waitingTold < reportMs) return;
    this.#waitingTold = now;
    this.#outlet.onWaiting(now - this.#waitingSince);
  }

  /** Rejects what has waited too long. All wait equally long at most, so the oldest come first. */
  #sweep(): void {
    const now = performance.now();
    for (let at = this.#head; at < this.#items.length; at++) {
      const item = this.#items[at] as Item;
      if (item.deadline > now) return;
      this.#giveUp(item, this.#timeoutError());
    }
  }

  /** Rejects a message that waits. Its place is passed over later, its bytes count no more. */
  #giveUp(item: Item, error: FedmsgError): void {
    if (item.settled) return;
    this.#bytes -= item.bytes;
    item.bytes = 0;
    item.frames = [];
    settle(item, error);
  }

  #rejectOnAbort(item: Item, signal: AbortSignal): void {
    const onAbort = () => this.#giveUp(item, abortedError(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    const { resolve, reject } = item;
    item.resolve = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    item.reject = (error) => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    };
  }

  #shift(): void {
    this.#bytes -= (this.#items[this.#head] as Item).bytes;
    this.#items[this.#head] = undefined;
    this.#head++;
    // Giving back the places costs a copy of the rest: do it rarely.
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 4096) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  #takeAll(): Item[] {
    const items = this.#items.slice(this.#head) as Item[];
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
    return items;
  }

  #fullError(): FedmsgError {
    return new FedmsgError(
      "FEDMSG_QUEUE_FULL",
      `${this.#bytes} bytes wait to be sent already, ${this.#bytesMax} are allowed (queueBytesMax); await publish() to slow down`,
    );
  }

  #timeoutError(): FedmsgError {
    const why = this.#awaitSubscriber ? "the relay did not appear, or has no room" : "a subscriber has no room";
    return new FedmsgError(
      "FEDMSG_TIMEOUT",
      `the message was not sent within ${this.#sendTimeoutMs / 1000} s (publish_timeout): ${why}`,
    );
  }
}

function settle(item: Item, error?: FedmsgError): void {
  if (item.settled) return;
  item.settled = true;
  if (error) item.reject(error);
  else item.resolve();
}
