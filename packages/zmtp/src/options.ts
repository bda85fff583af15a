import { ZmtpError } from "./errors.ts";
import type { MonitorEvent } from "./events.ts";

/** What peers may cost, whoever they are. A peer over a limit is cut, and a `cut` event says why. */
export interface Limits {
  /** Bytes of a received frame. Default 64 MiB. */
  readonly frameBytesMax: number;
  /** Bytes of all frames of a received message. Default 64 MiB. */
  readonly messageBytesMax: number;
  /** Frames of a received message. Default 1024. */
  readonly framesMax: number;
  /** Prefixes that one peer may subscribe to. Default 100,000. */
  readonly subscriptionsMax: number;
  /** Bytes of such a prefix. Default 4096. */
  readonly subscriptionBytesMax: number;
  /** Peers that came to a bound address, whose handshake is done or not. Default 10,000. */
  readonly peersMax: number;
  /** Of these, with a handshake that is not done. Default 1000. */
  readonly handshakesMax: number;
  /**
   * Commands and subscriptions that a peer may send in a second on average. Default 10,000. A burst of `subscriptionsMax`
   * and 10,000 more is allowed: a peer that comes back subscribes to everything at once.
   */
  readonly commandsPerSecondMax: number;
}

/** Options of every socket. */
export interface SocketOptions {
  /** What a ROUTER at the other side knows this socket by; at most 255 bytes, not beginning with 0. Default: none. */
  readonly identity?: string | Uint8Array | undefined;
  /** Messages queued for a peer before it counts as full. 0 (default) lifts this bound, not the one in bytes. */
  readonly sendMessagesMax?: number | undefined;
  /** Bytes queued for a peer before it counts as full; one message always fits. Default 64 MiB. */
  readonly sendBytesMax?: number | undefined;
  /** As `receiveBytesMax`, in messages. 0 (default) lifts this bound. */
  readonly receiveMessagesMax?: number | undefined;
  /**
   * Bytes received from a peer and not yet taken, before reading from it pauses. Default 16 MiB. What peers that are gone have
   * left may be four times as much, together, before reading from new ones pauses, their handshakes included.
   */
  readonly receiveBytesMax?: number | undefined;
  /**
   * PUB and XPUB: how long a peer that takes less than a sixteenth of its queue may hold up the sender, in ms, before nobody
   * waits for it any more: then its queue fills up, and it alone loses what does not fit, until its queue is empty again.
   * Default 1000. 0: nobody is ever waited for, as in libzmq. `Infinity`: nobody loses anything, everybody waits.
   */
  readonly stallMs?: number | undefined;
  /**
   * How long `close()` goes on sending what is queued, in ms; again as long for a peer that took a sixteenth of its queue
   * meanwhile. Default 1000.
   */
  readonly lingerMs?: number | undefined;
  /** First pause before a connection is tried again, in ms; pauses double. Default 100. */
  readonly reconnectMs?: number | undefined;
  /** Longest such pause, in ms. Default 5000. */
  readonly reconnectMaxMs?: number | undefined;
  /** By which part pauses vary, up and down, from 0 to 1. Default 0.25. */
  readonly reconnectJitter?: number | undefined;
  /** How long connecting and the handshake may take, in ms. Default 10,000. */
  readonly handshakeMs?: number | undefined;
  /** Pause between PINGs, in ms. 0 (default): none are sent. */
  readonly heartbeatMs?: number | undefined;
  /** Silence after a PING until the connection counts as lost, in ms. Default: `heartbeatMs`. */
  readonly heartbeatTimeoutMs?: number | undefined;
  /** Silence after which the peer shall take the connection for lost, in ms, told with each PING. Default 0: no such wish. */
  readonly heartbeatTtlMs?: number | undefined;
  /** TCP keep-alive, after so many seconds of silence. Default: off. Node sets neither count nor interval of the probes. */
  readonly keepAlive?: { readonly idleS: number } | false | undefined;
  /** Connections that wait to be accepted. Default 511. */
  readonly backlog?: number | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Hears of connections and losses, at once. Must not throw. */
  readonly onEvent?: ((event: MonitorEvent) => void) | undefined;
  /** Closes the socket. */
  readonly signal?: AbortSignal | undefined;
}

/** Options with their defaults filled in. */
export interface Settings {
  readonly identity: Buffer;
  readonly sendMessagesMax: number;
  readonly sendBytesMax: number;
  readonly receiveMessagesMax: number;
  readonly receiveBytesMax: number;
  readonly stallMs: number;
  readonly lingerMs: number;
  readonly reconnectMs: number;
  readonly reconnectMaxMs: number;
  readonly reconnectJitter: number;
  readonly handshakeMs: number;
  readonly heartbeatMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly heartbeatTtlMs: number;
  readonly keepAlive: { readonly idleS: number } | false;
  readonly backlog: number;
  readonly limits: Limits;
}

const mebibyte = 1024 * 1024;

/** Defaults of {@link Limits}. */
export const defaultLimits: Limits = {
  frameBytesMax: 64 * mebibyte,
  messageBytesMax: 64 * mebibyte,
  framesMax: 1024,
  subscriptionsMax: 100_000,
  subscriptionBytesMax: 4096,
  peersMax: 10_000,
  handshakesMax: 1000,
  commandsPerSecondMax: 10_000,
};

/** The longest time that a timer can be set to. */
export const timerMsMax = 0x7fffffff;

const ranges = {
  sendMessagesMax: [0, 0],
  sendBytesMax: [64 * mebibyte, 1],
  receiveMessagesMax: [0, 0],
  receiveBytesMax: [16 * mebibyte, 1],
  stallMs: [1000, 0],
  lingerMs: [1000, 0],
  reconnectMs: [100, 1],
  reconnectMaxMs: [5000, 1],
  reconnectJitter: [0.25, 0],
  handshakeMs: [10_000, 1],
  heartbeatMs: [0, 0],
  heartbeatTimeoutMs: [0, 0],
  heartbeatTtlMs: [0, 0],
  backlog: [511, 1],
} as const;

/**
 * Checks options and fills in what is not given.
 *
 * @throws ZmtpError ZMTP_OPTION naming the option, what was found and what is allowed
 */
export function resolveOptions(options: SocketOptions): Settings {
  const numbers = {} as Record<keyof typeof ranges, number>;
  for (const [name, [fallback, least]] of Object.entries(ranges)) {
    const value = options[name as keyof typeof ranges] ?? fallback;
    checkNumber(name, value, least);
    // A timer of Node's that is longer ends at once.
    numbers[name as keyof typeof ranges] =
      name.endsWith("Ms") && Number.isFinite(value) ? Math.min(value, timerMsMax) : value;
  }
  if (numbers.reconnectJitter > 1) throw outOfRange("reconnectJitter", numbers.reconnectJitter, "from 0 to 1");
  const limits = { ...defaultLimits };
  for (const [name, value] of Object.entries(options.limits ?? {})) {
    if (!Object.hasOwn(limits, name)) throw new ZmtpError("ZMTP_OPTION", `limits.${name}: there is no such limit`);
    if (value === undefined) continue;
    checkNumber(`limits.${name}`, value, 1);
    limits[name as keyof Limits] = value;
  }
  return {
    ...numbers,
    reconnectMaxMs: Math.max(numbers.reconnectMs, numbers.reconnectMaxMs),
    heartbeatTimeoutMs: numbers.heartbeatTimeoutMs || numbers.heartbeatMs,
    identity: toIdentity(options.identity),
    keepAlive: options.keepAlive ?? false,
    limits,
  };
}

function checkNumber(name: string, value: unknown, least: number): void {
  if (typeof value !== "number" || !(value >= least)) throw outOfRange(name, value, `a number from ${least} on`);
}

function outOfRange(name: string, value: unknown, expected: string): ZmtpError {
  return new ZmtpError("ZMTP_OPTION", `${name}: found ${String(value)}, expected ${expected}`);
}

function toIdentity(identity: string | Uint8Array | undefined): Buffer {
  const bytes = typeof identity === "string" ? Buffer.from(identity) : Buffer.from(identity ?? []);
  if (bytes.length > 255 || bytes[0] === 0) {
    throw outOfRange("identity", bytes.toString("hex"), "at most 255 bytes, not beginning with 0");
  }
  return bytes;
}
