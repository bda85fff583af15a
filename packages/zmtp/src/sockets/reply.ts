import type { FrameBatch } from "../codec/batch.ts";
import { Inbox, type Message } from "../engine/inbox.ts";
import type { Peer } from "../engine/peer.ts";
import { Registry } from "../engine/registry.ts";
import { sendTo } from "../engine/round-robin.ts";
import { closedError, ZmtpError } from "../errors.ts";
import type { SocketOptions } from "../options.ts";
import { type MessageLike, Socket, toFrames, type WaitOptions } from "./socket.ts";

/**
 * REP: receives a request and sends its reply, in strict turns (RFC 28). What stands before the first empty frame is the way
 * back: it is kept, and put before the reply. A request without an empty frame is dropped; so is the reply to a peer that is
 * gone.
 */
export class Reply extends Socket {
  readonly #inbox: Inbox;
  readonly #registry = new Registry();
  #state: "idle" | "receiving" | "replying" = "idle";
  /** The peer's name, its way back, and the empty frame. */
  #envelope: Message = [];

  constructor(options: SocketOptions = {}) {
    super("REP", options);
    this.#inbox = new Inbox(this.engine);
  }

  /**
   * The next request.
   *
   * @throws ZmtpError ZMTP_STATE (a reply is due), ZMTP_CLOSED, ZMTP_ABORTED
   */
  async receive({ signal }: WaitOptions = {}): Promise<Message> {
    if (this.#state === "replying") throw new ZmtpError("ZMTP_STATE", "the reply must be sent before the next request");
    if (this.#state === "receiving") throw new ZmtpError("ZMTP_STATE", "somebody waits for the next request already");
    this.#state = "receiving";
    try {
      const request = await this.#inbox.receive(signal);
      const bodyAt = request.findIndex((frame, n) => n > 0 && frame.length === 0) + 1;
      this.#envelope = request.slice(0, bodyAt);
      this.#state = "replying";
      return request.slice(bodyAt);
    } catch (error) {
      this.#state = "idle";
      throw error;
    }
  }

  /**
   * Sends the reply.
   *
   * @throws ZmtpError ZMTP_STATE (nothing was asked), ZMTP_CLOSED, ZMTP_MESSAGE
   */
  async send(message: MessageLike): Promise<void> {
    const frames = toFrames(message);
    if (this.closed) throw closedError();
    if (this.#state !== "replying")
      throw new ZmtpError("ZMTP_STATE", "a request must be received before its reply is sent");
    const [name, ...wayBack] = this.#envelope;
    this.#state = "idle";
    const peer = this.#registry.find(name as Buffer);
    if (peer) sendTo(this.engine, peer, [...wayBack, ...frames]);
    return this.engine.sent();
  }

  /** Requests until the socket is closed; each must be replied to before the next is asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, void> {
    while (!this.closed) {
      try {
        yield await this.receive();
      } catch (error) {
        if (error instanceof ZmtpError && error.code === "ZMTP_CLOSED") return;
        throw error;
      }
    }
  }

  /** @internal */
  protected override onReady(peer: Peer): void {
    this.#registry.addUnnamed(peer);
  }

  /** @internal */
  protected override onMessages(peer: Peer, batch: FrameBatch): void {
    const name = this.#registry.nameOf(peer);
    if (!name) return;
    batch.select((n) => hasWayBack(batch, n));
    batch.lead(name);
    this.#inbox.deliver(peer, batch);
  }

  /** @internal */
  protected override onGone(peer: Peer): void {
    this.#inbox.forget(peer);
    this.#registry.remove(peer);
  }

  /** @internal */
  protected override onClose(): void {
    this.#inbox.close();
  }
}

/** Whether there is an empty frame with something behind it. */
function hasWayBack(batch: FrameBatch, message: number): boolean {
  for (let frame = 0; frame < batch.frameCount(message) - 1; frame++) {
    if (batch.frameLength(message, frame) === 0) return true;
  }
  return false;
}
