/**
 * The ROUTER of a relay that confirms: besides what comes, it knows on which connection, and can end one. The public ROUTER
 * tells none of that, so this one stands on its inner hooks (as `ReplayRouter` does).
 */

import { type Batch, type PeerInfo, Router, type SocketOptions } from "@fedmsg/zmtp";

/** What is used of a connection. */
interface Connection {
  readonly info: PeerInfo | undefined;
  destroy(): void;
}

/** One connection, as whoever works on it knows it. */
export class ConfirmLine {
  readonly host: string;
  /** Whether it is over. */
  isGone = false;
  readonly #connection: Connection;
  readonly #send: (frames: readonly Uint8Array[]) => boolean;

  constructor(connection: Connection, name: Buffer, router: Router) {
    this.host = connection.info?.remote || "ipc";
    this.#connection = connection;
    this.#send = (frames) => !router.closed && router.trySend([name, ...frames]);
  }

  /** Sends, unless too much waits for it already: false. */
  send(frames: readonly Uint8Array[]): boolean {
    return this.isGone || this.#send(frames);
  }

  end(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#connection.destroy();
  }
}

/**
 * Takes what came on a line: messages whose first frame is the line's name, valid until it returns. While a promise that it
 * returned is not settled, nothing more is read from that line. Must not throw.
 */
export type LineHandler<L extends ConfirmLine> = (line: L, batch: Batch) => void | Promise<void>;

/** A ROUTER of lines. */
export class ConfirmRouter<L extends ConfirmLine> extends Router {
  readonly #lines = new Map<object, L>();
  #speaker: Connection | undefined;

  /** @param makeLine makes what stands for a connection */
  constructor(
    options: SocketOptions,
    makeLine: new (connection: Connection, name: Buffer, router: Router) => L,
    handler: LineHandler<L>,
  ) {
    super({ ...options, handover: true });
    this.onBatch((batch) => {
      const connection = this.#speaker;
      if (!connection || batch.length === 0) return;
      let line = this.#lines.get(connection);
      if (!line) {
        line = new makeLine(connection, Buffer.from(batch.frame(0, 0)), this);
        this.#lines.set(connection, line);
      }
      if (line.isGone) return;
      return handler(line, batch);
    });
  }

  /** @internal */
  protected override onMessages(peer: Connection, batch: Batch): void {
    this.#speaker = peer;
    super.onMessages(peer as never, batch);
    this.#speaker = undefined;
  }

  /** @internal */
  protected override onGone(peer: Connection): void {
    super.onGone(peer as never);
    const line = this.#lines.get(peer);
    if (line) line.isGone = true;
    this.#lines.delete(peer);
  }
}
