import { Subscriber as ZmtpSocket } from "@fedmsg/zmtp";
import type { Frames, SocketOptions, Subscriber } from "../transport.ts";
import { bindSocket, toFedmsgError, zmtpOptions } from "./sockets.ts";

/** Messages given out at once, at most: more would keep other work waiting. */
const messagesMax = 512;
/** As long as a timer can be. */
const foreverMs = 0x7fffffff;

/** A subscriber on our SUB. It keeps the process alive while somebody waits for a message, and not otherwise. */
export class ZmtpSubscriber implements Subscriber {
  readonly #socket: ZmtpSocket;
  /** Holds the process, instead of all the connections. */
  readonly #hold = setInterval(() => {}, foreverMs).unref();
  #closing: Promise<void> | undefined;

  constructor(options: SocketOptions) {
    this.#socket = new ZmtpSocket({ ...zmtpOptions(options), lingerMs: 0 }).unref();
  }

  bind(address: string): Promise<string> {
    return bindSocket(this.#socket, address);
  }

  connect(address: string): void {
    try {
      this.#socket.connect(address);
    } catch (error) {
      throw toFedmsgError(error);
    }
  }

  disconnect(address: string): void {
    this.#socket.disconnect(address);
  }

  subscribe(prefix: string): void {
    this.#socket.subscribe(prefix);
  }

  unsubscribe(prefix: string): void {
    this.#socket.unsubscribe(prefix);
  }

  async receive(): Promise<readonly Frames[]> {
    this.#hold.ref();
    const batch = await this.#socket.receiveBatch({ messagesMax });
    this.#hold.unref();
    return batch;
  }

  close(): Promise<void> {
    clearInterval(this.#hold);
    this.#closing ??= this.#socket.close();
    return this.#closing;
  }
}
