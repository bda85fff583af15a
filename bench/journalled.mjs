/**
 * Publishing with a journal, to a subscriber in another process, beside the bare database and in turns with it.
 *
 * 2000 publishes are in flight, bodies are 500 bytes long, nothing is signed. Bare is what `journal.mjs` calls so: rows of the
 * same size in groups of 100, no message, no network. What heartbeats cost is measured in the publisher's process behind each
 * run: the work for 1000 messages (their keys, the list, the message, the look at the file), as a share of the time that
 * 1000 messages took.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quantile } from "#workloads";
import { measureBareAppend } from "./journal.mjs";
import { receiveAll } from "./receive-all.mjs";

/**
 * @typedef {"full" | "normal"} Sync
 * @typedef {{ sync: Sync, perSecond: number, lost: number, bare: number, heartbeatMs: number, cpuUs: number }} Run
 *   `heartbeatMs`: of 1000 messages. `cpuUs`: of the publisher's process, for one message.
 * @typedef {{ mark: string, value: number, limit: number, ratio: number, required: string, pass: boolean }} Mark
 * @typedef {{ type: "ready", address: string } | { type: "done", heartbeatMs: number, cpuUs: number }} Report
 */

const workerFile = fileURLToPath(new URL("./journalled-worker.mjs", import.meta.url));

/**
 * @param {{ rounds: number, print: (line: object) => void, messages?: number | undefined }} options
 * @returns {Promise<Mark[]>}
 */
export async function measureJournalled({ rounds, print, messages = 200_000 }) {
  /** @type {Run[]} */
  const runs = [];
  for (let round = 1; round <= rounds; round++) {
    for (const sync of /** @type {const} */ (["normal", "full"])) {
      const run = await measure(sync, messages, round % 2 === 0);
      print({ bench: "journalled", round, messages, ...run });
      runs.push(run);
    }
  }
  return [...marks("normal", runs, 50_000), ...marks("full", runs, 40_000), lossMark(runs)];
}

/**
 * @param {Sync} sync
 * @param {number} messages
 * @param {boolean} bareFirst
 * @returns {Promise<Run>}
 */
async function measure(sync, messages, bareFirst) {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-bench-"));
  try {
    const measureBare = () => measureBareAppend(join(folder, "bare.db"), sync, messages);
    const before = bareFirst ? await measureBare() : undefined;
    const ours = await measureOurs(join(folder, "{name}.db"), sync, messages);
    return { sync, ...ours, bare: before ?? (await measureBare()) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} file
 * @param {Sync} sync
 * @param {number} messages
 */
async function measureOurs(file, sync, messages) {
  const worker = fork(workerFile, [file, sync, String(messages)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const next = async () => /** @type {Report} */ ((await once(worker, "message"))[0]);
  const ready = await next();
  if (ready.type !== "ready") throw new Error(`the publisher said ${ready.type} before it was ready`);
  const received = receiveAll(ready.address, messages);
  worker.send("go");
  const done = await next();
  const result = await received;
  if (worker.exitCode === null) await once(worker, "exit");
  if (done.type !== "done") throw new Error("the publisher was ready twice");
  return { ...result, heartbeatMs: done.heartbeatMs, cpuUs: done.cpuUs };
}

/**
 * @param {Sync} sync
 * @param {readonly Run[]} all
 * @param {number} least
 * @returns {Mark[]}
 */
function marks(sync, all, least) {
  const runs = all.filter((run) => run.sync === sync);
  const median = (/** @type {(run: Run) => number} */ of) => quantile(runs.map(of), 0.5);
  const value = median(({ perSecond }) => perSecond);
  const limit = median(({ bare }) => bare);
  const ratio = median(({ perSecond, bare }) => perSecond / bare);
  const share = median(({ heartbeatMs, perSecond }) => heartbeatMs / (1_000_000 / perSecond));
  const what = `journalled publish at journal_sync: ${sync}`;
  return [
    { mark: `${what}: messages/s`, value, limit, ratio, required: `value >= ${least}`, pass: value >= least },
    { mark: `${what}, of the bare database`, value, limit, ratio, required: "ratio >= 0.4", pass: ratio >= 0.4 },
    {
      mark: `${what}: the heartbeats' share of the time`,
      ...{ value: share, limit: 0.05, ratio: share / 0.05, required: "value <= limit", pass: share <= 0.05 },
    },
  ];
}

/**
 * @param {readonly Run[]} runs
 * @returns {Mark}
 */
function lossMark(runs) {
  const value = runs.reduce((sum, { lost }) => sum + lost, 0);
  return { mark: "journalled publish: lost", value, limit: 0, ratio: 0, required: "value = 0", pass: value === 0 };
}
