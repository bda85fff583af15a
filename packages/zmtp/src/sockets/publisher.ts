import type { FrameBatch } from "../codec/batch.ts";
import { FanOut } from "../engine/fan-out.ts";
import type { Peer } from "../engine/peer.ts";
import type { SocketOptions } from "../options.ts";
import { type MessageLike, Socket, toBytes, toFrames, type WaitOptions } from "./socket.ts";

/** PUB: sends to whoever subscribed (RFC 29). */
export class Publisher extends Socket {
  readonly #out: FanOut;

  constructor(options: SocketOptions = {}) {
    super("PUB", options);
    this.#out = new FanOut(this.engine, () => {});
  }

  /**
   * Sends a message to every peer that subscribed to a prefix of its first frame; resolves when it is queued for all of
   * them, which a full one may delay (`stallMs`). Frames must not be changed afterwards. What nobody wants is gone.
   *
   * @throws ZmtpError ZMTP_CLOSED, ZMTP_ABORTED (only while it waits), ZMTP_FULL, ZMTP_MESSAGE
   */
  async send(message: MessageLike, { signal }: WaitOptions = {}): Promise<void> {
    return this.#out.line.send(toFrames(message), signal);
  }

  /** As `send`, at once; or answers false: a full peer holds it up. Throws ZMTP_CLOSED, ZMTP_MESSAGE. */
  trySend(message: MessageLike): boolean {
    return this.#out.line.try(toFrames(message));
  }

  /** Whether some peer subscribed to a prefix of `topic`; without a topic, to anything. */
  covers(topic?: string | Uint8Array): boolean {
    return this.#out.covers(topic === undefined ? undefined : toBytes(topic));
  }

  /** Resolves when {@link covers}. Throws ZMTP_CLOSED, ZMTP_ABORTED. */
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
    this.#out.part(peer);
  }

  /** @internal */
  protected override onClose(): void {
    this.#out.close();
  }
}

/** Takes the subscriptions that a peer sent as messages (ZMTP 3.0, RFC 23). */
export function takeSubscriptions(out: FanOut, peer: Peer, batch: FrameBatch): void {
  for (let n = 0; n < batch.length; n++) {
    if (!isSubscription(batch, n)) continue;
    if (!peer.countCommand()) return;
    const frame = batch.frame(n, 0);
    out.subscribe(peer, frame.subarray(1), frame[0] === 1);
  }
}

/** Whether a message is one frame that begins with 00 or 01. */
export function isSubscription(batch: FrameBatch, message: number): boolean {
  if (batch.frameCount(message) !== 1) return false;
  const [first] = batch.frame(message, 0);
  return first === 0 || first === 1;
}
