/** Somebody who waits for a commit, and since when, in ms of `performance.now()`. */
export interface Asking {
  readonly sinceMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Takes those out of the front of a queue that have waited since `sinceMs` or longer. */
export function takeLate<T extends Asking>(queue: T[], sinceMs: number): T[] {
  const kept = queue.findIndex((one) => one.sinceMs > sinceMs);
  return queue.splice(0, kept < 0 ? queue.length : kept);
}
