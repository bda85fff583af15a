/**
 * Sockets to be attacked, each with a good peer that must not notice: it sends or gets a numbered message every few
 * milliseconds. What is missing, out of order or late is noted in `faults`.
 *
 * ```
 * PUB, XPUB ──▶ SUB        the target sends, the good peer counts
 * PUB ──▶ SUB              the good peer sends, the target counts (SUB, DEALER ◀── DEALER)
 * DEALER ◀─▶ ROUTER        the good peer asks, the target sends everything back to whoever sent it (REQ ◀─▶ REP)
 * ```
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Dealer, Publisher, Reply, Request, Router, Subscriber, XPublisher } from "@fedmsg/zmtp";

/** @typedef {"PUB" | "XPUB" | "SUB" | "ROUTER" | "REP" | "DEALER"} TargetType */
/** @typedef {import("@fedmsg/zmtp").SocketOptions} SocketOptions */
/** @typedef {import("@fedmsg/zmtp").Socket} Socket */
/** @typedef {readonly Buffer[]} Message */

/** @type {readonly TargetType[]} */
export const targetTypes = ["PUB", "XPUB", "SUB", "ROUTER", "REP", "DEALER"];

/**
 * What a peer of each has to be.
 *
 * @type {Readonly<Record<TargetType, string>>}
 */
export const peerTypes = { PUB: "SUB", XPUB: "SUB", SUB: "PUB", ROUTER: "DEALER", REP: "REQ", DEALER: "DEALER" };

/** A socket that listens, and its good peer. */
export class Target {
  /** @type {TargetType} */
  type;
  /** @type {Socket} */
  socket;
  /** @type {Socket | undefined} */
  #goodSocket;
  address = "";
  /** Good messages that arrived. */
  received = 0;
  /** The longest that one was under way, in ms. */
  slowestMs = 0;
  /** What the good peer noticed, the first few. @type {string[]} */
  faults = [];
  #sent = 0;
  #tag = randomBytes(12);
  #closing = false;
  /** @type {Promise<unknown>[]} */
  #running = [];
  #tickMs;

  /**
   * @param {TargetType} type
   * @param {Socket} socket
   * @param {number} tickMs
   */
  constructor(type, socket, tickMs) {
    this.type = type;
    this.socket = socket;
    this.#tickMs = tickMs;
  }

  /**
   * Listens, and goes on when the first good message has arrived.
   *
   * @param {TargetType} type
   * @param {{ address?: string, tickMs?: number, options?: SocketOptions }} [settings]
   */
  static async start(type, { address = "tcp://127.0.0.1:*", tickMs = 2, options = {} } = {}) {
    const socket = make[type](options);
    const target = new Target(type, socket, tickMs);
    target.address = await socket.bind(address);
    await target.#begin();
    return target;
  }

  /** When the oldest good message that is under way was sent, in ms; Infinity when there is none. */
  get overdueMs() {
    return this.#sent > this.received ? performance.now() - this.#pendingSince : 0;
  }

  #pendingSince = 0;

  async #begin() {
    const { socket } = this;
    if (socket instanceof Publisher || socket instanceof XPublisher) await this.#publishing(socket);
    else if (socket instanceof Subscriber) this.#subscribing(socket);
    else if (socket instanceof Router) this.#routing(socket);
    else if (socket instanceof Reply) this.#replying(socket);
    else if (socket instanceof Dealer) this.#dealing(socket);
    while (this.received === 0) await delay(1);
  }

  /** @param {Publisher | XPublisher} socket */
  async #publishing(socket) {
    const good = this.#connect(new Subscriber(quick));
    good.subscribe(this.#tag);
    await socket.subscribed(this.#tag);
    if (socket instanceof XPublisher) this.#run(drain(socket));
    this.#run(this.#send((message) => socket.send(message)));
    this.#run(this.#check(good, 0));
  }

  /** @param {Subscriber} socket */
  #subscribing(socket) {
    socket.subscribe("");
    const good = this.#connect(new Publisher(quick));
    this.#run(this.#check(socket, 0));
    const started = good.subscribed(this.#tag);
    this.#run(started.then(() => this.#send((message) => good.send(message))));
  }

  /** @param {Router} socket */
  #routing(socket) {
    const good = this.#connect(new Dealer(quick));
    this.#run(echo(socket));
    this.#run(this.#check(good, 0));
    this.#run(this.#send((message) => good.send(message)));
  }

  /** @param {Reply} socket */
  #replying(socket) {
    const good = this.#connect(new Request(quick));
    this.#run(answer(socket));
    const ask = async (/** @type {Uint8Array[]} */ message) => {
      await good.send(message);
      this.#take(await good.receive(), 0);
    };
    this.#run(this.#send(ask));
  }

  /** @param {Dealer} socket */
  #dealing(socket) {
    const good = this.#connect(new Dealer(quick));
    this.#run(this.#check(socket, 0, () => void socket.trySend(["noise"])));
    this.#run(drain(good));
    this.#run(this.#send((message) => good.send(message)));
  }

  /**
   * @template {Socket} S
   * @param {S} good
   * @returns {S}
   */
  #connect(good) {
    this.#goodSocket = good;
    good.connect(this.address);
    return good;
  }

  /** @param {Promise<unknown>} work */
  #run(work) {
    const guarded = work.catch((error) => {
      if (!this.#closing) this.#fault(`${error}`);
    });
    this.#running.push(guarded);
  }

  /** @param {(message: Uint8Array[]) => Promise<void>} send */
  async #send(send) {
    while (!this.#closing) {
      if (this.#sent === this.received) this.#pendingSince = performance.now();
      const body = Buffer.alloc(16);
      body.writeDoubleBE(this.#sent++, 0);
      body.writeDoubleBE(performance.now(), 8);
      await send([this.#tag, body]);
      await delay(this.#tickMs);
    }
  }

  /**
   * @param {AsyncIterable<Message>} messages
   * @param {number} at where the tag is
   * @param {() => void} [then]
   */
  async #check(messages, at, then) {
    for await (const message of messages) {
      if (message[at]?.equals(this.#tag)) this.#take(message, at);
      then?.();
    }
  }

  /**
   * @param {Message} message
   * @param {number} at
   */
  #take(message, at) {
    const body = message[at + 1];
    if (body?.length !== 16 || message.length !== at + 2) return this.#fault("a good message was changed");
    const number = body.readDoubleBE(0);
    const sentAt = body.readDoubleBE(8);
    if (number !== this.received) this.#fault(`message ${number} came where ${this.received} was due`);
    this.received = number + 1;
    this.#pendingSince = performance.now();
    this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
  }

  /** @param {string} what */
  #fault(what) {
    if (this.faults.length < 10) this.faults.push(`${this.type}: ${what}`);
  }

  /** Ends both. */
  async close() {
    this.#closing = true;
    await Promise.all([this.#goodSocket?.close(), this.socket.close()]);
    await Promise.all(this.#running);
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}

/** @type {SocketOptions} */
const quick = { reconnectMs: 10, reconnectMaxMs: 50 };

/** @type {Readonly<Record<TargetType, (options: SocketOptions) => Socket>>} */
const make = {
  PUB: (options) => new Publisher(options),
  XPUB: (options) => new XPublisher(options),
  SUB: (options) => new Subscriber(options),
  ROUTER: (options) => new Router(options),
  REP: (options) => new Reply(options),
  DEALER: (options) => new Dealer(options),
};

/** @param {XPublisher | Dealer} socket */
async function drain(socket) {
  for await (const _ of socket.batches());
}

/** @param {Router} socket */
async function echo(socket) {
  for await (const message of socket) if (message.length > 1) await socket.send(message);
}

/** @param {Reply} socket */
async function answer(socket) {
  for await (const message of socket) await socket.send(message);
}
