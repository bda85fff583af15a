/** How often somebody may ask: a token bucket for each host. */

/** Hosts that are remembered; those that have asked least of late give way. */
const hostsMax = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** Counts what hosts ask. */
export class QueryBudget {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();

  /**
   * @param perSecond queries a second, on average
   * @param burst queries at once, after silence
   */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Whether a host may ask now. */
  take(host: string, nowMs: number = performance.now()): boolean {
    const bucket = this.#buckets.get(host) ?? { tokens: this.#burst, at: nowMs };
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((nowMs - bucket.at) / 1000) * this.#perSecond);
    bucket.at = nowMs;
    this.#buckets.delete(host); // The order is that of their last questions.
    this.#buckets.set(host, bucket);
    if (this.#buckets.size > hostsMax) this.#buckets.delete(this.#buckets.keys().next().value as string);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
