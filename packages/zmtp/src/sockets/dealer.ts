import type { Peer } from "../engine/peer.ts";
import { RoundRobin } from "../engine/round-robin.ts";
import type { SocketOptions } from "../options.ts";
import { ReceivingSocket } from "./receiving.ts";
import { type MessageLike, toFrames, type WaitOptions } from "./socket.ts";

/** DEALER: sends to one peer after the other, receives from all (RFC 28). */
export class Dealer extends ReceivingSocket {
  readonly #out: RoundRobin;

  constructor(options: SocketOptions = {}) {
    super("DEALER", options);
    this.#out = new RoundRobin(this.engine);
  }

  /**
   * Sends to the next peer that has room; waits while there is none.
   *
   * @throws ZmtpError ZMTP_CLOSED, ZMTP_ABORTED (only while it waits), ZMTP_FULL, ZMTP_MESSAGE
   */
  async send(message: MessageLike, { signal }: WaitOptions = {}): Promise<void> {
    return this.#out.line.send(toFrames(message), signal);
  }

  /** As `send`, at once; or answers false: no peer has room. Throws ZMTP_CLOSED, ZMTP_MESSAGE. */
  trySend(message: MessageLike): boolean {
    return this.#out.line.try(toFrames(message));
  }

  /** @internal */
  protected override onReady(peer: Peer): void {
    this.#out.join(peer);
  }

  /** @internal */
  protected override onWritten(): void {
    this.#out.line.pump();
  }

  /** @internal */
  protected override onGone(peer: Peer): void {
    super.onGone(peer);
    this.#out.part(peer);
  }

  /** @internal */
  protected override onClose(): void {
    super.onClose();
    this.#out.line.close();
  }
}
