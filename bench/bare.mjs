/**
 * The limit: `zeromq` without anything around it, as fast as it can be used without losing a message.
 *
 * What makes it fast is the same on both sides: the binding's promises are settled when it hands them out. A publisher
 * gets there by `sendTimeout: 0`, a subscriber by `receiveTimeout: 0` from the first message that it had to wait for
 * until nothing more is there. Sends are awaited one by one, or made in bursts and failures sent again behind them;
 * which of the two is faster depends on the day, so throughput is that of the faster one.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Subscriber } from "zeromq";
import { quantile } from "#workloads";
import { receiveEach } from "./bare-receive.mjs";

/**
 * @typedef {{ role: "publisher", address?: string, pattern: "awaited" | "burst", messages: number, bodyBytes: number,
 *   rate: number } | { role: "forwarder" }} BareTask
 * @typedef {{ messages: number, bodyBytes: number }} Size
 * @typedef {{ perSecond: number, lost: number }} Throughput
 * @typedef {{ child: import("node:child_process").ChildProcess, ended: Promise<unknown>, addresses: string[] }} Worker
 */

const workerFile = fileURLToPath(new URL("./bare-worker.mjs", import.meta.url));
/** Without news for so long, what is missing was lost. */
const silenceMs = 10_000;

/**
 * Publisher → subscriber; the faster of two ways to send.
 *
 * @param {Size} size
 * @returns {Promise<Throughput & { awaited: number, burst: number }>}
 */
export async function measureBarePublish(size) {
  const awaited = await measureDirect(size, "awaited");
  const burst = await measureDirect(size, "burst");
  const lost = awaited.lost + burst.lost;
  const [one, other] = [awaited.perSecond, burst.perSecond];
  return { perSecond: Math.max(one, other), lost, awaited: one, burst: other };
}

/**
 * @param {Size} size
 * @param {"awaited" | "burst"} pattern
 */
async function measureDirect(size, pattern) {
  const publisher = await startWorker({ role: "publisher", pattern, rate: 0, ...size });
  const result = receiveAll(publisher.addresses[0] ?? "", size.messages);
  publisher.child.send("go");
  return finish(result, publisher);
}

/**
 * Publisher → forwarder → subscriber.
 *
 * @param {Size} size
 */
export async function measureBareRelay(size) {
  const forwarder = await startWorker({ role: "forwarder" });
  const [inbound = "", outbound = ""] = forwarder.addresses;
  const publisher = await startWorker({ role: "publisher", address: inbound, pattern: "awaited", rate: 0, ...size });
  const result = receiveAll(outbound, size.messages);
  publisher.child.send("go");
  const received = await finish(result, publisher);
  await finish(result, forwarder);
  return received;
}

/**
 * Publisher → subscriber at 1,000 messages a second, with JSON at both ends.
 *
 * @param {Size} size
 */
export async function measureBareLatency(size) {
  const publisher = await startWorker({ role: "publisher", pattern: "awaited", rate: 1000, ...size });
  /** @type {number[]} */
  const latencies = [];
  const result = receiveAll(publisher.addresses[0] ?? "", size.messages, (body) => {
    const { at } = JSON.parse(body.toString());
    latencies.push(performance.timeOrigin + performance.now() - at);
  });
  publisher.child.send("go");
  await finish(result, publisher);
  return { received: latencies.length, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) };
}

/**
 * @param {string} address
 * @param {number} messages
 * @param {(body: Buffer) => void} [onBody]
 * @returns {Promise<Throughput>}
 */
async function receiveAll(address, messages, onBody) {
  const socket = new Subscriber({ receiveHighWaterMark: 1000, linger: 0 });
  socket.connect(address);
  socket.subscribe("");
  let received = 0;
  let firstAt = 0;
  let lastAt = 0;
  let seen = -1;
  const watch = setInterval(() => {
    if (seen === received) socket.close();
    seen = received;
  }, silenceMs);
  await receiveEach(socket, ([, body]) => {
    onBody?.(/** @type {Buffer} */ (body));
    if (received++ === 0) firstAt = performance.now();
    if (received < messages) return;
    lastAt = performance.now();
    socket.close();
  });
  clearInterval(watch);
  const seconds = ((lastAt || performance.now()) - firstAt) / 1000;
  return { perSecond: Math.round((received - 1) / seconds), lost: messages - received };
}

/**
 * Waits for the result, then ends the worker: not before, because it may have something left to send.
 *
 * @param {Promise<Throughput>} result
 * @param {Worker} worker
 */
async function finish(result, { child, ended }) {
  const received = await result;
  child.send("stop");
  await ended;
  return received;
}

/**
 * @param {BareTask} task
 * @returns {Promise<Worker>}
 */
async function startWorker(task) {
  const child = fork(workerFile, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = once(child, "exit");
  child.send(task);
  const [ready] = /** @type {[{ addresses: string[] }]} */ (await once(child, "message"));
  return { child, ended, addresses: ready.addresses };
}
