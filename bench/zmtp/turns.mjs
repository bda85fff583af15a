/** Measuring in turns, and what comes of it: medians, and medians of the ratios of each round. */

import { quantile } from "#workloads";

/**
 * @typedef {import("../run.mjs").Mark} Mark
 * @typedef {(line: object) => void} Print
 * @typedef {Record<string, number>} Result
 * @typedef {{ skipped: string }} Skipped
 * @typedef {{ rounds: Result[], skipped?: string }} Results what each round came to, or why there was none
 */

/**
 * What is measured unless packages are missing.
 *
 * @template {() => Promise<object>} Measure
 * @param {string | undefined} packages
 * @param {Measure} measure
 * @returns {Measure | Skipped}
 */
export function unlessMissing(packages, measure) {
  return packages === undefined ? measure : { skipped: `Debian's package ${packages} is missing` };
}

/**
 * Measures several things in turns, each round beginning with another one.
 *
 * @template {string} Name
 * @param {string} bench
 * @param {{ rounds: number, bodyBytes: number, print: Print }} options
 * @param {Record<Name, (() => Promise<object>) | Skipped>} things
 * @returns {Promise<Record<Name, Results>>}
 */
export async function inTurns(bench, { rounds, bodyBytes, print }, things) {
  const names = /** @type {Name[]} */ (Object.keys(things));
  const results = /** @type {Record<Name, Results>} */ ({});
  for (const name of names) {
    const thing = things[name];
    results[name] = { rounds: [], ...(typeof thing !== "function" && thing) };
  }
  for (let round = 1; round <= rounds; round++) {
    const order = names.map((_, n) => /** @type {Name} */ (names[(n + round) % names.length]));
    for (const name of order) {
      const thing = things[name];
      if (typeof thing === "function") results[name].rounds.push(/** @type {Result} */ (await thing()));
    }
    const line = names.map((name) => [name, results[name].rounds.at(-1) ?? { skipped: results[name].skipped }]);
    print({ bench, round, bodyBytes, ...Object.fromEntries(line) });
  }
  return results;
}

/**
 * How ours stands to another, as the median of the ratios of each round. Fails where the other was skipped.
 *
 * @param {string} mark
 * @param {Results} ours
 * @param {Results} others
 * @param {string} key
 * @param {{ least?: number, most?: number }} bound of the ratio
 * @returns {Mark}
 */
export function compare(mark, ours, others, key, { least = 0, most = Number.POSITIVE_INFINITY }) {
  const required = others.skipped ?? (least > 0 ? `ratio >= ${least}` : `ratio <= ${most}`);
  const value = median(ours.rounds, key);
  if (others.skipped) return { mark, value, limit: Number.NaN, ratio: null, required, pass: false };
  const limit = median(others.rounds, key);
  const ratio = quantile(
    ours.rounds.map((round, n) => (round[key] ?? Number.NaN) / (others.rounds[n]?.[key] ?? Number.NaN)),
    0.5,
  );
  return { mark, value, limit, ratio, required, pass: ratio >= least && ratio <= most };
}

/**
 * @param {readonly Result[]} rounds
 * @param {string} key
 */
export function median(rounds, key) {
  return quantile(
    rounds.map((round) => round[key] ?? Number.NaN),
    0.5,
  );
}

/**
 * Nothing may be lost, in a limit neither: one that loses messages is no limit.
 *
 * @param {string} mark
 * @param {readonly Results[]} ours
 * @param {readonly Results[]} others
 * @returns {Mark}
 */
export function noneLost(mark, ours, others) {
  const [value = 0, limit = 0] = [ours, others].map((all) =>
    all.flatMap(({ rounds }) => rounds).reduce((sum, { lost }) => sum + (lost ?? Number.NaN), 0),
  );
  const required = "value = 0 and limit = 0";
  return { mark, value, limit, ratio: null, required, pass: value === 0 && limit === 0 };
}

/**
 * @param {string} mark
 * @param {number} value
 * @param {number} limit
 * @returns {Mark}
 */
export function atMost(mark, value, limit) {
  return { mark, value, limit, ratio: value / limit, required: "value <= limit", pass: value <= limit };
}
