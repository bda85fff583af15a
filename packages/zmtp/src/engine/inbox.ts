/**
 * What was received and not yet taken. Messages are kept by the chunk that they came in, copied together once. A peer of
 * which too much waits is not read from until half of it was taken; so what it sends waits in its own queue, and the bound
 * reaches whoever produces.
 *
 * Or nothing is kept: a handler gets each batch where it lies.
 */

import { FrameBatch } from "../codec/batch.ts";
import { abortedError, closedError, ZmtpError } from "../errors.ts";
import type { Settings } from "../options.ts";
import type { Peer } from "./peer.ts";

/** Frames of a received message. */
export type Message = readonly Buffer[];

/** Gets messages where they lie. A promise pauses the peer they came from. */
export type BatchHandler = (batch: FrameBatch) => void | Promise<void>;

/** What a frame costs beside its bytes: empty ones are not free. */
const frameOverhead = 64;

interface Entry {
  readonly peer: Peer | undefined;
  readonly messages: Message[];
  readonly bytes: number;
  /** Messages before this one were taken. */
  at: number;
}

interface Waiter {
  readonly messagesMax: number;
  resolve(messages: Message[]): void;
  reject(error: ZmtpError): void;
}

/** Messages on their way from the peers to whoever takes them. */
export class Inbox {
  readonly #settings: Settings;
  #entries: Entry[] = [];
  #head = 0;
  readonly #waiters: Waiter[] = [];
  readonly #held = new Set<Peer>();
  #handler: BatchHandler | undefined;
  #closed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Hands everything over to a handler from now on, beginning with what waits already. */
  handle(handler: BatchHandler): void {
    if (this.#handler || this.#waiters.length > 0) {
      throw new ZmtpError("ZMTP_STATE", "messages of this socket are taken already");
    }
    this.#handler = handler;
    while (this.#head < this.#entries.length) {
      for (const message of this.#takeEntry(Number.POSITIVE_INFINITY)) {
        this.#hand(undefined, new FrameBatch().beginWhole(message));
      }
    }
  }

  /** Messages that came from a peer. */
  deliver(peer: Peer, batch: FrameBatch): void {
    if (this.#closed || batch.length === 0) return;
    if (this.#handler) {
      this.#hand(peer, batch);
      return;
    }
    const messages = batch.keep();
    this.#keep(peer, messages, batch.byteLength + batch.frames * frameOverhead);
  }

  #keep(peer: Peer, messages: Message[], bytes: number): void {
    this.#add({ peer, messages, bytes, at: 0 });
    peer.untakenBytes += bytes;
    peer.untakenMessages += messages.length;
    const { receiveBytesMax, receiveMessagesMax } = this.#settings;
    const isFull =
      peer.untakenBytes >= receiveBytesMax || (receiveMessagesMax > 0 && peer.untakenMessages >= receiveMessagesMax);
    if (!isFull || this.#held.has(peer)) return;
    this.#held.add(peer);
    peer.hold();
  }

  /** A message that the socket made of what a peer did. */
  push(message: Message, peer: Peer): void {
    if (this.#closed) return;
    if (this.#handler) this.#hand(peer, new FrameBatch().beginWhole(message));
    else
      this.#keep(
        peer,
        [message],
        message.reduce((sum, { length }) => sum + length + frameOverhead, 0),
      );
  }

  /** The next message. */
  async receive(signal: AbortSignal | undefined): Promise<Message> {
    const [message] = await this.take(1, signal);
    if (!message) throw closedError();
    return message;
  }

  /** The next messages: at least one; none once it is closed. */
  take(messagesMax: number, signal: AbortSignal | undefined): Promise<Message[]> {
    if (this.#handler) {
      return Promise.reject(new ZmtpError("ZMTP_STATE", "a handler takes the messages of this socket (onBatch)"));
    }
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    if (this.#closed) return Promise.resolve([]);
    if (this.#head < this.#entries.length) return Promise.resolve(this.#takeEntry(messagesMax));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { messagesMax, resolve, reject };
      this.#waiters.push(waiter);
      if (signal) this.#endOnAbort(waiter, signal);
    });
  }

  /** Forgets what a peer sent that is gone: its messages stay. */
  forget(peer: Peer): void {
    this.#held.delete(peer);
  }

  /** Nothing comes any more; what waits is given up. */
  close(): void {
    this.#closed = true;
    this.#entries = [];
    this.#head = 0;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve([]);
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    while (this.#waiters.length > 0 && this.#head < this.#entries.length) {
      const waiter = this.#waiters.shift() as Waiter;
      waiter.resolve(this.#takeEntry(waiter.messagesMax));
    }
  }

  #takeEntry(messagesMax: number): Message[] {
    const entry = this.#entries[this.#head] as Entry;
    const left = entry.messages.length - entry.at;
    const count = Math.min(messagesMax, left);
    const taken = count === entry.messages.length ? entry.messages : entry.messages.slice(entry.at, entry.at + count);
    entry.at += count;
    if (entry.peer) this.#took(entry.peer, count, count === left ? entry.bytes : 0);
    if (count === left) this.#shift();
    return taken;
  }

  #took(peer: Peer, messages: number, bytes: number): void {
    peer.untakenMessages -= messages;
    peer.untakenBytes -= bytes;
    if (!this.#held.has(peer)) return;
    const { receiveBytesMax, receiveMessagesMax } = this.#settings;
    if (peer.untakenBytes > receiveBytesMax / 2) return;
    if (receiveMessagesMax > 0 && peer.untakenMessages > receiveMessagesMax / 2) return;
    this.#held.delete(peer);
    peer.unhold();
  }

  #shift(): void {
    this.#entries[this.#head++] = undefined as unknown as Entry;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** A handler that fails is a fault of the program, and told as any callback's: it is no reason to stop reading. */
  #hand(peer: Peer | undefined, batch: FrameBatch): void {
    try {
      const handling = this.#handler?.(batch);
      if (!(handling instanceof Promise)) return;
      peer?.hold();
      handling.catch(throwLater).finally(() => peer?.unhold());
    } catch (error) {
      throwLater(error);
    }
  }

  #endOnAbort(waiter: Waiter, signal: AbortSignal): void {
    const onAbort = () => {
      const at = this.#waiters.indexOf(waiter);
      if (at >= 0) this.#waiters.splice(at, 1);
      waiter.reject(abortedError(signal));
    };
    const { resolve } = waiter;
    waiter.resolve = (messages) => {
      signal.removeEventListener("abort", onAbort);
      resolve(messages);
    };
    signal.addEventListener("abort", onAbort, { once: true });
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
