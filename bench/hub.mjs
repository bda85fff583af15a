/**
 * A hub with ten consumers of everything and a publisher, two processes. The hub is `fedmsg-hub` with a configuration and a module,
 * as anybody would run it; its consumers are asynchronous and count. Bodies are 500 bytes long, nothing is signed. Before anything
 * is published the hub is left alone for five seconds, and then its memory is read.
 */

import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { quantile } from "#workloads";

/**
 * @typedef {{ mark: string, value: number, limit: number, ratio: number, required: string, pass: boolean }} Mark
 * @typedef {{ deliveriesPerSecond: number, lost: number, idleRssMiB: number, rssMiB: number }} Run
 */

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const hubFile = here("../packages/cli/bin/fedmsg-hub.js");
const workerFile = here("../packages/cli/dist/bench/worker.js");
const idleMs = 5000;
/** What the envelope takes of a body. */
const envelopeBytes = 190;

/**
 * @param {{ rounds: number, print: (line: object) => void, messages?: number | undefined }} options
 * @returns {Promise<Mark[]>}
 */
export async function measureHub({ rounds, print, messages = 100_000 }) {
  /** @type {Run[]} */
  const runs = [];
  for (let round = 1; round <= rounds; round++) {
    const run = await measure(messages);
    print({ bench: "hub", round, messages, consumers: 10, ...run });
    runs.push(run);
  }
  const median = (/** @type {(run: Run) => number} */ of) => quantile(runs.map(of), 0.5);
  const speed = median(({ deliveriesPerSecond }) => deliveriesPerSecond);
  const idle = median(({ idleRssMiB }) => idleRssMiB);
  const lost = runs.reduce((sum, run) => sum + run.lost, 0);
  return [
    {
      mark: "hub with 10 consumers: deliveries/s",
      ...{ value: speed, limit: 40_000, ratio: speed / 40_000, required: "value >= limit", pass: speed >= 40_000 },
    },
    { mark: "hub: lost", value: lost, limit: 0, ratio: 0, required: "value = 0", pass: lost === 0 },
    {
      mark: "hub, idle: RSS in MiB",
      ...{ value: idle, limit: 100, ratio: idle / 100, required: "value <= limit", pass: idle <= 100 },
    },
  ];
}

/**
 * @param {number} messages
 * @returns {Promise<Run>}
 */
async function measure(messages) {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-bench-"));
  const publisher = fork(workerFile, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  try {
    const config = { endpoints: { bench: ["tcp://127.0.0.1:*"] }, post_init_sleep: 0 };
    const msg = { text: "x".repeat(500 - envelopeBytes) };
    publisher.send({ role: "publisher", name: "bench", config, messages, msg, rate: 0 });
    const [ready] = /** @type {[{ addresses: string[] }]} */ (await once(publisher, "message"));
    const hub = startHub(folder, ready.addresses, messages);
    try {
      await delay(idleMs);
      const idleRssMiB = rssMiB(hub.pid);
      publisher.send("go");
      const { seconds, delivered, wanted } = await firstLine(hub);
      return {
        deliveriesPerSecond: delivered / seconds,
        lost: wanted - delivered,
        idleRssMiB,
        rssMiB: rssMiB(hub.pid),
      };
    } finally {
      if (hub.exitCode === null && hub.kill("SIGTERM")) await once(hub, "exit");
    }
  } finally {
    if (publisher.exitCode === null && publisher.kill()) await once(publisher, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @param {string[]} addresses
 * @param {number} messages
 */
function startHub(folder, addresses, messages) {
  const file = join(folder, "fedmsg.yaml");
  const config = {
    endpoints: { bench: addresses },
    validate_signatures: false,
    cursor_store: `sqlite:${join(folder, "{name}.db")}`,
    consumers: [here("./hub-consumers.mjs")],
    logging: null,
  };
  writeFileSync(file, JSON.stringify(config)); // All JSON is YAML.
  const env = { ...process.env, FEDMSG_CONFIG: file, HUB_BENCH_MESSAGES: String(messages) };
  return spawn(process.execPath, [hubFile], { env, stdio: ["ignore", "pipe", "inherit"] });
}

/**
 * @param {ReturnType<typeof startHub>} hub
 * @returns {Promise<{ seconds: number, delivered: number, wanted: number }>}
 */
async function firstLine(hub) {
  for await (const line of createInterface(hub.stdout)) return JSON.parse(line);
  throw new Error("the hub ended before it had all messages");
}

/** @param {number | undefined} pid */
function rssMiB(pid) {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}
