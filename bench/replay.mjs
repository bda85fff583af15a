/**
 * A million messages that were missed: a subscriber without a past fetches a whole journal, beside the bare reading of the
 * same journal by pages. Bodies are 500 bytes long; server and subscriber are processes of their own, on one machine.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openJournal } from "@fedmsg/store";
import { startReplayServer } from "fedmsg/plugin";
import { quantile } from "#workloads";
import { perSecond } from "./beside.mjs";

/** @typedef {{ plain: number, durable: number, bare: number, plainMiB: number, durableMiB: number }} Round */
/** @typedef {{ mark: string, value: number, limit: number, ratio: number | null, required: string, pass: boolean }} Mark */

const defaultCount = 1_000_000;
const leastPerSecond = 50_000;
const mostMiB = 150;
const topic = "org.fedoraproject.dev.bodhi.update.request";
const worker = fileURLToPath(new URL("replay-worker.mjs", import.meta.url));

/**
 * @param {{ rounds: number, messages: number | undefined, print: (line: object) => void }} options
 * @returns {Promise<Mark[]>}
 */
export async function measureReplay({ rounds: count, messages = defaultCount, print }) {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-bench-"));
  const journal = await openJournal(join(folder, "journal.db"), { sync: "normal" });
  const server = await startReplayServer({ journal, address: "tcp://127.0.0.1:*" });
  try {
    await fill(journal, messages);
    /** @type {Round[]} */
    const rounds = [];
    for (let n = 1; n <= count; n++) {
      const round = await measureAll(journal, server.address, messages, folder);
      print({ bench: "replay", round: n, messages, ...round });
      rounds.push(round);
    }
    return marks(rounds);
  } finally {
    await server.close();
    await journal.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {import("fedmsg/plugin").Journal} journal
 * @param {number} count
 */
async function fill(journal, count) {
  for (let done = 0; done < count; ) {
    const group = Math.min(1000, count - done);
    await Promise.all(Array.from({ length: group }, () => journal.append(entryAt)));
    done += group;
  }
}

/** @param {number} position */
function entryAt(position) {
  const msgId = `2026-f989d333-aed3-485b-a9e4-7fac${String(position).padStart(8, "0")}`;
  const head = `{"i":${position},"msg":{"text":"`;
  const tail = `"},"msg_id":"${msgId}","timestamp":1795219574,"topic":"${topic}","username":"root"}`;
  return { topic, msgId, body: Buffer.from(head + "x".repeat(500 - head.length - tail.length) + tail) };
}

/**
 * @param {import("fedmsg/plugin").Journal} journal
 * @param {string} endpoint
 * @param {number} count
 * @param {string} folder
 * @returns {Promise<Round>}
 */
async function measureAll(journal, endpoint, count, folder) {
  const bare = await perSecond(count, async () => {
    for (let after = 0; after < count; ) after = journal.page({ after, limit: 1000, bytesMax: 4 * 2 ** 20 }).through;
  });
  const plain = await fetchAll(endpoint, count, folder, "plain");
  const durable = await fetchAll(endpoint, count, folder, "durable");
  rmSync(join(folder, "bench.db"), { force: true });
  for (const end of ["-wal", "-shm", "-lock"]) rmSync(join(folder, `bench.db${end}`), { force: true });
  return {
    plain: plain.perSecond,
    durable: durable.perSecond,
    bare,
    plainMiB: plain.rssMiB,
    durableMiB: durable.rssMiB,
  };
}

/**
 * @param {string} endpoint
 * @param {number} count
 * @param {string} folder
 * @param {"plain" | "durable"} kind
 * @returns {Promise<{ perSecond: number, rssMiB: number }>}
 */
async function fetchAll(endpoint, count, folder, kind) {
  const { stdout } = await promisify(execFile)(process.execPath, [worker, endpoint, String(count), folder, kind]);
  const { isWhole, ...result } = JSON.parse(stdout);
  if (!isWhole) throw new Error("not every message came once");
  return result;
}

/**
 * @param {readonly Round[]} rounds
 * @returns {Mark[]}
 */
function marks(rounds) {
  const median = (/** @type {(round: Round) => number} */ of) => quantile(rounds.map(of), 0.5);
  const speed = (/** @type {"plain" | "durable"} */ kind, /** @type {string} */ what) => ({
    mark: `replay of what was missed, ${what}; messages a second, of reading the journal`,
    value: median((round) => round[kind]),
    limit: median((round) => round.bare),
    ratio: median((round) => round[kind] / round.bare),
    required: `value >= ${leastPerSecond}`,
    pass: median((round) => round[kind]) >= leastPerSecond,
  });
  const memory = (/** @type {"plainMiB" | "durableMiB"} */ kind, /** @type {string} */ what) => ({
    mark: `memory of the subscriber meanwhile, ${what}; MiB`,
    value: median((round) => round[kind]),
    limit: mostMiB,
    ratio: median((round) => round[kind]) / mostMiB,
    required: "ratio <= 1",
    pass: median((round) => round[kind]) <= mostMiB,
  });
  return [
    speed("plain", "without a name"),
    speed("durable", "with a name"),
    memory("plainMiB", "without a name"),
    memory("durableMiB", "with a name"),
  ];
}
