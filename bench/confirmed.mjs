/**
 * Publishing that a relay confirms: a publisher, a relay with a journal and a subscriber, each in a process of its own.
 *
 * 1000 publishes are in flight, bodies are 500 bytes long, nothing is signed. What counts is what the publisher knows to be in
 * the relay's journal, in a second. Once more with an outbox in the publisher, at the same `journal_sync`: there each message
 * is written twice, and its publisher waits for both.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quantile } from "#workloads";
import { receiveAll } from "./receive-all.mjs";

/**
 * @typedef {"full" | "normal"} Sync
 * @typedef {{ sync: Sync, outbox: boolean, perSecond: number, lost: number, publisherUs: number, relayUs: number }} Run
 *   `…Us`: of the process, for one message.
 * @typedef {{ mark: string, value: number, limit: number, ratio: number | null, required: string, pass: boolean }} Mark
 * @typedef {{ type: string, outbound: string, confirm: string, perSecond: number, cpuUs: number }} Report
 */

const workerFile = fileURLToPath(new URL("./confirmed-worker.mjs", import.meta.url));

/**
 * @param {{ rounds: number, print: (line: object) => void, messages?: number | undefined }} options
 * @returns {Promise<Mark[]>}
 */
export async function measureConfirmed({ rounds, print, messages = 200_000 }) {
  /** @type {Run[]} */
  const runs = [];
  for (let round = 1; round <= rounds; round++) {
    for (const outbox of [false, true]) {
      for (const sync of /** @type {const} */ (["normal", "full"])) {
        const run = await measure(sync, outbox, messages);
        print({ bench: "confirmed", round, messages, ...run });
        runs.push(run);
      }
    }
  }
  return [mark("normal", runs, 25_000), mark("full", runs, 20_000), lossMark(runs)];
}

/**
 * @param {Sync} sync
 * @param {boolean} outbox
 * @param {number} messages
 * @returns {Promise<Run>}
 */
async function measure(sync, outbox, messages) {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-bench-"));
  try {
    const relay = await start(["relay", folder, sync]);
    const kept = outbox ? [join(folder, "outbox.db"), sync] : [];
    const publisher = await start(["publisher", relay.ready.confirm, String(messages), ...kept]);
    const received = receiveAll(relay.ready.outbound, messages);
    await relay.next();
    const published = await publisher.end();
    const { lost } = await received;
    const relayed = await relay.end();
    return { sync, outbox, perSecond: published.perSecond, lost, publisherUs: published.cpuUs, relayUs: relayed.cpuUs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string[]} args */
async function start(args) {
  const execArgv = process.env.FEDMSG_BENCH_PROFILE
    ? ["--cpu-prof", `--cpu-prof-dir=${process.env.FEDMSG_BENCH_PROFILE}`]
    : [];
  const worker = fork(workerFile, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv });
  const next = async () => /** @type {Report} */ ((await once(worker, "message"))[0]);
  const ready = await next();
  /** Begins the work, or ends it; resolves when the process has ended. */
  const end = async () => {
    worker.send("go");
    const done = await next();
    if (worker.exitCode === null) await once(worker, "exit");
    return done;
  };
  return { ready, next, end };
}

/**
 * @param {Sync} sync
 * @param {readonly Run[]} all
 * @param {number} least
 * @returns {Mark}
 */
function mark(sync, all, least) {
  const speeds = all.filter((run) => run.sync === sync && !run.outbox).map(({ perSecond }) => perSecond);
  const value = quantile(speeds, 0.5);
  return {
    mark: `confirmed publish at journal_sync: ${sync}: messages/s`,
    ...{ value, limit: least, ratio: null, required: `value >= ${least}`, pass: value >= least },
  };
}

/**
 * @param {readonly Run[]} runs
 * @returns {Mark}
 */
function lossMark(runs) {
  const value = runs.reduce((sum, { lost }) => sum + Math.abs(lost), 0);
  return { mark: "confirmed publish: lost", value, limit: 0, ratio: null, required: "value = 0", pass: value === 0 };
}
