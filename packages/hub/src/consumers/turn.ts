/** How long turns are passed on before timers and sockets have theirs. */
const sliceMs = 10;

/**
 * The one turn of a hub with `moksha.blocking_mode`: whoever has it works, and the others wait in the order in which they
 * asked. All consumers get a message at the same time, so the next is taken only when all are done with the one before.
 */
export class Turn {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;
  #since = performance.now();

  /** Calls `begin` when it is one's turn, at once if nobody has it. Whoever was called must `pass` it on. */
  take(begin: () => void): void {
    if (this.#isTaken) this.#waiting.push(begin);
    else {
      this.#isTaken = true;
      begin();
    }
  }

  /** Gives the turn to who waits for longest. */
  pass(): void {
    if (performance.now() - this.#since < sliceMs) this.#next();
    else {
      setImmediate(() => {
        this.#since = performance.now();
        this.#next();
      });
    }
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#isTaken = false;
  }
}
