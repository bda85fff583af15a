/**
 * Throws damaged and made-up streams at listening sockets, while good peers use them. Fails when anything is thrown, when a
 * good peer misses anything or waits, when a peer is left over, or when memory grows.
 *
 * ```
 * node run.mjs [--streams 1000000] [--seed 1] [--from 0] [--concurrency 48]
 * ```
 *
 * Prints a JSON line every 10,000 streams. `--from N --streams 1` with the same seed repeats one stream.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { attack } from "./attacker.mjs";
import { goodFaults, measure, memoryFaults, quarters } from "./report.mjs";
import { Target, targetTypes } from "./targets.mjs";

/** @typedef {import("@fedmsg/zmtp").MonitorEvent} MonitorEvent */

const number = (/** @type {string} */ fallback) => /** @type {const} */ ({ type: "string", default: fallback });
const { values } = parseArgs({
  options: { streams: number("1000000"), seed: number("1"), from: number("0"), concurrency: number("48") },
});
const [streams, seed, from] = [Number(values.streams), Number(values.seed), Number(values.from)];
const linesEvery = 10_000;
const samplesEvery = Math.max(250, Math.min(linesEvery, Math.floor(streams / 80)));

/** Small, so that streams reach them. */
const options = {
  limits: {
    frameBytesMax: 65_536,
    messageBytesMax: 98_304,
    framesMax: 32,
    subscriptionsMax: 50,
    subscriptionBytesMax: 200,
    peersMax: 500,
    handshakesMax: 200,
  },
  receiveBytesMax: 256 * 1024,
  sendBytesMax: 1024 * 1024,
  stallMs: 0,
  lingerMs: 0,
  handshakeMs: 2000,
  heartbeatMs: 1000,
  heartbeatTimeoutMs: 10_000,
};

/** @type {string[]} */
const faults = [];
/** @type {Record<string, number>} */
const cuts = {};
/** @type {import("./report.mjs").Sample[]} */
const samples = [];
let next = from;
let done = 0;

/** @param {string} what */
function fault(what) {
  if (faults.length < 50) faults.push(what);
}

/** @param {MonitorEvent} event */
function count(event) {
  const key = event.type === "cut" ? event.reason : event.type;
  cuts[key] = (cuts[key] ?? 0) + 1;
}

for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error) => fault(`${event} near stream ${next}: ${error?.stack ?? error}`));
}

const folder = mkdtempSync(join(tmpdir(), "zmtp-fuzz-"));
const targets = await Promise.all(
  targetTypes.map((type) => Target.start(type, { tickMs: 10, options: { ...options, onEvent: count } })),
);
const places = await Promise.all(
  targets.map(async ({ type, socket, address }) => {
    const path = join(folder, type);
    await socket.bind(`ipc://${path}`);
    return { type, path, port: Number(new URL(address).port) };
  }),
);
void [process.stdout, process.stderr]; // Where they are pipes, they count from their first use on.
const idle = openHandles();
const startedAt = performance.now();
let lineAt = startedAt;

await Promise.all(Array.from({ length: Number(values.concurrency) }, attacking));
await goneAgain();
for (const target of targets) await settle(target);
for (const what of [...goodFaults(targets), ...memoryFaults(samples, done)]) fault(what);
const totals = { streams: done, seconds: Math.round((performance.now() - startedAt) / 1000) };
await Promise.all(targets.map((target) => target.close()));
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify({ ...totals, cuts, slowestMs: slowestMs(), ...quarters(samples), faults }));
process.exitCode = faults.length > 0 ? 1 : 0;

async function attacking() {
  while (next < from + streams && faults.length === 0) {
    await attack(places, seed, next++);
    done++;
    if (done % samplesEvery === 0) sample();
    if (done % linesEvery === 0) line();
  }
}

function sample() {
  samples.push(measure());
  for (const what of goodFaults(targets)) fault(what);
}

function line() {
  const now = performance.now();
  const perSecond = Math.round((linesEvery / (now - lineAt)) * 1000);
  lineAt = now;
  const { rssMiB, heapMiB } = samples.at(-1) ?? measure();
  const good = targets.reduce((sum, { received }) => sum + received, 0);
  const memory = { rssMiB: Math.round(rssMiB), heapMiB: Math.round(heapMiB * 10) / 10 };
  console.log(JSON.stringify({ streams: done, perSecond, cuts, ...memory, good }));
}

/** The longest that a good message was under way. */
function slowestMs() {
  return Math.round(Math.max(...targets.map((target) => target.slowestMs)));
}

/** Waits until only the good peers are there. */
async function goneAgain() {
  const deadline = performance.now() + 10_000;
  const left = () => targets.filter(({ socket }) => socket.peers !== 1);
  while ((left().length > 0 || openHandles() > idle) && performance.now() < deadline) await delay(20);
  for (const { type, socket } of left()) fault(`${type}: ${socket.peers} peers are there, 1 is good`);
  if (openHandles() > idle) fault(`${openHandles() - idle} connections are left over`);
}

/** Waits for some more good messages. @param {Target} target */
async function settle(target) {
  const until = target.received + 10;
  const deadline = performance.now() + 5000;
  while (target.received < until && performance.now() < deadline) await delay(5);
  if (target.received < until) fault(`${target.type}: the good peer hears nothing any more`);
}

function openHandles() {
  return process.getActiveResourcesInfo().filter((what) => what === "TCPSocketWrap" || what === "PipeWrap").length;
}
