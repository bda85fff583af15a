import type { FrameBatch } from "../codec/batch.ts";
import { FanOut } from "../engine/fan-out.ts";
import type { Peer } from "../engine/peer.ts";
import type { SocketOptions } from "../options.ts";
import { isSubscription, takeSubscriptions } from "./publisher.ts";
import { ReceivingSocket } from "./receiving.ts";
import { type MessageLike, toBytes, toFrames, type WaitOptions } from "./socket.ts";

/** Options of an {@link XPublisher}. */
export interface XPublisherOptions extends SocketOptions {
  /** Tell every subscription, not only the first and the last to a prefix. Default false. */
  readonly verbose?: boolean | undefined;
}

/**
 * XPUB: a PUB that receives what its subscribers ask for, as messages of one frame: 01 or 00, then the prefix. Other messages
 * of an XSUB are received as they are (RFC 29).
 */
export class XPublisher extends ReceivingSocket {
  readonly #out: FanOut;

  constructor(options: XPublisherOptions = {}) {
    super("XPUB", options);
    const { verbose = false } = options;
    this.#out = new FanOut(this.engine, (peer, prefix, wanted, isChange) => {
      if (isChange || verbose) this.inbox.push([Buffer.concat([Buffer.of(wanted ? 1 : 0), prefix])], peer);
    });
  }

  /** As {@link Publisher.send}. */
  async send(message: MessageLike, { signal }: WaitOptions = {}): Promise<void> {
    return this.#out.line.send(toFrames(message), signal);
  }

  /** As {@link Publisher.trySend}. */
  trySend(message: MessageLike): boolean {
    return this.#out.line.try(toFrames(message));
  }

  /** As {@link Publisher.covers}. */
  covers(topic?: string | Uint8Array): boolean {
    return this.#out.covers(topic === undefined ? undefined : toBytes(topic));
  }

  /** As {@link Publisher.subscribed}. */
  subscribed(topic?: string | Uint8Array, { signal }: WaitOptions = {}): Promise<void> {
    return this.#out.subscribed(topic === undefined ? undefined : toBytes(topic), signal);
  }

  /** Resolves when a full peer has taken something, or is passed over from now on: when `trySend` may succeed again. */
  room(): Promise<void> {
    return this.#out.line.changed();
  }

  /** Messages that some full peer lost, in all. */
  get dropped(): number {
    return this.#out.dropped;
  }

  /** @internal */
  protected override onReady(peer: Peer): void {
    this.#out.join(peer);
  }

  /** @internal */
  protected override onMessages(peer: Peer, batch: FrameBatch): void {
    takeSubscriptions(this.#out, peer, batch);
    batch.select((n) => !isSubscription(batch, n));
    super.onMessages(peer, batch);
  }

  /** @internal */
  protected override onSubscription(peer: Peer, prefix: Buffer, wanted: boolean): void {
    this.#out.subscribe(peer, prefix, wanted);
  }

  /** @internal */
  protected override onWritten(peer: Peer): void {
    this.#out.written(peer);
  }

  /** @internal */
  protected override onGone(peer: Peer): void {
    this.#out.part(peer); // What it cancels so is the last that it leaves.
    super.onGone(peer);
  }

  /** @internal */
  protected override onClose(): void {
    super.onClose();
    this.#out.close();
  }
}
