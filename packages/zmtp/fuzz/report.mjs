/** What a run of the fuzzer saw, and whether it was all right. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** @typedef {import("./targets.mjs").Target} Target */
/** @typedef {{ readonly heapMiB: number, readonly rssMiB: number }} Sample */

/** A good message may be under way so long, in ms. */
export const patienceMs = 5000;
/** By so much memory may grow from the second quarter of a run to the last. */
const growthMax = 0.15;
/** Less than so many MiB more are no growth: of the heap, and of what a process takes while it warms up. */
const noiseMiB = { heapMiB: 4, rssMiB: 4 };
const warmingNoiseMiB = { heapMiB: 8, rssMiB: 32 };
/** Runs of fewer streams are over before memory has settled. */
const warmStreams = 100_000;

setFlagsFromString("--expose-gc");
const gc = /** @type {() => void} */ (runInNewContext("gc"));

/** Measures memory after a collection, in MiB. @returns {Sample} */
export function measure() {
  gc();
  gc(); // What the first one let go of outside the heap.
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heapMiB: (heapUsed + arrayBuffers) / 2 ** 20, rssMiB: rss / 2 ** 20 };
}

/**
 * Medians of the second and the last quarter of a run.
 *
 * @param {readonly Sample[]} samples
 */
export function quarters(samples) {
  const quarter = Math.floor(samples.length / 4);
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  const pair = (/** @type {keyof Sample} */ what) => ({
    before: median(second.map((sample) => sample[what])),
    after: median(last.map((sample) => sample[what])),
  });
  return { heapMiB: pair("heapMiB"), rssMiB: pair("rssMiB") };
}

/**
 * What is wrong with the memory of a run.
 *
 * @param {readonly Sample[]} samples
 * @param {number} streams
 * @returns {string[]}
 */
export function memoryFaults(samples, streams) {
  if (samples.length < 8) return [];
  const noise = streams < warmStreams ? warmingNoiseMiB : noiseMiB;
  const found = quarters(samples);
  return /** @type {const} */ (["heapMiB", "rssMiB"]).flatMap((what) => {
    const { before, after } = found[what];
    if (after <= before * (1 + growthMax) || after - before < noise[what]) return [];
    return [`${what} grew from ${before} to ${after}`];
  });
}

/** @param {number[]} numbers */
function median(numbers) {
  const middle = numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
  return Math.round(middle * 10) / 10;
}

/** What good peers noticed. @param {readonly Target[]} targets @returns {string[]} */
export function goodFaults(targets) {
  return targets.flatMap(({ type, faults, slowestMs, overdueMs }) => {
    const late = Math.max(slowestMs, overdueMs);
    return late > patienceMs ? [...faults, `${type}: a good message took ${Math.round(late)} ms`] : faults;
  });
}
