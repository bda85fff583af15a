import type { XPublisher } from "zeromq";
import { FedmsgError } from "../../errors.ts";
import { type Attempt, SendQueue } from "../send-queue.ts";
import { Subscriptions, waitUntil } from "../subscriptions.ts";
import { type Frames, type Publisher, type PublisherOptions, socketDefaults } from "../transport.ts";
import { Connector } from "./connector.ts";
import { bindSocket, closeSocket, commonOptions, errorCode, finiteMark } from "./sockets.ts";

/** How long the answer holds that somebody is subscribed, in ms. */
const answerMs = 1;

/**
 * A publisher on libzmq's XPUB.
 *
 * `sendTimeout: 0` makes the binding's `send` do its work at once, and `XPUB_NODROP` makes it fail with EAGAIN, before
 * anything was sent, when a subscriber has no room. Subscriptions are read only when they matter: a pending `receive`
 * would keep the process alive. Asking libzmq for them (`readable`) takes half as long as sending a message does, so
 * while there are some it is asked once a millisecond at most. Not so with `awaitSubscriber`: what is sent after the last
 * subscriber left is lost.
 */
export class LibzmqPublisher implements Publisher {
  readonly #socket: XPublisher;
  readonly #queue: SendQueue;
  readonly #connector: Connector;
  readonly #subscriptions = new Subscriptions();
  readonly #answerMs: number;
  readonly #bound: string[] = [];
  readonly #addresses: string[] = [];
  #closing: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  #askedAt = 0;

  constructor(zeromq: typeof import("zeromq"), options: PublisherOptions) {
    this.#socket = new zeromq.XPublisher({
      ...commonOptions(options),
      sendTimeout: 0,
      sendHighWaterMark: finiteMark(options.highWaterMark),
      // What we connect to is no subscriber while it is away: without this, libzmq would go on queueing for it.
      immediate: true,
      linger: options.lingerMs ?? socketDefaults.lingerMs,
    });
    this.#socket.noDrop = true;
    this.#answerMs = options.awaitSubscriber ? 0 : answerMs;
    this.#connector = new Connector(this.#socket, options);
    this.#queue = new SendQueue(
      {
        attempt: (frames) => this.#attempt(frames),
        sendLossy: (frames) => this.#sendLossy(frames),
        onDropped: (count) => options.onEvent?.({ type: "dropped", address: this.#addresses.join(" "), count }),
        onWaiting: (ms) => options.onEvent?.({ type: "waiting", address: this.#addresses.join(" "), ms }),
      },
      options,
    );
  }

  get dropped(): number {
    return this.#queue.dropped;
  }

  async bind(address: string): Promise<string> {
    const bound = await bindSocket(this.#socket, address);
    this.#bound.push(bound);
    this.#addresses.push(bound);
    return bound;
  }

  connect(address: string): void {
    this.#connector.connect(address);
    this.#addresses.push(address);
  }

  disconnect(address: string): void {
    this.#connector.disconnect(address);
    const at = this.#addresses.indexOf(address);
    if (at >= 0) this.#addresses.splice(at, 1);
  }

  send(frames: Frames, signal?: AbortSignal): Promise<void> {
    return this.#queue.send(frames, signal);
  }

  subscribed(topic?: string, signal?: AbortSignal): Promise<void> {
    const condition = async () => {
      await this.#readSubscriptions();
      return this.#subscriptions.covers(topic);
    };
    return waitUntil(condition, () => this.#closing !== undefined, signal);
  }

  async drain(): Promise<void> {
    if (!this.#closing) await this.#queue.drain();
    await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.close();
    this.#connector.close();
    await this.#reading;
    await closeSocket(this.#socket, this.#bound);
  }

  async #attempt(frames: Frames): Promise<Attempt> {
    const now = performance.now();
    if (this.#subscriptions.size === 0 || now - this.#askedAt >= this.#answerMs) {
      this.#askedAt = now;
      if (this.#socket.readable) await this.#readSubscriptions();
    }
    if (this.#subscriptions.size === 0) return "unsubscribed";
    try {
      await this.#socket.send(frames as Uint8Array[]);
      return "sent";
    } catch (error) {
      if (errorCode(error) === "EAGAIN") return "full";
      throw FedmsgError.from(error);
    }
  }

  async #sendLossy(frames: Frames): Promise<void> {
    this.#setNoDrop(false);
    try {
      await this.#socket.send(frames as Uint8Array[]);
    } finally {
      if (!this.#socket.closed) this.#setNoDrop(true);
    }
  }

  /** libzmq heeds it at once. The binding does not know that and would warn, each time, that it comes too late. */
  #setNoDrop(noDrop: boolean): void {
    const { emitWarning } = process;
    process.emitWarning = () => {};
    try {
      this.#socket.noDrop = noDrop;
    } finally {
      process.emitWarning = emitWarning;
    }
  }

  /** Only one `receive` may be under way at a time: whoever comes second waits for the first. */
  #readSubscriptions(): Promise<void> {
    this.#reading ??= this.#readWhatIsThere().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readWhatIsThere(): Promise<void> {
    while (!this.#socket.closed && this.#socket.readable) {
      const [frame] = await this.#socket.receive();
      const prefix = (frame as Buffer).subarray(1);
      if (frame?.[0] === 1) this.#subscriptions.add(prefix);
      else if (frame?.[0] === 0) this.#subscriptions.remove(prefix);
    }
  }
}
