import type { FrameBatch } from "../codec/batch.ts";
import { type BatchHandler, Inbox, type Message } from "../engine/inbox.ts";
import type { Peer } from "../engine/peer.ts";
import { ZmtpError } from "../errors.ts";
import type { SocketOptions } from "../options.ts";
import { Socket, type SocketType, type WaitOptions } from "./socket.ts";

/**
 * A socket that receives. Messages wait in it, in the order in which they came, until they are taken: one by one, in
 * batches, or, by the handler of `onBatch`, where they lie.
 */
export abstract class ReceivingSocket extends Socket implements AsyncIterable<Message> {
  /** @internal */
  protected readonly inbox: Inbox;

  /** @internal */
  protected constructor(type: SocketType, options: SocketOptions) {
    super(type, options);
    this.inbox = new Inbox(this.engine);
  }

  /**
   * The next message.
   *
   * @throws ZmtpError ZMTP_CLOSED, ZMTP_ABORTED, ZMTP_STATE
   */
  receive({ signal }: WaitOptions = {}): Promise<Message> {
    return this.inbox.receive(signal);
  }

  /**
   * The next messages, as many as came together: at least one, at most `messagesMax`; none once the socket is closed.
   *
   * @throws ZmtpError ZMTP_ABORTED, ZMTP_STATE, ZMTP_OPTION
   */
  receiveBatch({
    signal,
    messagesMax = Number.POSITIVE_INFINITY,
  }: WaitOptions & { readonly messagesMax?: number | undefined } = {}): Promise<readonly Message[]> {
    if (!(messagesMax >= 1)) {
      return Promise.reject(
        new ZmtpError("ZMTP_OPTION", `messagesMax: found ${messagesMax}, expected a number from 1 on`),
      );
    }
    return this.inbox.take(messagesMax, signal);
  }

  /** Batches until the socket is closed. */
  async *batches(options: WaitOptions = {}): AsyncGenerator<readonly Message[], void, void> {
    for (;;) {
      const batch = await this.receiveBatch(options);
      if (batch.length === 0) return;
      yield batch;
    }
  }

  /** Messages until the socket is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, void> {
    for (;;) {
      const [message] = await this.receiveBatch({ messagesMax: 1 }); // Whoever leaves the loop leaves the others where they are.
      if (!message) return;
      yield message;
    }
  }

  /**
   * Gives everything that comes to a handler, where it lies, in the turn in which it was read. The batch and its frames are
   * good until the handler returns; what is to stay, or to be sent on, is copied by `batch.keep()`. While a promise that it returned is not
   * settled, nothing more is read from the peer that sent the batch. What it throws becomes an uncaught exception.
   *
   * @throws ZmtpError ZMTP_STATE where somebody waits for messages, or has set a handler
   */
  onBatch(handler: BatchHandler): void {
    this.inbox.handle(handler);
  }

  /** @internal */
  protected override onMessages(peer: Peer, batch: FrameBatch): void {
    this.inbox.deliver(peer, batch);
  }

  /** @internal */
  protected override onGone(peer: Peer): void {
    this.inbox.forget(peer);
  }

  /** @internal */
  protected override onClose(): void {
    this.inbox.close();
  }
}
