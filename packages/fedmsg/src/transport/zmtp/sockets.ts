/** What publisher and subscriber have in common: options, events and errors in the words of the transport. */

import {
  defaultLimits,
  type MonitorEvent,
  type Socket,
  ZmtpError,
  type SocketOptions as ZmtpOptions,
} from "@fedmsg/zmtp";
import { FedmsgError, type FedmsgErrorCode } from "../../errors.ts";
import { parseAddress } from "../address.ts";
import { type SocketEvent, type SocketOptions, socketDefaults } from "../transport.ts";

/** What was received and not yet taken, of one peer: more than this waits at the sender, who knows what to do about it. */
const receiveBytesMax = 4 * 1024 * 1024;

/** The options of a socket. */
export function zmtpOptions(options: SocketOptions): ZmtpOptions {
  const all = { ...socketDefaults, ...options };
  const { highWaterMark, queueBytesMax, lingerMs, reconnectMs, reconnectMaxMs, messageBytesMax } = all;
  const { peersMax = defaultLimits.peersMax, subscriptionsMax = defaultLimits.subscriptionsMax } = options;
  return {
    sendMessagesMax: highWaterMark,
    receiveMessagesMax: highWaterMark,
    sendBytesMax: queueBytesMax,
    receiveBytesMax: Math.min(queueBytesMax, receiveBytesMax),
    lingerMs: lingerMs < 0 ? Number.POSITIVE_INFINITY : lingerMs,
    reconnectMs: Math.max(1, reconnectMs),
    reconnectMaxMs: Math.max(1, reconnectMaxMs),
    limits: { messageBytesMax, frameBytesMax: messageBytesMax, peersMax, subscriptionsMax },
    ...keepAliveOptions(options),
    onEvent: options.onEvent && createTeller(options.onEvent),
  };
}

/** Node sets neither the number of the kernel's probes nor the pause between them: PINGs do what they are for. */
function keepAliveOptions({ keepAlive }: SocketOptions): ZmtpOptions {
  if (!keepAlive) return {};
  const { count, idleS, intervalS } = keepAlive;
  const heartbeatMs = Math.max(1, intervalS) * 1000;
  return {
    keepAlive: { idleS: Math.max(1, idleS) },
    heartbeatMs,
    heartbeatTimeoutMs: Math.max(1, count) * heartbeatMs,
  };
}

/** Strangers that are refused are told of once in so many ms. */
const cutsMs = 1000;

/** Tells what sockets tell in the words of the transport. */
function createTeller(onEvent: (event: SocketEvent) => void): (event: MonitorEvent) => void {
  let cuts = 0;
  let cutsToldAt = Number.NEGATIVE_INFINITY;
  const tellCut = (address: string, detail: string) => {
    cuts++;
    const now = performance.now();
    if (now - cutsToldAt < cutsMs) return;
    onEvent({ type: "cut", address, detail, count: cuts });
    cuts = 0;
    cutsToldAt = now;
  };
  return (event) => {
    const { type, address } = event;
    if (type === "connected" || type === "disconnected") onEvent({ type, address });
    else if (type === "unresolved") onEvent({ type, address, detail: event.detail });
    else if (type === "dropped") onEvent({ type, address, count: event.count });
    else if (type === "cut") tellCut(address, `a peer was cut (${event.reason}): ${event.detail}`);
    else if (type === "refused") tellCut(address, `a peer refused us: ${event.detail}`);
    else if (type === "accept-failed") tellCut(address, `no connection can be accepted: ${event.detail}`);
  };
}

/** As long as a timer can be. */
const foreverMs = 0x7fffffff;

/** Keeps the process alive while somebody waits, instead of all the connections of a socket. */
export class Hold {
  readonly #timer = setInterval(() => {}, foreverMs).unref();
  #waits = 0;

  /** Keeps the process alive until the promise is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    if (this.#waits++ === 0) this.#timer.ref();
    try {
      return await promise;
    } finally {
      if (--this.#waits === 0) this.#timer.unref();
    }
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

/** Binds a checked address and tells which one it became. */
export async function bindSocket(socket: Socket, address: string): Promise<string> {
  parseAddress(address, "bind");
  try {
    return await socket.bind(address);
  } catch (error) {
    throw toFedmsgError(error);
  }
}

const codes: Partial<Record<string, FedmsgErrorCode>> = {
  ZMTP_ADDRESS_INVALID: "FEDMSG_ADDRESS_INVALID",
  ZMTP_ADDRESS_IN_USE: "FEDMSG_ADDRESS_IN_USE",
  ZMTP_CLOSED: "FEDMSG_CLOSED",
  ZMTP_ABORTED: "FEDMSG_ABORTED",
  ZMTP_FULL: "FEDMSG_QUEUE_FULL",
};

/** An error of the sockets, as one of ours. */
export function toFedmsgError(error: unknown): FedmsgError {
  if (!(error instanceof ZmtpError)) return FedmsgError.from(error);
  return new FedmsgError(codes[error.code] ?? "FEDMSG_TRANSPORT", error.message, { cause: error });
}
