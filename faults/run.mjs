/**
 * The fault rig: does to real processes what happens to them, and counts what was lost. A row is one thing that goes wrong.
 * Prints a line of JSON for each and a table at the end, and fails where a mark of a row does not hold. See
 * docs/reliability.md.
 *
 * ```
 * npm run test:faults -- [--only ROW …] [--messages 100000] [--seed 1] [--jobs 1] [--short] [--update-docs]
 * ```
 *
 * `--short` is what the tests run: fewer messages, shorter faults, rows side by side. With FEDMSG_FAULTS_KEEP set, what the
 * processes wrote stays in the folders that are named.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Dice } from "../packages/zmtp/fuzz/dice.mjs";
import { closeRigs } from "./rig.mjs";
import { runRow } from "./row.mjs";
import { rows } from "./rows/index.mjs";
import { asTable, updateDocs } from "./table.mjs";

/** @typedef {import("./row.mjs").RowResult} RowResult */

const whole = (/** @type {string} */ fallback) => /** @type {const} */ ({ type: "string", default: fallback });
const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    messages: { type: "string" },
    seed: whole("1"),
    jobs: { type: "string" },
    short: { type: "boolean", default: false },
    "update-docs": { type: "boolean", default: false },
  },
});
const { short, only = rows.map(({ name }) => name) } = values;
const unknown = only.find((name) => !rows.some((row) => row.name === name));
if (unknown) throw new Error(`--only ${unknown}: there are ${rows.map(({ name }) => name).join(", ")}`);
const messages = Number(values.messages ?? (short ? 3000 : 100_000));
const seed = Number(values.seed);

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.once(signal, leave);
process.once("uncaughtException", (error) => {
  console.error(error);
  void leave();
});

const wanted = rows.filter(({ name }) => only.includes(name));
/** @type {Map<string, RowResult>} */
const results = new Map();
const waiting = [...wanted];
await Promise.all(Array.from({ length: Number(values.jobs ?? (short ? 4 : 1)) }, working));
const inOrder = wanted.map(({ name }) => /** @type {RowResult} */ (results.get(name)));
console.log(`\n${asTable(inOrder)}`);
if (values["update-docs"]) await updateDocs(inOrder, { messages, seed });
process.exitCode = inOrder.some(({ broken }) => broken.length > 0) ? 1 : 0;

async function leave() {
  await closeRigs();
  process.exit(1);
}

async function working() {
  for (let row = waiting.shift(); row; row = waiting.shift()) {
    const result = await runOne(row);
    results.set(row.name, result);
    console.log(JSON.stringify(asLine(result)));
  }
}

/** @param {import("./row.mjs").Row} row @returns {Promise<RowResult>} */
async function runOne(row) {
  const skipped = row.unable?.();
  if (skipped) return { ...nothing(row.name), skipped };
  try {
    return await runRow(row, plan(row.name));
  } catch (error) {
    return { ...nothing(row.name), broken: [`the row ended: ${error instanceof Error ? error.stack : error}`] };
  }
}

/** The same for the same seed, whichever other rows run. @param {string} name @returns {import("./row.mjs").Plan} */
function plan(name) {
  const dice = new Dice(seed * 1000 + rows.findIndex((row) => row.name === name));
  if (short) return { messages, seconds: 4, kills: 2, faultSeconds: 3, quietSeconds: 30, short, dice };
  const seconds = Math.max(30, messages / 4000);
  return { messages, seconds, kills: 10, faultSeconds: 30, quietSeconds: 60, short, dice };
}

/** @param {string} row @returns {RowResult} */
function nothing(row) {
  const counted = () => ({ received: 0, lost: [], twice: 0, gaps: [], replayed: 0 });
  const subscribers = { wide: counted(), narrow: counted() };
  return { row, seconds: 0, acknowledged: 0, queuedOnly: 0, subscribers, refusals: [], notes: {}, broken: [] };
}

/** @param {RowResult} result */
function asLine({ subscribers, ...rest }) {
  const counts = Object.entries(subscribers).map(([name, { lost, gaps, ...counted }]) => {
    return [name, { ...counted, lost: lost.length, gaps: gaps.length }];
  });
  return { ...rest, ...Object.fromEntries(counts) };
}
