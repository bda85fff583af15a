import type { Config } from "../config/index.ts";
import { socketOptions } from "../transport/create.ts";
import { listen } from "../transport/listen.ts";
import type { Frames, SocketEvent, Subscriber, Transport } from "../transport/transport.ts";
import { cutWarning, type EventSink } from "./status.ts";

/** What a source needs of its subscription. */
export interface SourceContext {
  readonly config: Config;
  readonly status: EventSink;
  /** Beginnings of the topics that are wanted. */
  readonly prefixes: readonly string[];
  /** Listen on addresses instead of connecting to them. */
  readonly passive: boolean;
  /** Takes a message; a promise, where there is no room for the next one yet. */
  readonly take: (frames: Frames, source: Source) => Promise<void> | undefined;
  /** Hears that nothing can be received any more. */
  readonly onError: (error: unknown) => void;
}

/** A source that leaves is closed when nothing came for so many ms; */
const quietMs = 100;
/** and, where that never happens although there is room for more, after so many such spans. */
const quietSpansMax = 100;

/** One address of one name, and the socket that reads from it. */
export class Source {
  readonly name: string;
  /** The address that is listed. */
  readonly address: string;
  readonly #context: SourceContext;
  readonly #socket: Subscriber;
  #endpoint: string;
  #isReceiving = false;
  #received = 0;
  #leaving: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #reading = Promise.resolve();

  constructor(transport: Transport, context: SourceContext, name: string, address: string) {
    this.name = name;
    this.address = address;
    this.#endpoint = address;
    this.#context = context;
    this.#socket = transport.createSubscriber({
      ...socketOptions(context.config),
      onEvent: (event) => this.#forward(event),
    });
  }

  /** Where messages come from: the address, or what it listens on. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /**
   * Connects, or listens, and begins to read.
   *
   * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
   */
  async open(): Promise<void> {
    const { passive, prefixes, status, onError } = this.#context;
    for (const prefix of prefixes) this.#socket.subscribe(prefix);
    if (passive) {
      const { endpoint, note } = await listen(this.#socket, this.address, "everywhere");
      this.#endpoint = endpoint;
      status.emit({ type: "listening", name: this.name, endpoint, ...(note !== undefined && { note }) });
    } else this.#socket.connect(this.address);
    this.#reading = this.#read().catch(onError);
  }

  /** Reads what has arrived, and closes then; unless it is to stay after all. Idempotent. */
  leave(): void {
    if (this.#leaving || this.#closing) return;
    let received = this.#received;
    let spans = 0;
    this.#leaving = setInterval(() => {
      if (!this.#isReceiving) return; // The reader has no room for what came, and more may be waiting behind it.
      const isQuiet = received === this.#received;
      received = this.#received;
      if (isQuiet || ++spans === quietSpansMax) void this.close();
    }, quietMs).unref();
  }

  /** Takes `leave` back. False where it is too late. */
  stay(): boolean {
    clearInterval(this.#leaving);
    this.#leaving = undefined;
    return !this.#closing;
  }

  /** Receives no more. What was received already still goes to the reader, see {@link ended}. Idempotent. */
  close(): Promise<void> {
    clearInterval(this.#leaving);
    this.#closing ??= this.#socket.close();
    return this.#closing;
  }

  /** Resolves when it is closed and everything it received has been taken. */
  get ended(): Promise<void> {
    return this.#reading;
  }

  async #read(): Promise<void> {
    for (;;) {
      this.#isReceiving = true;
      const batch = await this.#socket.receive();
      this.#isReceiving = false;
      this.#received++;
      if (batch.length === 0) return;
      for (const frames of batch) {
        const room = this.#context.take(frames, this);
        if (room) await room;
      }
    }
  }

  #forward(event: SocketEvent): void {
    const { status } = this.#context;
    const { name, endpoint } = this;
    if (event.type === "connected") status.emit({ type: "connected", name, endpoint });
    else if (event.type === "disconnected") status.emit({ type: "disconnected", name, endpoint });
    else if (event.type === "cut") status.emit(cutWarning(name, event));
    else if (event.type === "unresolved") status.emit({ type: "disconnected", name, endpoint, detail: event.detail });
  }
}
