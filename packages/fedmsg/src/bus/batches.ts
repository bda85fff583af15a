import type { Arrival } from "./arrival.ts";

/** What waits of a batch must be this part of it at least, or it gets memory of its own. */
const waitingPart = 0.25;

/**
 * Messages are views into what was read together, up to 64 KiB, and each keeps all of that in memory. Where few messages of each
 * batch are for somebody who is slow, what waits would take a thousand times its bytes: those are copied out, as soon as the next
 * batch begins.
 */
export class Batches {
  #buffer: ArrayBufferLike | undefined;
  #waiting: Arrival[] = [];
  #bytes = 0;

  /** One more message waits. */
  add(arrival: Arrival): void {
    if (arrival.buffer !== this.#buffer) {
      this.#finish();
      this.#buffer = arrival.buffer;
    }
    this.#bytes += arrival.bytes;
    if (this.#isEnough) this.#waiting = [];
    else this.#waiting.push(arrival);
  }

  /** Nothing waits any more. */
  clear(): void {
    this.#buffer = undefined;
    this.#waiting = [];
    this.#bytes = 0;
  }

  get #isEnough(): boolean {
    return this.#bytes >= (this.#buffer?.byteLength ?? 0) * waitingPart;
  }

  #finish(): void {
    if (!this.#isEnough) for (const arrival of this.#waiting) arrival.detach();
    this.clear();
  }
}
