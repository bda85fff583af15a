import type { FrameBatch } from "../codec/batch.ts";
import { Engine } from "../engine/engine.ts";
import type { Peer } from "../engine/peer.ts";
import { ZmtpError } from "../errors.ts";
import type { MonitorEvent } from "../events.ts";
import type { SocketOptions } from "../options.ts";

/** The types of sockets that are there. */
export type SocketType = "PUB" | "SUB" | "XPUB" | "XSUB" | "REQ" | "REP" | "DEALER" | "ROUTER";

/** A message to be sent: its frames, or its only one. Texts go as UTF-8. */
export type MessageLike = string | Uint8Array | readonly (string | Uint8Array)[];

/** Options of a wait. */
export interface WaitOptions {
  /** Ends the wait, with ZMTP_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** Which types may talk to each other (RFC 28, RFC 29; libzmq's `check_socket_type`). */
const partners: Record<SocketType, readonly SocketType[]> = {
  PUB: ["SUB", "XSUB"],
  SUB: ["PUB", "XPUB"],
  XPUB: ["SUB", "XSUB"],
  XSUB: ["PUB", "XPUB"],
  REQ: ["REP", "ROUTER"],
  REP: ["REQ", "DEALER"],
  DEALER: ["REP", "DEALER", "ROUTER"],
  ROUTER: ["REQ", "DEALER", "ROUTER"],
};

/**
 * What all sockets can do: listen, connect, tell what happens, and end. A socket may listen on and connect to as many
 * addresses as it likes.
 *
 * Addresses are `tcp://HOST:PORT` and `ipc://PATH`. HOST is an IPv4 address, an IPv6 address in brackets, a name; to listen
 * also `*` (every IPv4 interface) or an interface's name. PORT is a number; to listen also `*` or 0, for a free one.
 */
export abstract class Socket {
  readonly type: SocketType;
  /** @internal */
  protected readonly engine: Engine;

  /** @internal */
  protected constructor(type: SocketType, options: SocketOptions) {
    this.type = type;
    this.engine = new Engine(
      {
        type,
        peerTypes: partners[type],
        ready: (peer) => this.onReady(peer),
        messages: (peer, batch) => this.onMessages(peer, batch),
        subscription: (peer, prefix, wanted) => this.onSubscription(peer, prefix, wanted),
        written: (peer) => this.onWritten(peer),
        gone: (peer) => this.onGone(peer),
        closed: () => this.onClose(),
      },
      options,
    );
  }

  /** Peers whose handshake is done. */
  get peers(): number {
    return this.engine.peers;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.engine.isClosed;
  }

  /**
   * Listens.
   *
   * @returns the address with the port that was taken, such as `tcp://127.0.0.1:49152`
   * @throws ZmtpError ZMTP_ADDRESS_INVALID, ZMTP_ADDRESS_IN_USE, ZMTP_ADDRESS_NOT_AVAILABLE, ZMTP_NETWORK, ZMTP_CLOSED
   */
  bind(address: string): Promise<string> {
    return this.engine.bind(address);
  }

  /** Stops listening on an address, as it was given or bound. The address is free at once; peers that came stay. */
  async unbind(address: string): Promise<void> {
    this.engine.unbind(address);
  }

  /**
   * Connects, now or when the other side is there, and again after each loss. Does nothing where it is connected already.
   *
   * @throws ZmtpError ZMTP_ADDRESS_INVALID, ZMTP_CLOSED
   */
  connect(address: string): void {
    this.engine.connect(address);
  }

  /** Ends a connection, after what is queued for it (`lingerMs`). Does nothing for an address that is not connected to. */
  disconnect(address: string): void {
    this.engine.disconnect(address);
  }

  /** What happens from now on, until the socket is closed. Whoever falls 1000 events behind loses the oldest. */
  events({ signal }: WaitOptions = {}): AsyncIterableIterator<MonitorEvent> {
    return this.engine.monitor.read(signal);
  }

  /** Lets the socket keep the process alive, as it does at first. */
  ref(): this {
    this.engine.ref(true);
    return this;
  }

  /** Does not let the socket keep the process alive, unless it has something to write. */
  unref(): this {
    this.engine.ref(false);
    return this;
  }

  /**
   * Ends: addresses are free at once, what is queued is sent for `lingerMs` at most, what was received and not taken is
   * given up, and whoever waits is told. Idempotent. Resolves when every connection is closed.
   */
  close(): Promise<void> {
    return this.engine.close();
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal */
  protected abstract onReady(peer: Peer): void;
  /** @internal */
  protected abstract onMessages(peer: Peer, batch: FrameBatch): void;
  /** @internal */
  protected abstract onGone(peer: Peer): void;
  /** @internal */
  protected abstract onClose(): void;
  /** @internal */
  protected onWritten(_peer: Peer): void {}
  /** @internal */
  protected onSubscription(_peer: Peer, _prefix: Buffer, _wanted: boolean): void {}
}

/**
 * The frames of a message.
 *
 * @throws ZmtpError ZMTP_MESSAGE for anything that is none
 */
export function toFrames(message: MessageLike): readonly Uint8Array[] {
  if (typeof message === "string") return [Buffer.from(message)];
  if (message instanceof Uint8Array) return [message];
  if (!Array.isArray(message) || message.length === 0) {
    throw new ZmtpError("ZMTP_MESSAGE", "a message is a text, bytes, or a list of at least one of these");
  }
  for (let n = 0; n < message.length; n++) if (!(message[n] instanceof Uint8Array)) return message.map(toFrame);
  return message;
}

function toFrame(frame: unknown): Uint8Array {
  if (typeof frame === "string") return Buffer.from(frame);
  if (frame instanceof Uint8Array) return frame;
  throw new ZmtpError("ZMTP_MESSAGE", `a frame is a text or bytes, found ${frame === null ? "null" : typeof frame}`);
}

/** The bytes of a topic or prefix. */
export function toBytes(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? Buffer.from(text) : text;
}
