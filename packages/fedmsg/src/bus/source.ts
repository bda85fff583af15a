import type { Config } from "../config/index.ts";
import { socketOptions } from "../transport/create.ts";
import { listen } from "../transport/listen.ts";
import type { Frames, SocketEvent, Subscriber, Transport } from "../transport/transport.ts";
import { cutWarning, type EventSink } from "./status.ts";

/** What sources do with what comes, and how they are opened. */
export interface SourcesOptions {
  readonly config: Config;
  /** Hears of connections. */
  readonly status: EventSink;
  /** Beginnings of the topics that are wanted; `[""]` for everything. Default: none, until somebody subscribes. */
  readonly prefixes?: readonly string[];
  /** Listen on addresses instead of connecting to them. Default false. */
  readonly passive?: boolean;
  /** What to do where a host that is to be listened on is not this machine. Default `everywhere`: on every interface. */
  readonly elsewhere?: "refuse" | "everywhere";
  /** Whether an address is to be read at all. Default: each is. */
  readonly accepts?: (address: string) => Promise<boolean>;
  /** What an error is to say of an address that cannot be opened, such as the key that lists it. Default: the error itself. */
  readonly explain?: (error: unknown, name: string, address: string) => unknown;
  /**
   * Takes what came together from one source, one message at least. The source is read on when the promise resolves, or at
   * once where there is none.
   */
  readonly take: (batch: readonly Frames[], source: Source) => Promise<void> | undefined;
  /** Hears that nothing can be received from a source any more: its socket failed, or `take` did. */
  readonly onError: (error: unknown, source: Source) => void;
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
  readonly #options: SourcesOptions;
  readonly #socket: Subscriber;
  #endpoint: string;
  #isOpen = false;
  #isReceiving = false;
  #received = 0;
  #lastAt = -Infinity;
  #leaving: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #reading = Promise.resolve();

  constructor(transport: Transport, options: SourcesOptions, name: string, address: string) {
    this.name = name;
    this.address = address;
    this.#endpoint = address;
    this.#options = options;
    this.#socket = transport.createSubscriber({
      ...socketOptions(options.config),
      onEvent: (event) => this.#forward(event),
    });
  }

  /** Where messages come from: the address, or what it listens on. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /** Whether it connects or listens, and was not closed. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#closing;
  }

  /** When something came last, or was done with, in ms of `performance.now()`; negative infinity before. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /**
   * Connects, or listens, and begins to read.
   *
   * @param prefixes what to subscribe to at first
   * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
   */
  async open(prefixes: Iterable<string>): Promise<void> {
    const { passive = false, elsewhere = "everywhere", status, onError } = this.#options;
    for (const prefix of prefixes) this.#socket.subscribe(prefix);
    if (passive) {
      const { endpoint, note } = await listen(this.#socket, this.address, elsewhere);
      this.#endpoint = endpoint;
      status.emit({ type: "listening", name: this.name, endpoint, ...(note !== undefined && { note }) });
    } else this.#socket.connect(this.address);
    this.#isOpen = true;
    this.#reading = this.#read().catch((error) => {
      onError(error, this);
      return this.close();
    });
  }

  /** Asks for one more prefix, */
  subscribe(prefix: string): void {
    if (!this.#closing) this.#socket.subscribe(prefix);
  }

  /** or takes that back. */
  unsubscribe(prefix: string): void {
    if (!this.#closing) this.#socket.unsubscribe(prefix);
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
      this.#lastAt = performance.now();
      const taken = this.#options.take(batch, this);
      if (!taken) continue;
      await taken;
      this.#lastAt = performance.now();
    }
  }

  #forward(event: SocketEvent): void {
    const { status } = this.#options;
    const { name, endpoint } = this;
    if (event.type === "connected") status.emit({ type: "connected", name, endpoint });
    else if (event.type === "disconnected") status.emit({ type: "disconnected", name, endpoint });
    else if (event.type === "cut") status.emit(cutWarning(name, event));
    else if (event.type === "unresolved") status.emit({ type: "disconnected", name, endpoint, detail: event.detail });
  }
}
