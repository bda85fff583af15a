import type { FrameBatch } from "../codec/batch.ts";
import type { Peer } from "../engine/peer.ts";
import { Registry } from "../engine/registry.ts";
import { sendTo } from "../engine/round-robin.ts";
import { ZmtpError } from "../errors.ts";
import type { SocketOptions } from "../options.ts";
import { ReceivingSocket } from "./receiving.ts";
import { type MessageLike, toFrames } from "./socket.ts";

/** Options of a {@link Router}. */
export interface RouterOptions extends SocketOptions {
  /** Sending to a peer that is not there, or that is full, is an error; else the message is dropped. Default false. */
  readonly mandatory?: boolean | undefined;
  /** A second peer of the same identity takes its place; else it is refused. Default false. */
  readonly handover?: boolean | undefined;
}

/**
 * ROUTER: the first frame of each message is the peer's identity: whom it came from, whom it goes to (RFC 28). A peer without
 * one gets five bytes, the first of them 0.
 */
export class Router extends ReceivingSocket {
  readonly #registry = new Registry();
  readonly #mandatory: boolean;
  readonly #handover: boolean;
  #dropped = 0;

  constructor(options: RouterOptions = {}) {
    super("ROUTER", options);
    this.#mandatory = options.mandatory ?? false;
    this.#handover = options.handover ?? false;
  }

  /** Messages for peers that were not there, or full. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Sends to the peer that the first frame names.
   *
   * @throws ZmtpError ZMTP_CLOSED, ZMTP_MESSAGE, ZMTP_UNROUTABLE (with `mandatory`)
   */
  async send(message: MessageLike): Promise<void> {
    if (this.trySend(message)) return this.engine.sent();
    if (this.#mandatory) throw new ZmtpError("ZMTP_UNROUTABLE", "no peer of this identity is there with room");
    this.#dropped++;
    return this.engine.sent();
  }

  /** As `send`, at once; answers false where the peer is not there, or full. Throws ZMTP_CLOSED, ZMTP_MESSAGE. */
  trySend(message: MessageLike): boolean {
    const [identity, ...frames] = toFrames(message);
    if (this.closed) throw new ZmtpError("ZMTP_CLOSED", "the socket is closed");
    if (frames.length === 0)
      throw new ZmtpError("ZMTP_MESSAGE", "a ROUTER sends an identity and at least one frame more");
    const peer = this.#registry.find(identity as Uint8Array);
    return peer !== undefined && sendTo(this.engine, peer, frames);
  }

  /** @internal */
  protected override onReady(peer: Peer): void {
    if (this.#registry.add(peer, this.#handover)) return;
    peer.cut("identity-taken", `another peer is called ${JSON.stringify(peer.info?.identity.toString("latin1"))}`);
  }

  /** @internal */
  protected override onMessages(peer: Peer, batch: FrameBatch): void {
    const name = this.#registry.nameOf(peer);
    if (!name) return;
    batch.lead(name);
    super.onMessages(peer, batch);
  }

  /** @internal */
  protected override onGone(peer: Peer): void {
    super.onGone(peer);
    this.#registry.remove(peer);
  }
}
