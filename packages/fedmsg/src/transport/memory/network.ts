/**
 * The places where sockets in memory meet: who listens where, and who would like to connect. Addresses are those of
 * TCP, so that a configuration works unchanged; ports of different networks have nothing to do with each other.
 */

import { FedmsgError } from "../../errors.ts";
import { formatAddress, parseAddress } from "../address.ts";
import type { Frames } from "../transport.ts";

/** What the network and subscribers see of a publisher. */
export interface PublishingPeer {
  readonly kind: "publisher";
  /** A subscriber is reachable through `address`. */
  join(peer: SubscribingPeer, address: string): void;
  part(peer: SubscribingPeer): void;
}

/** What the network and publishers see of a subscriber. */
export interface SubscribingPeer {
  readonly kind: "subscriber";
  /** A publisher is reachable through `address`. */
  join(peer: PublishingPeer, address: string): void;
  part(peer: PublishingPeer): void;
  /** Whether a subscription covers `topic`, or, without a topic, whether there is any. */
  covers(topic: string | undefined): boolean;
  /** Whether a message was subscribed to. */
  wants(frames: Frames): boolean;
  /** Whether a message can be queued. */
  hasRoom(frames: Frames): boolean;
  /** Queues a message. */
  take(frames: Frames): void;
}

type MemorySocket = PublishingPeer | SubscribingPeer;

/** The ports that a wildcard stands for: those that RFC 6335 §6 leaves to everybody. */
const wildcardPorts = { first: 49152, last: 65535 };

/** Sockets that can reach each other. */
export class MemoryNetwork {
  readonly #listening = new Map<string, MemorySocket>();
  /** Who wants to connect to an address, whether or not anybody listens there. */
  readonly #connecting = new Map<string, Set<MemorySocket>>();
  #nextPort = wildcardPorts.first;

  /** Lets a socket listen; resolves a wildcard port. Throws FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE. */
  listen(address: string, socket: MemorySocket): string {
    const parsed = parseAddress(address, "bind");
    const free = parsed.scheme === "tcp" && parsed.port === "*" ? { ...parsed, port: this.#freePort() } : parsed;
    const bound = formatAddress(free);
    const key = place(bound);
    if (this.#listening.has(key)) {
      throw new FedmsgError("FEDMSG_ADDRESS_IN_USE", `${address} is in use by another socket`);
    }
    this.#listening.set(key, socket);
    for (const peer of this.#connecting.get(key) ?? []) join(socket, peer, bound);
    return bound;
  }

  /** Connects a socket now or as soon as somebody listens. Throws FEDMSG_ADDRESS_INVALID. */
  connect(address: string, socket: MemorySocket): void {
    parseAddress(address, "connect");
    const key = place(address);
    const peers = this.#connecting.get(key) ?? new Set();
    if (peers.has(socket)) return;
    this.#connecting.set(key, peers.add(socket));
    const listener = this.#listening.get(key);
    if (listener) join(listener, socket, address);
  }

  /** Takes a connection back. */
  disconnect(address: string, socket: MemorySocket): void {
    const key = place(address);
    if (!this.#connecting.get(key)?.delete(socket)) return;
    const listener = this.#listening.get(key);
    if (listener) part(listener, socket);
  }

  /** The next port that nobody listens on; where all are taken, one that is. */
  #freePort(): number {
    const { first, last } = wildcardPorts;
    for (let port = first; port <= last; port++) {
      const candidate = this.#nextPort;
      this.#nextPort = candidate < last ? candidate + 1 : first;
      if (!this.#listening.has(String(candidate))) return candidate;
    }
    return this.#nextPort;
  }

  /** Forgets a socket that was closed. */
  remove(socket: MemorySocket): void {
    for (const [key, listener] of this.#listening) if (listener === socket) this.#listening.delete(key);
    for (const peers of this.#connecting.values()) peers.delete(socket);
  }
}

/** Every host of a network in memory is the same machine: only the port, or the path, tells places apart. */
function place(address: string): string {
  const parsed = parseAddress(address, "bind");
  return parsed.scheme === "ipc" ? parsed.path : String(parsed.port);
}

function join(one: MemorySocket, other: MemorySocket, address: string): void {
  if (one.kind === "publisher" && other.kind === "subscriber") one.join(other, address);
  else if (other.kind === "publisher" && one.kind === "subscriber") other.join(one, address);
  // Two sockets of the same kind have nothing to say to each other, as in ZeroMQ.
}

function part(one: MemorySocket, other: MemorySocket): void {
  if (one.kind === "publisher" && other.kind === "subscriber") one.part(other);
  else if (other.kind === "publisher" && one.kind === "subscriber") other.part(one);
}
