import type { FrameBatch } from "../codec/batch.ts";
import { Inbox, type Message } from "../engine/inbox.ts";
import type { Peer } from "../engine/peer.ts";
import { RoundRobin } from "../engine/round-robin.ts";
import { closedError, ZmtpError } from "../errors.ts";
import type { SocketOptions } from "../options.ts";
import { type MessageLike, Socket, toFrames, type WaitOptions } from "./socket.ts";

const delimiter = Buffer.alloc(0);

/**
 * REQ: sends a request to one peer after the other and receives its reply, in strict turns (RFC 28). On the wire an empty
 * frame comes first. When the peer that has the request goes away, `receive` says so (ZMTP_PEER_LOST), and the request may be
 * sent again; libzmq's would wait for ever.
 */
export class Request extends Socket {
  readonly #out: RoundRobin;
  readonly #inbox: Inbox;
  #state: "idle" | "sending" | "waiting" = "idle";
  #server: Peer | undefined;
  #isReceiving = false;
  #lost = new AbortController();

  constructor(options: SocketOptions = {}) {
    super("REQ", options);
    this.#out = new RoundRobin(this.engine, (peer) => {
      this.#server = peer;
      this.#state = "waiting";
      this.#lost = new AbortController();
    });
    this.#inbox = new Inbox(this.engine);
  }

  /**
   * Sends to the next peer that has room; waits while there is none.
   *
   * @throws ZmtpError ZMTP_STATE (a reply is due), ZMTP_CLOSED, ZMTP_ABORTED (only while it waits), ZMTP_MESSAGE
   */
  async send(message: MessageLike, { signal }: WaitOptions = {}): Promise<void> {
    const frames = [delimiter, ...toFrames(message)];
    if (this.#state !== "idle") throw new ZmtpError("ZMTP_STATE", "the reply must be received before the next request");
    this.#state = "sending";
    try {
      await this.#out.line.send(frames, signal);
    } catch (error) {
      this.#state = "idle";
      throw error;
    }
  }

  /**
   * The reply.
   *
   * @throws ZmtpError ZMTP_STATE (nothing was asked), ZMTP_PEER_LOST, ZMTP_CLOSED, ZMTP_ABORTED
   */
  async receive({ signal }: WaitOptions = {}): Promise<Message> {
    if (this.closed) throw closedError();
    if (this.#state !== "waiting")
      throw new ZmtpError("ZMTP_STATE", "a request must be sent before its reply is received");
    if (this.#isReceiving) throw new ZmtpError("ZMTP_STATE", "somebody waits for the reply already");
    const lost = this.#lost.signal;
    this.#isReceiving = true;
    try {
      const reply = await this.#inbox.receive(signal ? AbortSignal.any([signal, lost]) : lost);
      this.#state = "idle";
      return reply;
    } catch (error) {
      if (!lost.aborted || this.closed) throw error;
      this.#state = "idle";
      throw new ZmtpError("ZMTP_PEER_LOST", "the peer that had the request is gone; send it again");
    } finally {
      this.#isReceiving = false;
    }
  }

  /** Sends a request and resolves to its reply. Throws what `send` and `receive` throw. */
  async ask(message: MessageLike, options?: WaitOptions): Promise<Message> {
    await this.send(message, options);
    return this.receive(options);
  }

  /** @internal */
  protected override onReady(peer: Peer): void {
    this.#out.join(peer);
  }

  /** The reply counts if it comes from the peer that was asked, is the first one, and has its empty frame. @internal */
  protected override onMessages(peer: Peer, batch: FrameBatch): void {
    for (const [first, ...frames] of batch) {
      if (peer !== this.#server || first?.length !== 0 || frames.length === 0) continue;
      this.#server = undefined;
      this.#inbox.push(
        frames.map((frame) => Buffer.from(frame)),
        peer,
      );
    }
  }

  /** @internal */
  protected override onWritten(): void {
    this.#out.line.pump();
  }

  /** @internal */
  protected override onGone(peer: Peer): void {
    this.#out.part(peer);
    this.#inbox.forget(peer);
    if (peer === this.#server) this.#lost.abort();
  }

  /** @internal */
  protected override onClose(): void {
    this.#out.line.close();
    this.#inbox.close();
  }
}
