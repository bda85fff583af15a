import { type Attempt, SendQueue } from "../send-queue.ts";
import { waitUntil } from "../subscriptions.ts";
import type { Frames, Publisher, PublisherOptions, SocketEvent } from "../transport.ts";
import type { MemoryNetwork, PublishingPeer, SubscribingPeer } from "./network.ts";

/** A publisher that hands messages to subscribers in the same process. */
export class MemoryPublisher implements Publisher, PublishingPeer {
  readonly kind = "publisher";
  readonly #network: MemoryNetwork;
  readonly #queue: SendQueue;
  readonly #peers = new Map<SubscribingPeer, string>();
  readonly #onEvent: ((event: SocketEvent) => void) | undefined;
  readonly #addresses: string[] = [];
  #closing: Promise<void> | undefined;

  constructor(network: MemoryNetwork, options: PublisherOptions) {
    this.#network = network;
    this.#onEvent = options.onEvent;
    this.#queue = new SendQueue(
      {
        attempt: (frames) => this.#attempt(frames),
        sendLossy: (frames) => this.#deliver(frames),
        onDropped: (count) => this.#onEvent?.({ type: "dropped", address: this.#addresses.join(" "), count }),
        onWaiting: (ms) => this.#onEvent?.({ type: "waiting", address: this.#addresses.join(" "), ms }),
      },
      options,
    );
  }

  get dropped(): number {
    return this.#queue.dropped;
  }

  async bind(address: string): Promise<string> {
    const bound = this.#network.listen(address, this);
    this.#addresses.push(bound);
    return bound;
  }

  connect(address: string): void {
    this.#network.connect(address, this);
    this.#addresses.push(address);
  }

  disconnect(address: string): void {
    this.#network.disconnect(address, this);
    const at = this.#addresses.indexOf(address);
    if (at >= 0) this.#addresses.splice(at, 1);
  }

  /** Called by the network. */
  join(peer: SubscribingPeer, address: string): void {
    this.#peers.set(peer, address);
    peer.join(this, address);
    this.#onEvent?.({ type: "connected", address });
  }

  /** Called by the network. */
  part(peer: SubscribingPeer): void {
    const address = this.#peers.get(peer);
    if (address === undefined) return;
    this.#peers.delete(peer);
    peer.part(this);
    this.#onEvent?.({ type: "disconnected", address });
  }

  send(frames: Frames, signal?: AbortSignal): Promise<void> {
    return this.#queue.send(frames, signal);
  }

  subscribed(topic?: string, signal?: AbortSignal): Promise<void> {
    const condition = () => [...this.#peers.keys()].some((peer) => peer.covers(topic));
    return waitUntil(condition, () => this.#closing !== undefined, signal);
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
    this.#network.remove(this);
    for (const peer of [...this.#peers.keys()]) this.part(peer);
  }

  #attempt(frames: Frames): Attempt {
    const peers = [...this.#peers.keys()];
    if (!peers.some((peer) => peer.covers(undefined))) return "unsubscribed";
    if (peers.some((peer) => peer.wants(frames) && !peer.hasRoom(frames))) return "full";
    this.#deliver(frames);
    return "sent";
  }

  #deliver(frames: Frames): void {
    for (const peer of this.#peers.keys()) if (peer.wants(frames) && peer.hasRoom(frames)) peer.take(frames);
  }
}
