/**
 * What was received and not yet taken. Messages are kept by the chunk that they came in, copied together once. A peer of
 * which too much waits is not read from until half of it was taken; so what it sends waits in its own queue, and the bound
 * reaches whoever produces.
 *
 * What peers left that are gone counts together: while it is more than `departedPart` peers may leave, connections that are
 * new are not read from, not even their handshake. So whoever comes, sends, goes and comes again waits as others do, and
 * nothing is dropped. Those that are there already keep bounds of their own; how many they are is bounded by `peersMax`.
 *
 * Or nothing is kept: a handler gets each batch where it lies.
 */

import { FrameBatch } from "../codec/batch.ts";
import { abortedError, closedError, ZmtpError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import type { Peer } from "./peer.ts";

/** Frames of a received message. */
export type Message = readonly Buffer[];

/** Gets messages where they lie. A promise pauses the peer they came from. */
export type BatchHandler = (batch: FrameBatch) => void | Promise<void>;

/** What a frame costs beside its bytes: empty ones are not free. */
const frameOverhead = 64;
/** Peers that are gone may leave so many times what one may. */
const departedPart = 4;

/** What was received from one peer and not yet taken; or from all that are gone. */
interface Account {
  /** Nobody: it is gone. */
  peer: Peer | undefined;
  bytes: number;
  messages: number;
  /** Too much waits: nothing more is read until half of it was taken. */
  isFull: boolean;
}

interface Entry {
  readonly account: Account;
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
  readonly #engine: Engine;
  #entries: Entry[] = [];
  #head = 0;
  readonly #waiters: Waiter[] = [];
  readonly #accounts = new Map<Peer, Account>();
  readonly #departed = newAccount(undefined);
  #handler: BatchHandler | undefined;
  #closed = false;

  constructor(engine: Engine) {
    this.#engine = engine;
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
    const account = this.#accountOf(peer);
    account.bytes += bytes;
    account.messages += messages.length;
    this.#add({ account, messages, bytes, at: 0 });
    this.#review(account);
  }

  #accountOf(peer: Peer): Account {
    let account = this.#accounts.get(peer);
    if (!account) {
      account = newAccount(peer);
      this.#accounts.set(peer, account);
    }
    return account;
  }

  /** Stops reading where an account is full, and goes on where no more than half of that is left. */
  #review(account: Account): void {
    const { receiveBytesMax, receiveMessagesMax } = this.#engine.settings;
    const times = account.peer ? 1 : departedPart;
    const byCount = receiveMessagesMax > 0 ? account.messages / receiveMessagesMax : 0;
    const filled = Math.max(byCount, account.bytes / receiveBytesMax) / times;
    if (account.isFull ? filled > 1 / 2 : filled < 1) return;
    account.isFull = !account.isFull;
    const { gate } = this.#engine;
    if (account.isFull) account.peer ? account.peer.hold() : gate.shut();
    else account.peer ? account.peer.unhold() : gate.open();
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

  /** A peer is gone: what it sent stays, and counts with what others left. */
  forget(peer: Peer): void {
    const account = this.#accounts.get(peer);
    if (!account) return;
    this.#accounts.delete(peer);
    if (this.#closed) return;
    account.peer = undefined;
    this.#departed.bytes += account.bytes;
    this.#departed.messages += account.messages;
    this.#review(this.#departed);
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
    const account = entry.account.peer ? entry.account : this.#departed;
    account.messages -= count;
    if (count === left) account.bytes -= entry.bytes;
    if (account.isFull) this.#review(account);
    if (count === left) this.#shift();
    return taken;
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

function newAccount(peer: Peer | undefined): Account {
  return { peer, bytes: 0, messages: 0, isFull: false };
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
