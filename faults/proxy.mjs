/**
 * Stands between subscribers and somebody who publishes, and knows where ZMTP's messages begin and end: it can hold them
 * back, drop them, swap them, stall, and cut connections. What goes towards the publisher passes as it is.
 *
 * ```
 *  greeting, 64 bytes │ frame │ frame │ …       frame: flags, length (1 or 8 bytes), body
 *                                               flags: 1 more follows, 2 the length has 8 bytes, 4 a command
 * ```
 */

import { createConnection, createServer } from "node:net";
import { Transform } from "node:stream";
import { freePort } from "./layout.mjs";

/** @typedef {import("../packages/zmtp/fuzz/dice.mjs").Dice} Dice */

/**
 * @typedef {object} ProxyFaults What may change while it runs: what becomes of messages.
 * @property {number} [delayMs] every message is held back for so long, and up to twice that
 * @property {number} [drops] the part of messages that never arrive
 * @property {number} [swaps] the part of messages that up to 50 others overtake
 * @property {number} [cutEveryMs] connections end about so often
 * @property {number} [stallEveryMs] nothing passes for a second, about so often
 */

const greetingBytes = 64;
const overtakenByMax = 50;
const heldMsMax = 100;
const stallMs = 1000;
const flags = { more: 1, long: 2, command: 4 };

/** A proxy; listens until it is closed. */
export class Meddling {
  #faults;
  #dice;
  #target;
  #server = createServer((socket) => this.#connect(socket));
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  /** @type {NodeJS.Timeout[]} */
  #timers = [];
  /** Where it listens. */
  address = "";
  counts = { connections: 0, dropped: 0, swapped: 0, cut: 0, stalls: 0 };
  /** Hears of the next message, before anybody else does. @type {(() => void) | undefined} */
  onNext;

  /** @param {string} target @param {ProxyFaults} faults @param {Dice} dice */
  constructor(target, faults, dice) {
    this.#target = new URL(target);
    this.#faults = faults;
    this.#dice = dice;
  }

  /** @param {string} target @param {ProxyFaults} faults @param {Dice} dice */
  static async start(target, faults, dice) {
    const proxy = new Meddling(target, faults, dice);
    await proxy.#listen();
    return proxy;
  }

  async #listen() {
    const port = await freePort();
    await new Promise((resolve) => this.#server.listen(port, "127.0.0.1", () => resolve(undefined)));
    this.address = `tcp://127.0.0.1:${port}`;
    const { cutEveryMs, stallEveryMs } = this.#faults;
    if (cutEveryMs) this.#every(cutEveryMs, () => this.cut());
    if (stallEveryMs) this.#every(stallEveryMs, () => this.#stall());
  }

  /** @param {number} ms @param {() => void} work */
  #every(ms, work) {
    const timer = setTimeout(
      () => {
        work();
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        this.#every(ms, work);
      },
      ms / 2 + this.#dice.below(ms),
    );
    this.#timers.push(timer);
  }

  /** Ends all connections. */
  cut() {
    this.counts.cut++;
    for (const socket of this.#sockets) socket.destroy();
  }

  #stall() {
    this.counts.stalls++;
    for (const socket of this.#sockets) socket.cork();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.uncork();
    }, stallMs);
    timer.unref();
  }

  /** @param {import("node:net").Socket} client */
  #connect(client) {
    this.counts.connections++;
    const server = createConnection({ host: this.#target.hostname, port: Number(this.#target.port) });
    const meddler = new Meddler(this.#faults, this.#dice, this.counts, () => {
      this.onNext?.();
      this.onNext = undefined;
    });
    client.pipe(server);
    server.pipe(meddler, { end: false }).pipe(client);
    meddler.on("error", () => {});
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.once("close", () => {
        this.#sockets.delete(socket);
        meddler.destroy();
        client.destroy();
        server.destroy();
      });
    }
  }

  close() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** What passes from the publisher: whole messages, some of them held back. */
class Meddler extends Transform {
  #faults;
  #dice;
  #counts;
  #onMessage;
  /** @type {Buffer} */
  #pending = Buffer.alloc(0);
  #greeted = false;
  /** Held back until so many others, or so much time, have passed. @type {{ message: Buffer, after: number, until: number }[]} */
  #held = [];
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {{ at: number, bytes: Buffer }[]} */
  #delayed = [];

  /** @param {ProxyFaults} faults @param {Dice} dice @param {Meddling["counts"]} counts @param {() => void} onMessage */
  constructor(faults, dice, counts, onMessage) {
    super();
    this.#onMessage = onMessage;
    this.#faults = faults;
    this.#dice = dice;
    this.#counts = counts;
  }

  /** @override @param {Buffer} chunk @param {BufferEncoding} _encoding @param {import("node:stream").TransformCallback} done */
  _transform(chunk, _encoding, done) {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (!this.#greeted && this.#pending.length >= greetingBytes) {
      this.#greeted = true;
      this.#pass(this.#pending.subarray(0, greetingBytes));
      this.#pending = this.#pending.subarray(greetingBytes);
    }
    if (this.#greeted) this.#passMessages();
    done();
  }

  #passMessages() {
    for (;;) {
      const end = messageEnd(this.#pending);
      if (end === undefined) return;
      this.#take(this.#pending.subarray(0, end));
      this.#pending = this.#pending.subarray(end);
    }
  }

  /** @param {Buffer} message */
  #take(message) {
    const { drops = 0, swaps = 0 } = this.#faults;
    const isCommand = ((message[0] ?? 0) & flags.command) !== 0;
    if (!isCommand && this.#dice.happens(drops)) {
      this.#counts.dropped++;
      return;
    }
    if (!isCommand && this.#dice.happens(swaps)) {
      this.#counts.swapped++;
      const until = performance.now() + heldMsMax;
      this.#held.push({ message, after: 1 + this.#dice.below(overtakenByMax), until });
      this.#timer ??= setTimeout(() => this.#letGo(), heldMsMax);
      return;
    }
    if (!isCommand) this.#onMessage();
    this.#pass(message);
    for (const held of this.#held) held.after--;
    if (this.#held.some(({ after }) => after <= 0)) this.#letGo();
  }

  /** Those that were held back for long enough. */
  #letGo() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    const isDue = (/** @type {{ after: number, until: number }} */ { after, until }) => after <= 0 || until <= now + 1;
    const due = this.#held.filter(isDue);
    this.#held = this.#held.filter((held) => !isDue(held));
    for (const { message } of due) this.#pass(message);
    if (this.#held.length > 0) this.#timer = setTimeout(() => this.#letGo(), heldMsMax);
  }

  /** @param {Buffer} bytes */
  #pass(bytes) {
    const { delayMs } = this.#faults;
    if (this.destroyed) return;
    if (!delayMs) {
      this.push(bytes);
      return;
    }
    const last = this.#delayed.at(-1)?.at ?? 0;
    this.#delayed.push({ at: Math.max(last, performance.now() + delayMs + this.#dice.below(delayMs)), bytes });
    if (this.#delayed.length === 1) this.#passLater();
  }

  #passLater() {
    const wait = (this.#delayed[0]?.at ?? 0) - performance.now();
    setTimeout(
      () => {
        const now = performance.now();
        while (!this.destroyed && this.#delayed[0] && this.#delayed[0].at <= now)
          this.push(this.#delayed.shift()?.bytes);
        if (!this.destroyed && this.#delayed.length > 0) this.#passLater();
      },
      Math.max(0, wait),
    );
  }

  /** @override @param {Error | null} error @param {(error: Error | null) => void} done */
  _destroy(error, done) {
    clearTimeout(this.#timer);
    this.#delayed = [];
    this.#held = [];
    done(error);
  }
}

/** Where the first message ends; nothing where it is not all there. @param {Buffer} bytes */
function messageEnd(bytes) {
  let at = 0;
  for (;;) {
    const [kind, short] = [bytes[at], bytes[at + 1]];
    if (kind === undefined || short === undefined) return undefined;
    const isLong = (kind & flags.long) !== 0;
    if (isLong && bytes.length < at + 9) return undefined;
    at += isLong ? 9 + Number(bytes.readBigUInt64BE(at + 1)) : 2 + short;
    if (bytes.length < at) return undefined;
    if ((kind & flags.more) === 0) return at;
  }
}
