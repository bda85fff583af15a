/**
 * The same socket from two implementations, ours and libzmq's (the oracle), behind one small interface, so that one set of
 * cases holds every pair of them against each other.
 *
 * Of the oracle: queues are without bound (`0`), or a PUB would lose what the cases count; `linger` is 0, or a socket whose
 * peer is gone would hang at its end; listeners for events are there before anything is bound or connected.
 */

import { eventually, withTimeout } from "@fedmsg/testkit";
import * as libzmq from "zeromq";
import * as ours from "../../src/index.ts";

/** Who made a socket. */
export type Impl = "ours" | "libzmq";
/** Types of sockets that both have. */
export type SocketType = ours.SocketType;
/** What is sent: texts as UTF-8. */
export type Frames = readonly (string | Uint8Array)[];

/** What cases ask of a socket, in ours' words. */
export interface PeerOptions {
  readonly identity?: string;
  /** ROUTER: sending to nobody is an error. */
  readonly mandatory?: boolean;
  /** XPUB: each subscription is told. */
  readonly verbose?: boolean;
  readonly heartbeatMs?: number;
  /** Only libzmq's, such as PLAIN's and CURVE's. */
  readonly oracle?: Readonly<Record<string, unknown>>;
}

/** A socket of either implementation. */
export interface PeerSocket {
  readonly impl: Impl;
  readonly type: SocketType;
  /** What happened to its connections, oldest first: `connected`, `disconnected`, ours also `cut: <reason>`. */
  readonly happened: readonly string[];
  /** Connections whose handshake is done, less those that are over. */
  readonly peers: number;
  /** Resolves to the address with its real port. Waits while a socket that was closed just now still has it. */
  bind(address: string): Promise<string>;
  unbind(address: string): Promise<void>;
  connect(address: string): void;
  disconnect(address: string): void;
  send(frames: Frames): Promise<void>;
  receive(): Promise<Buffer[]>;
  subscribe(...prefixes: Frames): Promise<void>;
  unsubscribe(...prefixes: Frames): Promise<void>;
  close(): Promise<void>;
}

const reconnectMs = 10;

/** Makes a socket. */
export function makeSocket(impl: Impl, type: SocketType, options: PeerOptions = {}): PeerSocket {
  return impl === "ours" ? new OurSocket(type, options) : new OracleSocket(type, options);
}

const ourTypes = {
  PUB: ours.Publisher,
  SUB: ours.Subscriber,
  XPUB: ours.XPublisher,
  XSUB: ours.XSubscriber,
  REQ: ours.Request,
  REP: ours.Reply,
  DEALER: ours.Dealer,
  ROUTER: ours.Router,
};

/** Numbers of options that the binding has no property for. */
const [sendHighWaterMark, events] = [23, 15];

/** What a SUB asks for waits in its sending queue, and is lost beyond its bound of 1000, which the binding does not name. */
class OracleSubscriber extends libzmq.Subscriber {
  constructor(options: object) {
    super(options);
    this.setInt32Option(sendHighWaterMark, 0);
  }
}

const oracleTypes = {
  PUB: libzmq.Publisher,
  SUB: OracleSubscriber,
  XPUB: libzmq.XPublisher,
  XSUB: libzmq.XSubscriber,
  REQ: libzmq.Request,
  REP: libzmq.Reply,
  DEALER: libzmq.Dealer,
  ROUTER: libzmq.Router,
};

/** What the types of sockets of a library can do, taken together. Each type has some of it. */
interface Verbs {
  send(frames: Frames): Promise<void>;
  receive(): Promise<readonly Buffer[]>;
  subscribe(...prefixes: Frames): void;
  unsubscribe(...prefixes: Frames): void;
}

/** XSUB asks for topics with messages. */
async function sendWishes(socket: Verbs, first: 0 | 1, prefixes: Frames): Promise<void> {
  for (const prefix of prefixes) await socket.send([Buffer.concat([Buffer.of(first), Buffer.from(prefix)])]);
}

class OurSocket implements PeerSocket {
  readonly impl = "ours";
  readonly type: SocketType;
  readonly happened: string[] = [];
  readonly #socket: ours.Socket & Verbs;

  constructor(type: SocketType, { oracle: _, ...options }: PeerOptions) {
    this.type = type;
    this.#socket = new ourTypes[type]({
      ...options,
      lingerMs: 0,
      reconnectMs,
      reconnectMaxMs: reconnectMs,
      onEvent: (event) => this.happened.push(event.type === "cut" ? `cut: ${event.reason}` : event.type),
    }) as unknown as ours.Socket & Verbs;
  }

  get peers(): number {
    return this.#socket.peers;
  }

  bind(address: string): Promise<string> {
    return bindPatiently(() => this.#socket.bind(address), address);
  }

  unbind(address: string): Promise<void> {
    return this.#socket.unbind(address);
  }

  connect(address: string): void {
    this.#socket.connect(address);
  }

  disconnect(address: string): void {
    this.#socket.disconnect(address);
  }

  send(frames: Frames): Promise<void> {
    return withTimeout(this.#socket.send(frames), `send() of our ${this.type}`);
  }

  async receive(): Promise<Buffer[]> {
    return [...(await withTimeout(this.#socket.receive(), `a message to our ${this.type}`))];
  }

  async subscribe(...prefixes: Frames): Promise<void> {
    if (this.type === "XSUB") await sendWishes(this.#socket, 1, prefixes);
    else this.#socket.subscribe(...prefixes);
  }

  async unsubscribe(...prefixes: Frames): Promise<void> {
    if (this.type === "XSUB") await sendWishes(this.#socket, 0, prefixes);
    else this.#socket.unsubscribe(...prefixes);
  }

  close(): Promise<void> {
    return withTimeout(this.#socket.close(), `close() of our ${this.type}`);
  }
}

class OracleSocket implements PeerSocket {
  readonly impl = "libzmq";
  readonly type: SocketType;
  readonly happened: string[] = [];
  readonly #socket: libzmq.Socket & Verbs;
  readonly #isImpatient: boolean;

  constructor(type: SocketType, options: PeerOptions) {
    this.type = type;
    this.#isImpatient = options.oracle?.receiveTimeout === 0;
    this.#socket = new oracleTypes[type](oracleOptions(type, options)) as unknown as libzmq.Socket & Verbs;
    this.#socket.events.on("handshake", () => this.happened.push("connected"));
    this.#socket.events.on("disconnect", () => this.happened.push("disconnected"));
    this.#socket.events.on("handshake:error:protocol", () => this.happened.push("refused"));
    this.#socket.events.on("handshake:error:other", () => this.happened.push("refused"));
  }

  /** Asks libzmq as well: it goes on with a `disconnect` only while it is asked something. */
  get peers(): number {
    (this.#socket as unknown as { getInt32Option(option: number): number }).getInt32Option(events);
    return count(this.happened, "connected") - count(this.happened, "disconnected");
  }

  async bind(address: string): Promise<string> {
    await bindPatiently(() => this.#socket.bind(address), address);
    return this.#socket.lastEndpoint ?? address;
  }

  unbind(address: string): Promise<void> {
    return this.#socket.unbind(address);
  }

  connect(address: string): void {
    this.#socket.connect(address);
  }

  disconnect(address: string): void {
    this.#socket.disconnect(address);
  }

  send(frames: Frames): Promise<void> {
    return withTimeout(this.#socket.send(frames), `send() of libzmq's ${this.type}`);
  }

  async receive(): Promise<Buffer[]> {
    for (;;) {
      try {
        return [...(await withTimeout(this.#socket.receive(), `a message to libzmq's ${this.type}`))];
      } catch (error) {
        const isForNothing = (error as { code?: string }).code === "EAGAIN" && !this.#isImpatient;
        if (this.#socket.closed || !isForNothing) throw error; // What came was no message for this type.
      }
    }
  }

  async subscribe(...prefixes: Frames): Promise<void> {
    if (this.type === "XSUB") await sendWishes(this.#socket, 1, prefixes);
    else this.#socket.subscribe(...prefixes);
  }

  async unsubscribe(...prefixes: Frames): Promise<void> {
    if (this.type === "XSUB") await sendWishes(this.#socket, 0, prefixes);
    else this.#socket.unsubscribe(...prefixes);
  }

  async close(): Promise<void> {
    if (!this.#socket.closed) this.#socket.close();
  }
}

/** Options that a type of the oracle's does not have are errors to it. */
function oracleOptions(type: SocketType, { identity, mandatory, verbose, heartbeatMs, oracle }: PeerOptions): object {
  return {
    linger: 0,
    reconnectInterval: reconnectMs,
    ...(type !== "SUB" && { sendHighWaterMark: 0 }),
    ...(type !== "PUB" && { receiveHighWaterMark: 0 }),
    ...(identity !== undefined && { routingId: identity }),
    ...(mandatory && { mandatory, sendTimeout: 0 }), // Else it waits for a peer.
    ...(verbose && { verbosity: "allSubsUnsubs" }),
    ...(heartbeatMs !== undefined && { heartbeatInterval: heartbeatMs }),
    ...oracle,
  };
}

/** Both free an address behind the scenes when a socket is closed. */
async function bindPatiently<T>(bind: () => Promise<T>, address: string): Promise<T> {
  const inUse = ["EADDRINUSE", "ZMTP_ADDRESS_IN_USE"];
  const bound: T[] = [];
  const isBound = () =>
    bind().then(
      (value) => bound.push(value) > 0,
      (error: { code?: string }) => {
        if (inUse.includes(error.code ?? "")) return false;
        throw error;
      },
    );
  await eventually(isBound, `to bind ${address}`);
  return bound[0] as T;
}

function count(items: readonly string[], wanted: string): number {
  return items.filter((item) => item === wanted).length;
}
