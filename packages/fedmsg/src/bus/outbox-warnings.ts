/** How long nothing more of a kind is told, in ms. */
const pauseMs = 1000;

/** Says what is wrong with an outbox: what is lost with its count, other things once a second at most. */
export class OutboxWarnings {
  readonly #onWarning: (detail: string) => void;
  #lost = 0;
  #lastLoss = "";
  #lossesToldAt = Number.NEGATIVE_INFINITY;
  #troubleToldAt = Number.NEGATIVE_INFINITY;

  /** @param onWarning must not throw */
  constructor(onWarning: (detail: string) => void) {
    this.#onWarning = onWarning;
  }

  /** Something that has to be known, at once. */
  tell(detail: string): void {
    this.#onWarning(`outbox: ${detail}`);
  }

  /** Something that lasts, or comes again while it does. */
  trouble(detail: string): void {
    const now = performance.now();
    if (now - this.#troubleToldAt < pauseMs) return;
    this.#troubleToldAt = now;
    this.tell(detail);
  }

  /** The end waits for the relay. `seconds`: at most so many; 0: any number. */
  waitsFor(relay: string, count: number, seconds: number): void {
    const time = seconds > 0 ? `${seconds} s` : "any time";
    this.tell(
      `${count === 1 ? "1 message waits" : `${count} messages wait`} for the relay at ${relay}; it is given ${time}`,
    );
  }

  /** It ends, and messages are in it. */
  stays(count: number): void {
    if (count > 0) this.tell(`${count} messages are not confirmed; they stay there, and go out at the next start`);
  }

  /**
   * Messages are lost. Each is counted in some warning: in one at once, or in the next that `flush` tells.
   *
   * @param topic of the message, where it is known
   */
  lost(count: number, topic: string | undefined, why: string): void {
    const which = topic === undefined ? "" : `the last one on ${topic.slice(0, 200)}: `;
    this.#lost += count;
    this.#lastLoss = `${which}${why}`;
    if (performance.now() - this.#lossesToldAt >= pauseMs) this.flush();
  }

  /** Tells what was not told yet. */
  flush(): void {
    if (this.#lost === 0) return;
    this.tell(`${this.#lost === 1 ? "1 message is" : `${this.#lost} messages are`} lost: ${this.#lastLoss}`);
    this.#lost = 0;
    this.#lossesToldAt = performance.now();
  }
}
