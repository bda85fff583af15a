import { Subscriber as ZmtpSocket } from "@fedmsg/zmtp";
import type { Frames, SocketOptions, Subscriber } from "../transport.ts";
import { bindSocket, Hold, toFedmsgError, zmtpOptions } from "./sockets.ts";

/** Messages given out at once, at most: more would keep other work waiting. */
const messagesMax = 512;
/** A subscriber on our SUB. It keeps the process alive while somebody waits for a message, and not otherwise. */
export class ZmtpSubscriber implements Subscriber {
  readonly #socket: ZmtpSocket;
  readonly #hold = new Hold();
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

  receive(): Promise<readonly Frames[]> {
    return this.#hold.during(this.#socket.receiveBatch({ messagesMax }));
  }

  close(): Promise<void> {
    this.#hold.end();
    this.#closing ??= this.#socket.close();
    return this.#closing;
  }
}
