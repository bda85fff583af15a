import { setImmediate as nextTurn } from "node:timers/promises";
import type { Subscriber as ZmqSubscriber } from "zeromq";
import { type Frames, type SocketOptions, type Subscriber, socketDefaults } from "../transport.ts";
import { Connector } from "./connector.ts";
import { bindSocket, closeSocket, commonOptions, errorCode, finiteMark, forwardEvents } from "./sockets.ts";

/** Messages given out at once, at most: more would keep other work waiting. */
const batchMessages = 128;

/** A subscriber on libzmq's SUB. */
export class LibzmqSubscriber implements Subscriber {
  readonly #socket: ZmqSubscriber;
  readonly #connector: Connector;
  readonly #bound: string[] = [];
  /** The last batch was full: before the next, other work gets a turn. */
  #isBusy = false;
  #closing: Promise<void> | undefined;

  constructor(zeromq: typeof import("zeromq"), options: SocketOptions) {
    this.#socket = new zeromq.Subscriber({
      ...commonOptions(options),
      receiveHighWaterMark: finiteMark(options.highWaterMark),
      maxMessageSize: options.messageBytesMax ?? socketDefaults.messageBytesMax,
      linger: 0,
    });
    this.#connector = new Connector(this.#socket, options);
    this.#connector.returnAfterCuts();
    if (options.onEvent) forwardEvents(this.#socket, options.onEvent);
  }

  async bind(address: string): Promise<string> {
    const bound = await bindSocket(this.#socket, address);
    this.#bound.push(bound);
    return bound;
  }

  connect(address: string): void {
    this.#connector.connect(address);
  }

  disconnect(address: string): void {
    this.#connector.disconnect(address);
  }

  subscribe(prefix: string): void {
    this.#socket.subscribe(prefix);
  }

  unsubscribe(prefix: string): void {
    this.#socket.unsubscribe(prefix);
  }

  async receive(): Promise<readonly Frames[]> {
    if (this.#closing) return [];
    try {
      if (this.#isBusy) await nextTurn();
      const batch: Frames[] = [await this.#socket.receive()];
      if (this.#socket.readable) await this.#drainInto(batch);
      this.#isBusy = batch.length === batchMessages;
      return batch;
    } catch (error) {
      if (this.#closing) return []; // Closing rejects a pending receive.
      throw error;
    }
  }

  /** Takes what has arrived. Without a timeout it is there at once, at two thirds of what asking each time costs. */
  async #drainInto(batch: Frames[]): Promise<void> {
    this.#socket.receiveTimeout = 0;
    try {
      while (batch.length < batchMessages) batch.push(await this.#socket.receive());
    } catch (error) {
      if (errorCode(error) !== "EAGAIN") throw error;
    } finally {
      if (!this.#socket.closed) this.#socket.receiveTimeout = -1;
    }
  }

  close(): Promise<void> {
    this.#connector.close();
    this.#closing ??= closeSocket(this.#socket, this.#bound);
    return this.#closing;
  }
}
