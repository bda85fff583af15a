import { Subscriptions } from "../subscriptions.ts";
import {
  type Frames,
  framesByteLength,
  type SocketEvent,
  type SocketOptions,
  type Subscriber,
  socketDefaults,
} from "../transport.ts";
import type { MemoryNetwork, PublishingPeer, SubscribingPeer } from "./network.ts";

const batchMessages = 128;

/** A subscriber to publishers in the same process. */
export class MemorySubscriber implements Subscriber, SubscribingPeer {
  readonly kind = "subscriber";
  readonly #network: MemoryNetwork;
  readonly #options: Required<Pick<SocketOptions, "highWaterMark" | "queueBytesMax" | "messageBytesMax">>;
  readonly #onEvent: ((event: SocketEvent) => void) | undefined;
  readonly #subscriptions = new Subscriptions();
  readonly #publishers = new Map<PublishingPeer, string>();
  #queue: Frames[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(network: MemoryNetwork, options: SocketOptions) {
    this.#network = network;
    this.#onEvent = options.onEvent;
    this.#options = { ...socketDefaults, ...options };
  }

  async bind(address: string): Promise<string> {
    return this.#network.listen(address, this);
  }

  connect(address: string): void {
    this.#network.connect(address, this);
  }

  disconnect(address: string): void {
    this.#network.disconnect(address, this);
  }

  subscribe(prefix: string): void {
    this.#subscriptions.add(prefix);
  }

  unsubscribe(prefix: string): void {
    this.#subscriptions.remove(prefix);
  }

  async receive(): Promise<readonly Frames[]> {
    if (this.#queue.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#closed) return [];
    const batch = this.#queue.splice(0, batchMessages);
    for (const frames of batch) this.#bytes -= framesByteLength(frames);
    return batch;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#network.remove(this);
    for (const publisher of [...this.#publishers.keys()]) publisher.part(this);
    this.#wake?.();
  }

  /** Called by a publisher. */
  join(publisher: PublishingPeer, address: string): void {
    this.#publishers.set(publisher, address);
    this.#onEvent?.({ type: "connected", address });
  }

  /** Called by a publisher. */
  part(publisher: PublishingPeer): void {
    const address = this.#publishers.get(publisher);
    this.#publishers.delete(publisher);
    if (address !== undefined) this.#onEvent?.({ type: "disconnected", address });
  }

  covers(topic: string | undefined): boolean {
    return this.#subscriptions.covers(topic);
  }

  wants(frames: Frames): boolean {
    return this.#subscriptions.covers(frames[0] ?? "");
  }

  hasRoom(frames: Frames): boolean {
    const { highWaterMark, queueBytesMax } = this.#options;
    if (highWaterMark > 0 && this.#queue.length >= highWaterMark) return false;
    return this.#queue.length === 0 || this.#bytes + framesByteLength(frames) <= queueBytesMax;
  }

  take(frames: Frames): void {
    const size = framesByteLength(frames);
    if (size > this.#options.messageBytesMax) return;
    this.#queue.push(frames);
    this.#bytes += size;
    this.#wake?.();
    this.#wake = undefined;
  }
}
