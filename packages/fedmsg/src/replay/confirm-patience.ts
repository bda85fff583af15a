/** How long a publisher that wants to be sure waits for its relay, in ms. */

/** So many bytes on their way may take a second longer to be answered. */
const bytesPerSecond = 1024 * 1024;
const silenceMsMax = 60_000;
/** After a refusal: first pause and longest one. */
const pauseMs = 100;
const pauseMsMax = 2000;

/**
 * How long a relay may say nothing.
 *
 * @param firstMs how long the first time, with nothing on its way
 * @param stalls how often that was in vain
 * @param bytes on their way
 */
export function silenceMsFor(firstMs: number, stalls: number, bytes: number): number {
  return Math.min(silenceMsMax, firstMs * 2 ** stalls) + (bytes / bytesPerSecond) * 1000;
}

/** How long nothing is sent after so many refusals in a row, besides the one now; by half more or less by chance. */
export function pauseMsAfter(refusals: number): number {
  return Math.min(pauseMsMax, pauseMs * 2 ** Math.min(10, refusals)) * (0.5 + Math.random());
}
