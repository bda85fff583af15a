/**
 * The side of a publisher that wants to be sure: hands messages to a relay, until it says that it has them (docs/wire.md,
 * "Confirming").
 *
 * ```
 * send ──▶ waiting ──▶ window: numbered, on their way, at most 1000 ──▶ answered
 *             ▲                │
 *             └── lost ────────┘   the connection ended, or nothing was heard for long: the same bytes again, from 1 on
 * ```
 *
 * Each relay that is tried gets a DEALER of its own, so that nothing that an earlier one says late is taken for an answer. Several
 * relays are alternatives: the next one's turn comes when one is not there for a second, is silent for two, or refuses. The same
 * message at two relays is one to subscribers, by its key. With a single relay silence lasts longer. How long it may last
 * grows with what is on its way, and doubles with each time that it was in vain: a slow line must not begin anew for ever.
 *
 * There is no promise and no timer for a message: one list in the order of time, which one timer looks at while there is
 * something in it.
 */

import { type Batch, Dealer, type MonitorEvent } from "@fedmsg/zmtp";
import type { FedmsgError } from "../errors.ts";
import { closedError } from "../transport/errors.ts";
import type { Frames } from "../transport/transport.ts";
import { toFedmsgError } from "../transport/zmtp/sockets.ts";
import { Arrivals } from "./confirm-arrivals.ts";
import type { Confirmation, ConfirmClientOptions, ConfirmEvent } from "./confirm-contract.ts";
import { ConfirmCounts } from "./confirm-counts.ts";
import { cutOffError, fullError, lateError, refusedError } from "./confirm-errors.ts";
import { pauseMsAfter, silenceMsFor } from "./confirm-patience.ts";
import { Suspicion } from "./confirm-suspicion.ts";
import { ConfirmWindow, Outgoing, type Settle } from "./confirm-window.ts";
import { confirmVersion, confirmWords, formatCount, isFrame, parseCount } from "./confirm-wire.ts";

export type { Confirmation, ConfirmClientOptions, ConfirmEvent, Outgoing, Settle };

/** Messages that may wait, besides those in the window. */
const waitingMax = 100_000;
/** A relay that is not there is waited for so long, in ms, where there are others. */
const absenceMs = 1000;
const tickMs = 50;
const tellMs = 1000;
/** Topic and body of none: what any relay answers `invalid`. */
const noMessage: Frames = [Buffer.alloc(0), Buffer.alloc(0)];

/** One relay, while it is tried. */
interface Line {
  readonly dealer: Dealer;
  readonly openedAt: number;
  isConnected: boolean;
  hasAnswers: boolean;
  isProbed: boolean;
}

/** Hands messages to one of several relays. */
export class ConfirmClient {
  readonly counts = new ConfirmCounts();
  readonly #options: ConfirmClientOptions;
  #current = 0;
  #line: Line | undefined;
  readonly #suspicion = new Suspicion();
  readonly #window = new ConfirmWindow(() => void this.counts.retried++);
  #pausedUntil = 0;
  #refusals = 0;
  /** How often silence was in vain. */
  #stalls = 0;
  /** When a relay answered, came, or was sent something after it had answered everything. */
  #heardAt = 0;
  #answeredAt = 0;
  #toldAt = 0;
  #count = 0;
  #bytes = 0;
  #now = performance.now();
  #tick: NodeJS.Timeout | undefined;
  #isEnding = false;
  #closing: Promise<void> | undefined;
  #onIdle = new Set<() => void>();
  readonly #arrivals = new Arrivals();

  /** @throws FedmsgError FEDMSG_ADDRESS_INVALID */
  constructor(options: ConfirmClientOptions) {
    this.#options = options;
    this.#open();
  }

  /** The relay that is used at the moment. */
  get relay(): string {
    return this.#options.relays[this.#current] as string;
  }

  /** Whether there is a connection to it. */
  get isConnected(): boolean {
    return this.#line?.isConnected === true;
  }

  /** Messages without an answer, on their way or not. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of these. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Sends one message, behind those before.
   *
   * @param frames topic and body
   * @param settle hears how it ends; errors are FEDMSG_TIMEOUT, FEDMSG_REFUSED, FEDMSG_CLOSED
   * @throws FedmsgError FEDMSG_QUEUE_FULL, FEDMSG_CLOSED
   */
  send(frames: Frames, settle: Settle): Outgoing {
    if (this.#isEnding) throw closedError();
    const message = new Outgoing(frames, settle, this.#count === 0 ? performance.now() : this.#now);
    const isFull = this.#bytes > 0 && this.#bytes + message.bytes > this.#options.bytesMax;
    if (isFull || this.#count >= waitingMax) {
      throw fullError(this.relay, this.#count, this.#bytes);
    }
    this.#window.push(message);
    this.#bytes += message.bytes;
    if (this.#count++ === 0) this.#now = this.#toldAt = message.since;
    this.#keepTime();
    this.#pump();
    return message;
  }

  /** Ends a message that waits. A relay that has it keeps it. */
  giveUp(message: Outgoing, error: FedmsgError): void {
    this.#settle(message, error, 0);
    this.#window.forget(message);
  }

  /** Resolves when a relay is there. */
  async connected(signal?: AbortSignal): Promise<void> {
    if (this.#isEnding) throw closedError();
    if (this.#line?.isConnected) return;
    this.#keepTime();
    await this.#arrivals.wait(signal);
  }

  /** Resolves when everything is answered. */
  async idle(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.add(resolve));
  }

  /** Waits for the answers to what was sent, and closes. Idempotent. */
  async drain(): Promise<void> {
    this.#isEnding = true;
    await this.idle();
    await this.close();
  }

  /** Stops: what waits ends with FEDMSG_CLOSED. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isEnding = true;
    clearInterval(this.#tick);
    const error = closedError();
    for (const message of this.#window.rest()) this.#settle(message, error, 0);
    this.#arrivals.tell(true);
    const line = this.#line;
    this.#line = undefined;
    await line?.dealer.close();
  }

  #open(): void {
    const line: Line = {
      dealer: new Dealer({ ...this.#options.socket, lingerMs: 0, onEvent: (event) => this.#hear(line, event) }),
      openedAt: performance.now(),
      ...{ isConnected: false, hasAnswers: false, isProbed: false },
    };
    line.dealer.unref();
    line.dealer.onBatch((batch) => this.#answers(line, batch));
    this.#line = line;
    try {
      line.dealer.connect(this.relay);
    } catch (error) {
      void line.dealer.close();
      throw toFedmsgError(error);
    }
  }

  /** Tries another relay, or the same one anew. */
  #reopen(step: number): void {
    const before = this.#line;
    this.#line = undefined;
    this.#window.takeBack();
    void before?.dealer.close();
    this.#current = (this.#current + step) % this.#options.relays.length;
    try {
      this.#open();
    } catch {
      // An address that is none: the next tick goes on to the next one.
    }
  }

  #hear(line: Line, { type }: MonitorEvent): void {
    if (line !== this.#line) return;
    if (type === "connected") {
      line.isConnected = true;
      this.#heardAt = performance.now();
      this.#arrivals.tell(false);
      this.#pump();
    } else if (type === "disconnected") {
      this.#suspicion.ended(this.#window.onWay, line.hasAnswers, performance.now() - this.#heardAt);
      this.#window.takeBack();
      if (this.#suspicion.isOpen && this.#options.relays.length > 1) this.#reopen(1);
      else Object.assign(line, { isConnected: false, hasAnswers: false, isProbed: false });
    }
  }

  /** Sends what may be on its way. */
  #pump(): void {
    const line = this.#line;
    if (!line?.isConnected || this.#pausedUntil > 0) return;
    if (this.#window.isEmpty && !line.isProbed) this.#heardAt = performance.now(); // Silence begins now.
    const { publish } = confirmWords;
    const write = (n: number, frames: Frames) =>
      line.dealer.trySend([confirmVersion, publish, formatCount(n), frames[0] as Uint8Array, frames[1] as Uint8Array]);
    if (!this.#suspicion.isProbing) this.#window.pump(this.#suspicion.outstandingMax, write);
    else if (!line.isProbed) line.isProbed = write(1, noMessage);
  }

  #answers(line: Line, batch: Batch): void {
    if (line !== this.#line) return;
    this.#now = performance.now();
    this.#heardAt = this.#now;
    this.#answeredAt = this.#now;
    for (let at = 0; at < batch.length && line === this.#line; at++) {
      if (batch.frameCount(at) !== 4 || !isFrame(batch.frame(at, 0), confirmVersion)) continue;
      const n = parseCount(batch.frame(at, 2));
      if (n === undefined) continue;
      line.hasAnswers = true;
      const message = this.#window.at(n);
      if (line.isProbed && n === 1 && batch.text(at, 3) === "invalid") this.#convict();
      else if (isFrame(batch.frame(at, 1), confirmWords.ok)) {
        const position = parseCount(batch.frame(at, 3));
        if (message && position !== undefined) this.#answered(message, undefined, position);
      } else if (isFrame(batch.frame(at, 1), confirmWords.error)) {
        this.#refused(line, n, message, batch.text(at, 3).slice(0, 40));
      }
    }
    this.#window.shift();
    this.#pump();
  }

  /** The relay takes no notice of one message, and of others it does. */
  #convict(): void {
    const message = this.#suspicion.convict();
    if (message) this.counts.refuse("cut-off");
    if (message) this.#settle(message, cutOffError(this.relay, message.bytes), 0);
    this.#reopen(0);
  }

  #answered(message: Outgoing, error: FedmsgError | undefined, position: number): void {
    if (!message.isAnswered) this.#suspicion.answered();
    message.isAnswered = true;
    this.#stalls = 0;
    if (!error) this.#refusals = 0;
    this.#settle(message, error, position);
  }

  #refused(line: Line, n: number, message: Outgoing | undefined, code: string): void {
    const isForNow = code === "busy" || code === "journal";
    if (!message && code !== "version") return;
    this.counts.refuse(code);
    if (code === "invalid" || code === "too-large") {
      this.#answered(message as Outgoing, refusedError(this.relay, code), 0);
      return;
    }
    // Told until something is confirmed again.
    if (this.#refusals === 0) this.#options.onEvent?.({ type: "refused", relay: this.relay, code });
    this.#pausedUntil = this.#now + pauseMsAfter(this.#refusals++);
    // Another relay may have room; and one that says what nobody knows is asked anew.
    if (this.#options.relays.length > 1) this.#reopen(1);
    else if (!isForNow || this.#window.hasGivenUp)
      this.#reopen(0); // What was given up must not go out again.
    else if (line === this.#line) this.#window.sendAgain(n);
  }

  #settle(message: Outgoing, error: FedmsgError | undefined, position: number): void {
    const { settle } = message;
    if (!settle) return;
    message.settle = undefined;
    this.#count--;
    this.#bytes -= message.bytes;
    if (!error) this.counts.confirmed++;
    settle(error, position);
    if (this.#count > 0) return;
    for (const done of this.#onIdle) done();
    this.#onIdle.clear();
  }

  #keepTime(): void {
    if (this.#tick) return;
    this.#tick = setInterval(() => this.#look(), tickMs);
    if (!this.#options.keepsAlive) this.#tick.unref();
  }

  /** Looks at the clock. */
  #look(): void {
    const now = performance.now();
    this.#now = now;
    if (this.#count === 0 && this.#arrivals.isEmpty) {
      clearInterval(this.#tick);
      this.#tick = undefined;
      return;
    }
    this.#expire(now);
    if (this.#pausedUntil > 0 && now >= this.#pausedUntil) {
      this.#pausedUntil = 0;
      this.#heardAt = now;
      if (this.#window.isAgain && this.#window.hasGivenUp) this.#reopen(0);
      this.#pump();
    }
    const since = Math.max(this.#answeredAt, this.#window.oldest?.since ?? now);
    if (now - since >= tellMs && now - this.#toldAt >= tellMs) {
      this.#toldAt = now;
      this.#options.onEvent?.({ type: "waiting", relay: this.relay, ms: now - since });
    }
    this.#watchRelay(now);
  }

  #watchRelay(now: number): void {
    const { relays, silenceMs = relays.length > 1 ? 2000 : 5000 } = this.#options;
    const line = this.#line;
    if (!line) this.#reopen(1);
    else if (!line.isConnected) {
      if (relays.length > 1 && now - Math.max(line.openedAt, this.#heardAt) >= absenceMs) this.#reopen(1);
    } else if ((!this.#window.isEmpty || line.isProbed) && this.#pausedUntil === 0) {
      if (now - this.#heardAt < silenceMsFor(silenceMs, this.#stalls, this.#window.bytes)) return;
      this.#stalls = Math.min(10, this.#stalls + 1);
      if (line.isProbed) this.#suspicion.acquit();
      this.#heardAt = now;
      this.#reopen(1);
    }
  }

  #expire(now: number): void {
    const { timeoutMs } = this.#options;
    if (timeoutMs === 0) return;
    this.#window.expire(now - timeoutMs, (message) => this.#settle(message, lateError(this.relay, timeoutMs), 0));
  }
}
