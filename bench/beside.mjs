/** What benchmarks of the store share: a file's measurements in turns with the bare database's, and the marks of both. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quantile } from "#workloads";

/** @typedef {{ mark: string, value: number, limit: number, ratio: number, required: string, pass: boolean }} Mark */
/** @typedef {import("@photostructure/sqlite").DatabaseSyncInstance} Database */
/** @typedef {{ full: number, normal: number }} Sizes Rows of each measurement. */

/**
 * Runs measurements one after the other, each on a file of its own in one folder; in every second round from behind.
 *
 * @template Round
 * @param {number} round
 * @param {readonly ((file: (name: string) => string) => Promise<Partial<Round>>)[]} pieces
 * @returns {Promise<Round>}
 */
export async function inOneFolder(round, pieces) {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-bench-"));
  try {
    let all = {};
    for (const piece of round % 2 === 0 ? [...pieces].reverse() : pieces) {
      all = { ...all, ...(await piece((name) => join(folder, `${name}.db`))) };
    }
    return /** @type {Round} */ (all);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The SQLite that the store uses.
 *
 * @param {string} file
 * @returns {Promise<Database>}
 */
export async function openBare(file) {
  const isBuiltIn = Number.parseInt(process.versions.node, 10) >= 24;
  const name = isBuiltIn ? "node:sqlite" : "@photostructure/sqlite";
  const { DatabaseSync } = await import(name);
  return new DatabaseSync(file);
}

/**
 * @param {number} count
 * @param {() => Promise<unknown>} work
 */
export async function perSecond(count, work) {
  const startedAt = performance.now();
  await work();
  return (count / (performance.now() - startedAt)) * 1000;
}

/**
 * Does something so many times, with so many under way at a time.
 *
 * @param {number} count
 * @param {number} inFlight
 * @param {(n: number) => Promise<unknown>} one
 */
export async function inFlightPerSecond(count, inFlight, one) {
  let begun = 0;
  const work = async () => {
    while (begun < count) await one(begun++);
  };
  return perSecond(count, () => Promise.all(Array.from({ length: inFlight }, work)));
}

/**
 * @template {string} Key
 * @param {string} name
 * @param {readonly Record<Key, number>[]} rounds
 * @param {Key} ours
 * @param {Key} bareOne
 * @param {number} least
 * @returns {Mark}
 */
export function mark(name, rounds, ours, bareOne, least) {
  const median = (/** @type {(round: Record<Key, number>) => number} */ of) => quantile(rounds.map(of), 0.5);
  const ratio = median((round) => round[ours] / round[bareOne]);
  return {
    mark: name,
    value: median((round) => round[ours]),
    limit: median((round) => round[bareOne]),
    ratio,
    required: `ratio >= ${least}`,
    pass: ratio >= least,
  };
}
