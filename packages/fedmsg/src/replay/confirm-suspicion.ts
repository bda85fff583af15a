/**
 * Finds the message for which a relay ends the connection, such as one that is larger than its sockets take: it has no answer, and
 * everything behind it would wait with it for ever.
 *
 * ```
 * all together ──▶ ended twice without an answer ──▶ one at a time ──▶ ended five times for the same one ──▶ a probe
 *      ▲                                                │    ▲                                                 │
 *      └──── those that were on their way are answered ─┘    ├── no answer: it is the relay, nothing is lost ──┤
 *                                                            └── an answer: that message is refused ───────────┘
 * ```
 *
 * Nothing is given up lightly: only a large message, only where the connections ended as soon as it was sent, and only where the
 * relay answers something else. A small one that a relay ends connections for is told of and tried on.
 */

import type { Outgoing } from "./confirm-window.ts";
import { outstandingMax } from "./confirm-wire.ts";

/** Connections that end without an answer until messages go one at a time. */
const cutsMax = 2;
/** Connections that end for one message until the relay is asked whether it answers at all. */
const lonelyCutsMax = 5;
/** Smaller messages are not the reason, in bytes. */
const largeBytes = 64 * 1024;
/** A socket that does not take a message ends the connection as soon as it knows the size, in ms. */
const quickMs = 2000;

/** See the top of the file. */
export class Suspicion {
  #cuts = 0;
  /** Messages that go one at a time. */
  #lonely = 0;
  #suspect: Outgoing | undefined;
  #suspectCuts = 0;
  #isProbing = false;

  /** Messages that may be on their way at a time. */
  get outstandingMax(): number {
    return this.#lonely > 0 ? 1 : outstandingMax;
  }

  /** Whether there is something that a relay seems not to take. */
  get isOpen(): boolean {
    return this.#lonely > 0;
  }

  /** Whether the relay is to be asked something harmless now, and nothing else. */
  get isProbing(): boolean {
    return this.#isProbing;
  }

  /**
   * The relay ended a connection.
   *
   * @param onWay what was on its way, in order
   * @param hasAnswers whether the relay answered anything on this connection
   * @param ms since it was heard of last, or since the message was sent
   */
  ended(onWay: readonly Outgoing[], hasAnswers: boolean, ms: number): void {
    const [first] = onWay;
    if (this.#isProbing) this.acquit();
    else if (!first) return;
    else if (this.#lonely === 0) {
      this.#cuts = hasAnswers ? 0 : this.#cuts + 1;
      if (this.#cuts >= cutsMax) this.#lonely = onWay.length;
    } else if (first.bytes >= largeBytes && ms < quickMs) this.#suspectOnce(first);
  }

  #suspectOnce(message: Outgoing): void {
    if (message !== this.#suspect) this.#suspectCuts = 0;
    this.#suspect = message;
    this.#isProbing = ++this.#suspectCuts >= lonelyCutsMax;
  }

  /** The relay said what becomes of a message. */
  answered(): void {
    this.#cuts = 0;
    if (this.#lonely > 0) this.#lonely--;
  }

  /** The relay does not answer the probe either: it is not the message. */
  acquit(): void {
    this.#isProbing = false;
    this.#suspectCuts = 0;
  }

  /** The relay answered the probe. @returns the message that it does not take */
  convict(): Outgoing | undefined {
    const suspect = this.#suspect;
    this.acquit();
    this.#suspect = undefined;
    this.answered();
    return suspect;
  }
}
