import { setTimeout as delay } from "node:timers/promises";
import { abortedError, closedError } from "./send-queue.ts";

/** Prefixes that are kept apart. Peers may be strangers, and each can ask for as many as it likes. */
const prefixesMax = 100_000;

/** Which prefixes somebody is subscribed to, as an XPUB socket hears of it. */
export class Subscriptions {
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  /** One more peer subscribed to `prefix`. */
  add(prefix: string): void {
    const count = this.#counts.get(prefix) ?? 0;
    if (count > 0 || this.#counts.size < prefixesMax) this.#counts.set(prefix, count + 1);
  }

  /** One peer less. */
  remove(prefix: string): void {
    const left = (this.#counts.get(prefix) ?? 0) - 1;
    if (left > 0) this.#counts.set(prefix, left);
    else this.#counts.delete(prefix);
  }

  /** Whether somebody hears of `topic`; without a topic, of anything. */
  covers(topic: string | undefined): boolean {
    if (topic === undefined) return this.#counts.size > 0;
    for (const prefix of this.#counts.keys()) if (topic.startsWith(prefix)) return true;
    return false;
  }
}

/**
 * Waits for a condition that no event announces: asks every millisecond at first, then every ten.
 *
 * @throws FedmsgError FEDMSG_CLOSED, FEDMSG_ABORTED
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  isClosed: () => boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    if (isClosed()) throw closedError();
    if (signal?.aborted) throw abortedError(signal);
    await delay(tries < 100 ? 1 : 10);
  }
}
