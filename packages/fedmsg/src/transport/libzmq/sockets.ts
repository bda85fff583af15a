/** What publisher and subscriber on libzmq have in common: loading it, options, binding, and its errors. */

import type { Subscriber as ZmqSubscriber, XPublisher as ZmqXPublisher } from "zeromq";
import { FedmsgError } from "../../errors.ts";
import { formatAddress, parseAddress } from "../address.ts";
import { type SocketEvent, type SocketOptions, socketDefaults } from "../transport.ts";

type ZmqSocket = ZmqSubscriber | ZmqXPublisher;

/**
 * libzmq bounds a queue by messages only, so a mark that stands for "no limit" must still be finite. 1,000 keeps the
 * memory of a receiver at a quarter of what 10,000 needs, and costs no speed.
 */
const unlimitedMark = 1000;

/** The mark that libzmq gets for `highWaterMark`. */
export function finiteMark(highWaterMark: number = socketDefaults.highWaterMark): number {
  return highWaterMark > 0 ? highWaterMark : unlimitedMark;
}

/** Options of the binding that both kinds of sockets take. */
export function commonOptions(options: SocketOptions) {
  const { keepAlive } = options;
  return {
    reconnectInterval: options.reconnectMs ?? socketDefaults.reconnectMs,
    reconnectMaxInterval: options.reconnectMaxMs ?? socketDefaults.reconnectMaxMs,
    ...(keepAlive && {
      tcpKeepalive: 1,
      tcpKeepaliveCount: keepAlive.count,
      tcpKeepaliveIdle: keepAlive.idleS,
      tcpKeepaliveInterval: keepAlive.intervalS,
    }),
  };
}

/** Binds a checked address and tells which one it became. */
export async function bindSocket(socket: ZmqSocket, address: string): Promise<string> {
  const parsed = parseAddress(address, "bind");
  if (parsed.scheme === "tcp" && parsed.host.includes(":")) socket.ipv6 = true;
  try {
    await socket.bind(formatAddress(parsed));
  } catch (cause) {
    throw bindError(address, cause);
  }
  return socket.lastEndpoint ?? address;
}

function bindError(address: string, cause: unknown): FedmsgError {
  const code = errorCode(cause);
  if (code === "EADDRINUSE") {
    return new FedmsgError("FEDMSG_ADDRESS_IN_USE", `${address} is in use by another socket`, { cause });
  }
  const found = code === "ENODEV" || code === "EADDRNOTAVAIL" ? "it is no address of this machine" : String(cause);
  return new FedmsgError("FEDMSG_TRANSPORT", `cannot listen on ${address}: ${found}`, { cause });
}

/** The errno name of an error of the binding's. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/**
 * Tells of connections. Each listener makes the binding watch the socket, which keeps the process alive; so this is for
 * sockets that do so anyway.
 */
export function forwardEvents(socket: ZmqSocket, onEvent: (event: SocketEvent) => void): void {
  socket.events.on("handshake", ({ address }) => onEvent({ type: "connected", address }));
  socket.events.on("disconnect", ({ address }) => onEvent({ type: "disconnected", address }));
}

/**
 * Closes a socket and waits until its addresses are free, so that they can be bound again at once. Rejected: `unbind`
 * before `close`; it ends the connections too, without what is still queued for them.
 */
export async function closeSocket(socket: ZmqSocket, bound: readonly string[]): Promise<void> {
  const left = new Set(bound);
  const freed = new Promise<void>((resolve) => {
    if (left.size === 0) return resolve();
    socket.events.on("close", ({ address }) => {
      if (left.delete(address) && left.size === 0) resolve();
    });
    socket.events.on("end", () => resolve()); // It comes last, whatever came before.
  });
  socket.close();
  await freed;
}
