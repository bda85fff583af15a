import type { Peer } from "../engine/peer.ts";
import { sendTo } from "../engine/round-robin.ts";
import { Wishes } from "../engine/wishes.ts";
import { ZmtpError } from "../errors.ts";
import type { SocketOptions } from "../options.ts";
import { ReceivingSocket } from "./receiving.ts";
import { type MessageLike, toFrames } from "./socket.ts";

/** XSUB: subscribes by sending messages of one frame, 01 or 00, then the prefix; other messages go to every XPUB (RFC 29). */
export class XSubscriber extends ReceivingSocket {
  readonly #wishes: Wishes;

  constructor(options: SocketOptions = {}) {
    super("XSUB", options);
    this.#wishes = new Wishes(this.engine);
  }

  /** Subscribes, cancels, or sends to every peer that has room. Throws ZMTP_CLOSED, ZMTP_MESSAGE. */
  async send(message: MessageLike): Promise<void> {
    this.trySend(message);
    return this.engine.sent();
  }

  /** As `send`. What a full peer has no room for, it does not get: never false. */
  trySend(message: MessageLike): boolean {
    const frames = toFrames(message);
    if (this.closed) throw new ZmtpError("ZMTP_CLOSED", "the socket is closed");
    const [frame] = frames as readonly [Uint8Array];
    if (frames.length === 1 && frame[0] === 1) this.#wishes.add(frame.subarray(1));
    else if (frames.length === 1 && frame[0] === 0) this.#wishes.remove(frame.subarray(1));
    else for (const peer of this.#wishes.peers) sendTo(this.engine, peer, frames);
    return true;
  }

  /** @internal */
  protected override onReady(peer: Peer): void {
    this.#wishes.join(peer);
  }

  /** @internal */
  protected override onGone(peer: Peer): void {
    super.onGone(peer);
    this.#wishes.part(peer);
  }
}
