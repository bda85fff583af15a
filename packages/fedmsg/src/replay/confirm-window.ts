/**
 * What a publisher has said to a relay and has no answer to, and what waits behind that, in order.
 *
 * ```
 * window    base │ answered │ sent │ sent │ …      numbers count up from base; at most 1000
 * waiting   message │ message │ …                  without a number
 * ```
 *
 * A number is done with when it is answered, and not when nobody waits for its message any more: the relay counts as well.
 */

import type { FedmsgError } from "../errors.ts";
import { type Frames, framesByteLength } from "../transport/transport.ts";
import { outstandingMax } from "./confirm-wire.ts";

/** Hears what became of a message, once: it is confirmed, or there is an error. Must not throw. */
export type Settle = (error: FedmsgError | undefined, position: number) => void;

/** A message on its way. */
export class Outgoing {
  readonly frames: Frames;
  readonly bytes: number;
  /** When it came, by `performance.now()`. */
  readonly since: number;
  /** Nothing once it is settled. */
  settle: Settle | undefined;
  /** It was sent, on this connection or another one. */
  wasSent = false;
  /** The relay said on this connection what becomes of it. */
  isAnswered = false;

  constructor(frames: Frames, settle: Settle, now: number) {
    this.frames = frames;
    this.bytes = framesByteLength(frames);
    this.since = now;
    this.settle = settle;
  }
}

/** Bytes on their way at a time; one message always fits. */
const windowBytesMax = 8 * 1024 * 1024;

/** What nobody waits for any more is taken out when there is so much of it, or half of everything. */
const forgottenMax = 1000;
const forgottenBytesMax = 4 * 1024 * 1024;

/** Messages by number, and those behind them. */
export class ConfirmWindow {
  readonly #onAgain: () => void;
  /** Bytes of what is in the window. */
  bytes = 0;
  /** Those before `#waitingAt` have gone on. */
  #waiting: Outgoing[] = [];
  #waitingAt = 0;
  /** Those before `#windowAt` are answered, and the number of that one is `#base`. */
  #window: Outgoing[] = [];
  #windowAt = 0;
  #base = 1;
  /** Where in the window it is to be sent again, and all behind it. */
  #againAt: number | undefined;
  /** What was settled without having been on its way, since it was looked for last; at least that much. */
  #forgotten = 0;
  #forgottenBytes = 0;

  /** @param onAgain hears of each message that is sent once more */
  constructor(onAgain: () => void) {
    this.#onAgain = onAgain;
  }

  /** Whether nothing is on its way. */
  get isEmpty(): boolean {
    return this.#windowAt === this.#window.length;
  }

  /** Whether something is to be sent again, under the same numbers. */
  get isAgain(): boolean {
    return this.#againAt !== undefined;
  }

  /** Whether nobody waits any more for something that has no answer. */
  get hasGivenUp(): boolean {
    return this.onWay.some(({ settle, isAnswered }) => !settle && !isAnswered);
  }

  /** What is on its way, in order, with what is answered among it. */
  get onWay(): readonly Outgoing[] {
    return this.#window.slice(this.#windowAt);
  }

  /** What came first of all that is here. */
  get oldest(): Outgoing | undefined {
    return this.#window[this.#windowAt] ?? this.#waiting[this.#waitingAt];
  }

  /** Everything. */
  rest(): readonly Outgoing[] {
    return [...this.onWay, ...this.#waiting.slice(this.#waitingAt)];
  }

  push(message: Outgoing): void {
    this.#waiting.push(message);
  }

  /** The message of a number, if there is one without an answer, or with one before it that has none. */
  at(n: number): Outgoing | undefined {
    return n < this.#base ? undefined : this.#window[this.#windowAt + n - this.#base];
  }

  /** Everything from a number on is to be sent again, under the same numbers. */
  sendAgain(n: number): void {
    const at = this.#windowAt + n - this.#base;
    this.#againAt = Math.min(at, this.#againAt ?? at);
  }

  /** Sends what may be on its way, at most so many, until `write` answers false: there is no room. */
  pump(atMost: number, write: (n: number, frames: Frames) => boolean): void {
    if (this.#againAt !== undefined && !this.#writeAgain(write)) return;
    while (this.#waitingAt < this.#waiting.length && this.#window.length - this.#windowAt < atMost) {
      const message = this.#waiting[this.#waitingAt] as Outgoing;
      if (message.settle) {
        if (this.bytes > 0 && this.bytes + message.bytes > windowBytesMax) return;
        if (!write(this.#numberOf(this.#window.length), message.frames)) return;
        if (message.wasSent) this.#onAgain();
        message.wasSent = true;
        this.#window.push(message);
        this.bytes += message.bytes;
      }
      this.#shiftWaiting();
    }
  }

  /** Also what was answered: the relay counts on each number. */
  #writeAgain(write: (n: number, frames: Frames) => boolean): boolean {
    for (let at = this.#againAt as number; at < this.#window.length; at++) {
      this.#againAt = at;
      const message = this.#window[at] as Outgoing;
      if (!write(this.#numberOf(at), message.frames)) return false;
      if (!message.isAnswered) this.#onAgain();
    }
    this.#againAt = undefined;
    return true;
  }

  #numberOf(at: number): number {
    return this.#base + at - this.#windowAt;
  }

  /** Lets go of what is answered. */
  shift(): void {
    while (this.#window[this.#windowAt]?.isAnswered && this.#windowAt !== this.#againAt) {
      this.bytes -= (this.#window[this.#windowAt] as Outgoing).bytes;
      this.#window[this.#windowAt++] = undefined as unknown as Outgoing;
      this.#base++;
    }
    if (this.#windowAt < outstandingMax && !this.isEmpty) return;
    this.#window = this.#window.slice(this.#windowAt);
    if (this.#againAt !== undefined) this.#againAt -= this.#windowAt;
    this.#windowAt = 0;
  }

  /** The connection is over: what has no answer waits again, in front of everything else, and numbers begin anew. */
  takeBack(): void {
    this.#waiting = this.rest().filter(({ settle }) => settle);
    this.#waitingAt = 0;
    this.#forgotten = 0;
    this.#forgottenBytes = 0;
    this.#window = [];
    this.#windowAt = 0;
    this.bytes = 0;
    this.#base = 1;
    this.#againAt = undefined;
  }

  /** Nobody waits for a message any more: it must not stay here until a relay comes. */
  forget({ bytes }: Outgoing): void {
    this.#forgotten++;
    this.#forgottenBytes += bytes;
    const most = Math.max(forgottenMax, (this.#waiting.length - this.#waitingAt) / 2);
    if (this.#forgotten < most && this.#forgottenBytes < forgottenBytesMax) return;
    this.#waiting = this.#waiting.slice(this.#waitingAt).filter(({ settle }) => settle);
    this.#waitingAt = 0;
    this.#forgotten = 0;
    this.#forgottenBytes = 0;
  }

  /** Tells of everything that came before `since`. */
  expire(since: number, tell: (message: Outgoing) => void): void {
    for (let at = this.#windowAt; at < this.#window.length; at++) {
      const message = this.#window[at] as Outgoing;
      if (message.since > since) return;
      tell(message);
    }
    while (this.#waitingAt < this.#waiting.length) {
      const message = this.#waiting[this.#waitingAt] as Outgoing;
      if (message.since > since) return;
      tell(message);
      this.#shiftWaiting();
    }
  }

  #shiftWaiting(): void {
    this.#waiting[this.#waitingAt++] = undefined as unknown as Outgoing;
    if (this.#waitingAt === this.#waiting.length) {
      this.#waiting = [];
      this.#waitingAt = 0;
    } else if (this.#waitingAt >= 4096) {
      this.#waiting = this.#waiting.slice(this.#waitingAt);
      this.#waitingAt = 0;
    }
  }
}
