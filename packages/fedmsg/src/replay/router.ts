/**
 * The ROUTER of a replay server: besides what comes, it knows who said it, what waits for whom, and ends those who do not take
 * what they asked for. The public ROUTER tells none of that, so this one stands on its inner hooks, and nothing else here does.
 *
 * One answer at a time is queued for a peer: its next query waits until the last answer was taken. Answers of all peers
 * together are bounded: when one more would not fit, the peers that took nothing for the longest time are ended.
 */

import { type Batch, type PeerInfo, Router, type SocketOptions } from "@fedmsg/zmtp";

/** What is used of a connection. */
interface Connection {
  readonly info: PeerInfo | undefined;
  readonly outbox: { readonly bytes: number; readonly sentBytes: number };
  destroy(): void;
}

/** Who asks: one connection. */
export interface Asker {
  /** Its host, or for ipc a name of its own. */
  readonly host: string;
  /** Whether the connection is over. */
  readonly gone: boolean;
  /** Resolves when nothing waits for it any more; true unless it is gone. */
  ready(): Promise<boolean>;
  /** Sends, unless it is gone. */
  send(frames: readonly Uint8Array[]): boolean;
}

/** Hears of what comes from one peer at one time; until the promise is settled, nothing more is read from it. */
export type AskerHandler = (asker: Asker, messages: readonly (readonly Buffer[])[]) => Promise<void>;

/** A ROUTER that bounds what waits to be sent. */
export class ReplayRouter extends Router {
  readonly #unsentBytesMax: number;
  readonly #stallMs: number;
  readonly #onStalled: (host: string) => void;
  readonly #askers = new Map<object, ConnectedAsker>();
  readonly #watch: NodeJS.Timeout;
  #speaker: Connection | undefined;
  #next = 0;

  constructor(
    options: SocketOptions & {
      readonly unsentBytesMax: number;
      readonly stallMs: number;
      readonly onStalled: (host: string) => void;
    },
  ) {
    super({ ...options, handover: true });
    this.#unsentBytesMax = options.unsentBytesMax;
    this.#stallMs = options.stallMs;
    this.#onStalled = options.onStalled;
    this.#watch = setInterval(() => this.#cutStalled(), options.stallMs / 4).unref();
  }

  /** Bytes that wait to be sent, to all peers. */
  get unsentBytes(): number {
    let bytes = 0;
    for (const asker of this.#askers.values()) bytes += asker.unsentBytes;
    return bytes;
  }

  /** Gives everything that comes to a handler. It must not reject. */
  onAsked(handler: AskerHandler): void {
    this.onBatch((batch) => {
      const connection = this.#speaker;
      if (!connection || batch.length === 0) return;
      const messages = batch.keep();
      let asker = this.#askers.get(connection);
      if (!asker) {
        const name = Buffer.from(messages[0]?.[0] as Buffer);
        const host = connection.info?.remote.replace(/:\d+$/, "") || `ipc ${this.#next++}`;
        asker = new ConnectedAsker(connection, host, (frames) => this.#answer(name, frames));
        this.#askers.set(connection, asker);
      }
      const [to, all] = [asker, messages];
      asker.turn = asker.turn.then(() => handler(to, all));
      return asker.turn;
    });
  }

  #answer(name: Buffer, frames: readonly Uint8Array[]): boolean {
    let bytes = 0;
    for (const frame of frames) bytes += frame.byteLength;
    this.#makeRoom(bytes);
    return !this.closed && this.trySend([name, ...frames]);
  }

  #makeRoom(bytes: number): void {
    let excess = this.unsentBytes + bytes - this.#unsentBytesMax;
    if (excess <= 0) return;
    const waiting = [...this.#askers.values()].filter(({ unsentBytes }) => unsentBytes > 0);
    for (const asker of waiting.sort((a, b) => a.movedAt - b.movedAt)) {
      if (excess <= 0) return;
      excess -= asker.unsentBytes;
      this.#cut(asker);
    }
  }

  #cutStalled(): void {
    const since = performance.now() - this.#stallMs;
    for (const asker of this.#askers.values()) if (asker.unsentBytes > 0 && asker.movedAt < since) this.#cut(asker);
  }

  #cut(asker: ConnectedAsker): void {
    asker.end(); // The connection says so only later; what waits for it counts no more.
    asker.connection.destroy();
    this.#onStalled(asker.host);
  }

  override close(): Promise<void> {
    clearInterval(this.#watch);
    return super.close();
  }

  /** @internal */
  protected override onMessages(peer: Connection, batch: Batch): void {
    this.#speaker = peer;
    super.onMessages(peer as never, batch);
    this.#speaker = undefined;
  }

  /** @internal */
  protected override onWritten(peer: Connection): void {
    super.onWritten(peer as never);
    this.#askers.get(peer)?.moved();
  }

  /** @internal */
  protected override onGone(peer: Connection): void {
    super.onGone(peer as never);
    this.#askers.get(peer)?.end();
    this.#askers.delete(peer);
  }
}

class ConnectedAsker implements Asker {
  readonly connection: Connection;
  readonly host: string;
  /** When it last took something of what waits, or nothing waited. */
  movedAt = performance.now();
  gone = false;
  /** Settled when all that came from it is handled. */
  turn: Promise<void> = Promise.resolve();
  readonly #send: (frames: readonly Uint8Array[]) => boolean;
  #waiting: (() => void)[] = [];

  constructor(connection: Connection, host: string, send: (frames: readonly Uint8Array[]) => boolean) {
    this.connection = connection;
    this.host = host;
    this.#send = send;
  }

  get unsentBytes(): number {
    return this.gone ? 0 : this.connection.outbox.bytes;
  }

  async ready(): Promise<boolean> {
    while (!this.gone && this.unsentBytes > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return !this.gone;
  }

  send(frames: readonly Uint8Array[]): boolean {
    if (this.gone) return false;
    if (this.unsentBytes === 0) this.movedAt = performance.now();
    return this.#send(frames);
  }

  moved(): void {
    this.movedAt = performance.now();
    this.#wake();
  }

  end(): void {
    this.gone = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
