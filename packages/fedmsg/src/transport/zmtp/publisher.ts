import { Publisher as ZmtpSocket } from "@fedmsg/zmtp";
import { type Attempt, SendQueue } from "../send-queue.ts";
import { type Frames, type Publisher, type PublisherOptions, socketDefaults } from "../transport.ts";
import { bindSocket, Hold, toFedmsgError, zmtpOptions } from "./sockets.ts";

/** How long `close()` waits for what lingers; after that it lingers behind its back. */
const patienceMs = 1000;

/**
 * A publisher on our PUB. The socket knows each of its peers, so it is the one that holds senders up for a full one, and
 * passes that one over; the queue in front of it keeps what waits. It keeps no process alive, unless it has to write.
 */
export class ZmtpPublisher implements Publisher {
  readonly #socket: ZmtpSocket;
  readonly #queue: SendQueue;
  readonly #hold = new Hold();
  readonly #addresses: string[] = [];
  #subscribed: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PublisherOptions) {
    this.#socket = new ZmtpSocket({
      ...zmtpOptions(options),
      stallMs: options.stallMs ?? socketDefaults.stallMs,
    }).unref();
    this.#queue = new SendQueue(
      {
        attempt: (frames) => this.#attempt(frames),
        changed: (attempt) => this.#changed(attempt),
        onWaiting: (ms) => options.onEvent?.({ type: "waiting", address: this.#addresses.join(" "), ms }),
      },
      options,
    );
  }

  get dropped(): number {
    return this.#socket.dropped;
  }

  async bind(address: string): Promise<string> {
    const bound = await bindSocket(this.#socket, address);
    this.#addresses.push(bound);
    return bound;
  }

  connect(address: string): void {
    try {
      this.#socket.connect(address);
    } catch (error) {
      throw toFedmsgError(error);
    }
    this.#addresses.push(address);
  }

  disconnect(address: string): void {
    this.#socket.disconnect(address);
    const at = this.#addresses.indexOf(address);
    if (at >= 0) this.#addresses.splice(at, 1);
  }

  send(frames: Frames, signal?: AbortSignal): Promise<void> {
    return this.#queue.send(frames, signal);
  }

  async subscribed(topic?: string, signal?: AbortSignal): Promise<void> {
    try {
      await this.#hold.during(this.#socket.subscribed(topic, { signal }));
    } catch (error) {
      throw toFedmsgError(error);
    }
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
    this.#hold.end();
    const closed = this.#socket.close();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([closed, patience]);
    clearTimeout(timer);
  }

  #attempt(frames: Frames): Attempt {
    if (!this.#socket.covers()) return "unsubscribed";
    return this.#socket.trySend(frames) ? "sent" : "full";
  }

  /** Resolves when another try may go better. Asked for again and again: there is one promise for all. */
  #changed(attempt: Attempt): Promise<void> {
    if (attempt === "full") return this.#socket.room();
    this.#subscribed ??= this.#socket
      .subscribed()
      .catch(() => {}) // It is closed: the next try says so.
      .then(() => {
        this.#subscribed = undefined;
      });
    return this.#subscribed;
  }
}
