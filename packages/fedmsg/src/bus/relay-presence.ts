import type { ConfirmClient } from "../replay/confirm-client.ts";

/** For so long, in ms, a relay may be away or not there yet, and each other that may come instead. */
const absenceMs = 2000;
const eachMs = 1000;

/** Whether it makes sense to wait for a relay: it is there, or was a moment ago, or had no time to come yet. */
export class RelayPresence {
  readonly #client: Pick<ConfirmClient, "isConnected">;
  readonly #patienceMs: number;
  #seenAt = performance.now();

  /** @param relays how many may be used, one after the other */
  constructor(client: Pick<ConfirmClient, "isConnected">, relays: number) {
    this.#client = client;
    this.#patienceMs = absenceMs + relays * eachMs;
  }

  /** Looks whether it is there; to be asked about once a second. */
  isExpected(): boolean {
    if (this.#client.isConnected) this.#seenAt = performance.now();
    return performance.now() - this.#seenAt < this.#patienceMs;
  }
}
