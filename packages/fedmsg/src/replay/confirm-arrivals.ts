import { abortedError, closedError } from "../transport/errors.ts";
import { Hold } from "../transport/zmtp/sockets.ts";

/** Those who wait until a relay is there. */
export class Arrivals {
  readonly #waiting = new Set<(isEnd: boolean) => void>();

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /**
   * Resolves when a relay is there. Keeps the process alive.
   *
   * @throws FedmsgError FEDMSG_ABORTED, FEDMSG_CLOSED
   */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    const hold = new Hold();
    const arrived = new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(done);
        reject(abortedError(signal as AbortSignal));
      };
      const done = (isEnd: boolean) => {
        signal?.removeEventListener("abort", onAbort);
        if (isEnd) reject(closedError());
        else resolve();
      };
      if (signal?.aborted) reject(abortedError(signal));
      else this.#waiting.add(done);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
    await hold.during(arrived).finally(() => hold.end());
  }

  /** A relay is there, or it is the end. */
  tell(isEnd: boolean): void {
    for (const done of this.#waiting) done(isEnd);
    this.#waiting.clear();
  }
}
