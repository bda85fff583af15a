import { setTimeout as delay } from "node:timers/promises";
import { abortedError, closedError } from "./errors.ts";

/** Prefixes that are kept apart. Peers may be strangers, and each can ask for as many as it likes. */
const prefixesMax = 100_000;

/** Which prefixes somebody is subscribed to, as an XPUB socket hears of it. They are compared by bytes. */
export class Subscriptions {
  /** By prefix, written with one character for each byte. */
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  /** One more peer subscribed to `prefix`. */
  add(prefix: string | Uint8Array): void {
    const key = toByteText(prefix);
    const count = this.#counts.get(key) ?? 0;
    if (count > 0 || this.#counts.size < prefixesMax) this.#counts.set(key, count + 1);
  }

  /** One peer less. */
  remove(prefix: string | Uint8Array): void {
    const key = toByteText(prefix);
    const left = (this.#counts.get(key) ?? 0) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }

  /** Whether somebody hears of `topic`; without a topic, of anything. */
  covers(topic: string | Uint8Array | undefined): boolean {
    if (topic === undefined) return this.#counts.size > 0;
    const text = toByteText(topic);
    for (const prefix of this.#counts.keys()) if (text.startsWith(prefix)) return true;
    return false;
  }
}

function toByteText(text: string | Uint8Array): string {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
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
  for (let tries = 0; ; tries++) {
    if (isClosed()) throw closedError();
    if (signal?.aborted) throw abortedError(signal);
    if (await condition()) return;
    await delay(tries < 100 ? 1 : 10);
  }
}
