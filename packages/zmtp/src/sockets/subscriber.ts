import type { FrameBatch } from "../codec/batch.ts";
import type { Peer } from "../engine/peer.ts";
import { Wishes } from "../engine/wishes.ts";
import type { SocketOptions } from "../options.ts";
import { ReceivingSocket } from "./receiving.ts";
import { toBytes } from "./socket.ts";

/** SUB: receives what it subscribed to (RFC 29). */
export class Subscriber extends ReceivingSocket {
  readonly #wishes: Wishes;

  constructor(options: SocketOptions = {}) {
    super("SUB", options);
    this.#wishes = new Wishes(this.engine);
  }

  /** Asks for messages whose first frame begins with one of these; nothing means everything. */
  subscribe(...prefixes: readonly (string | Uint8Array)[]): void {
    for (const prefix of prefixes.length === 0 ? [""] : prefixes) this.#wishes.add(toBytes(prefix));
  }

  /** Takes one `subscribe` back for each. */
  unsubscribe(...prefixes: readonly (string | Uint8Array)[]): void {
    for (const prefix of prefixes.length === 0 ? [""] : prefixes) this.#wishes.remove(toBytes(prefix));
  }

  /** @internal */
  protected override onReady(peer: Peer): void {
    this.#wishes.join(peer);
  }

  /** What was on its way when it was cancelled is left out, as `xsub.cpp` does. @internal */
  protected override onMessages(peer: Peer, batch: FrameBatch): void {
    if (!this.#wishes.wantsAll) batch.filter(this.#wishes.wants);
    super.onMessages(peer, batch);
  }

  /** @internal */
  protected override onGone(peer: Peer): void {
    super.onGone(peer);
    this.#wishes.part(peer);
  }
}
