/**
 * The middle of a test bus. Everybody publishes to it and subscribes to it, as to a relay; it takes a message, hands it to
 * whoever keeps note, and gives it to all subscribers, all within the publisher's `send`: what was published is there when
 * `publish` has resolved.
 */

import type { MemoryNetwork, PublishingPeer, SubscribingPeer } from "../transport/memory/network.ts";
import type { Frames } from "../transport/transport.ts";

const anyPort = "tcp://127.0.0.1:*";

/** See the top of the file. */
export class TestRelay {
  /** Where publishers connect. */
  readonly inbound: string;
  /** Where subscribers connect. */
  readonly outbound: string;
  readonly #network: MemoryNetwork;
  readonly #inlet: Inlet;
  readonly #outlet = new Outlet();

  /**
   * Listens on two addresses that nobody else in the network has.
   *
   * @param onMessage hears of each message before subscribers get it
   */
  constructor(network: MemoryNetwork, onMessage: (frames: Frames) => void) {
    this.#network = network;
    this.#inlet = new Inlet(this.#outlet, onMessage);
    this.inbound = network.listen(anyPort, this.#inlet);
    this.outbound = network.listen(anyPort, this.#outlet);
  }

  /** Lets go of everybody. Idempotent. */
  close(): void {
    this.#network.remove(this.#inlet);
    this.#network.remove(this.#outlet);
    for (const publisher of [...this.#inlet.peers]) publisher.part(this.#inlet);
    for (const subscriber of [...this.#outlet.peers]) this.#outlet.part(subscriber);
  }
}

class Inlet implements SubscribingPeer {
  readonly kind = "subscriber";
  readonly peers = new Set<PublishingPeer>();
  readonly #outlet: Outlet;
  readonly #onMessage: (frames: Frames) => void;

  constructor(outlet: Outlet, onMessage: (frames: Frames) => void) {
    this.#outlet = outlet;
    this.#onMessage = onMessage;
  }

  join(peer: PublishingPeer): void {
    this.peers.add(peer);
  }

  part(peer: PublishingPeer): void {
    this.peers.delete(peer);
  }

  covers(): boolean {
    return true;
  }

  wants(): boolean {
    return true;
  }

  /** Publishers wait for the slowest subscriber. */
  hasRoom(frames: Frames): boolean {
    return this.#outlet.hasRoom(frames);
  }

  take(frames: Frames): void {
    this.#onMessage(frames);
    this.#outlet.deliver(frames);
  }
}

class Outlet implements PublishingPeer {
  readonly kind = "publisher";
  readonly peers = new Set<SubscribingPeer>();

  join(peer: SubscribingPeer, address: string): void {
    this.peers.add(peer);
    peer.join(this, address);
  }

  part(peer: SubscribingPeer): void {
    if (this.peers.delete(peer)) peer.part(this);
  }

  hasRoom(frames: Frames): boolean {
    return [...this.peers].every((peer) => !peer.wants(frames) || peer.hasRoom(frames));
  }

  deliver(frames: Frames): void {
    for (const peer of this.peers) if (peer.wants(frames)) peer.take(frames);
  }
}
