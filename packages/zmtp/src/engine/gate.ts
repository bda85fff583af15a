import type { Peer } from "./peer.ts";

/** Where connections that are new wait, while nothing may be read from them: not even their handshake. */
export class Gate {
  readonly #waiting = new Set<Peer>();
  #isShut = false;

  /** A connection is being opened. */
  enter(peer: Peer): void {
    if (!this.#isShut) return;
    this.#waiting.add(peer);
    peer.hold();
  }

  /** It is over. */
  leave(peer: Peer): void {
    this.#waiting.delete(peer);
  }

  shut(): void {
    this.#isShut = true;
  }

  /** Lets in whoever waits, and whoever comes. */
  open(): void {
    this.#isShut = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const peer of waiting) peer.unhold();
  }
}
