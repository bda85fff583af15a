/** One measurement each of `@fedmsg/zmtp`: two processes, this one receives. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Subscriber } from "@fedmsg/zmtp";
import { quantile, startRelayWorker, stop } from "#workloads";

/**
 * @typedef {import("./worker.mjs").Size} Size
 * @typedef {import("./worker.mjs").Task} Task
 * @typedef {{ perSecond: number, lost: number }} Throughput
 */

const workerFile = fileURLToPath(new URL("./worker.mjs", import.meta.url));
/** Without news for so long, what is missing was lost. */
const silenceMs = 10_000;

/**
 * Starts the publishing process; see worker.mjs.
 *
 * @param {Task} task
 */
export async function startWorker(task) {
  const child = fork(workerFile, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: ["--expose-gc"] });
  child.send(task);
  const [ready] = /** @type {[{ address?: string }]} */ (await once(child, "message"));
  return { child, ended: once(child, "exit"), address: ready.address ?? "" };
}

/**
 * Counts messages until all are there or nothing comes any more. Time begins with the first that came, which are not
 * counted.
 *
 * @param {number} messages
 * @param {(note: (count: number) => void) => void} listen
 * @returns {Promise<Throughput>}
 */
export function countAll(messages, listen) {
  return new Promise((resolve) => {
    let received = 0;
    let firstAt = 0;
    let first = 0;
    let seen = -1;
    const finish = () => {
      clearInterval(watch);
      const seconds = (performance.now() - firstAt) / 1000;
      resolve({ perSecond: Math.round((received - first) / seconds), lost: messages - received });
    };
    const watch = setInterval(() => {
      if (seen === received) finish();
      seen = received;
    }, silenceMs);
    listen((count) => {
      if (received === 0) {
        firstAt = performance.now();
        first = count;
      }
      received += count;
      if (received === messages) finish();
    });
  });
}

/**
 * PUB → SUB without JSON; both frames of each message are looked at.
 *
 * @param {Size} size
 * @param {{ binds?: boolean, takes?: "views" | "batches" }} [how] who listens, and how messages are taken
 * @returns {Promise<Throughput>}
 */
export async function measureFrames(size, { binds = false, takes = "views" } = {}) {
  const subscriber = new Subscriber();
  subscriber.subscribe("");
  const address = binds ? await subscriber.bind("tcp://127.0.0.1:*") : undefined;
  const worker = await startWorker({ role: "frames", ...size, ...(address && { address }) });
  if (!binds) subscriber.connect(worker.address);
  const result = receiveFrames(subscriber, size.messages, takes);
  worker.child.send("go");
  const received = await result;
  await worker.ended;
  await subscriber.close();
  return received;
}

/**
 * @param {Subscriber} subscriber
 * @param {number} messages
 * @param {"views" | "batches"} takes
 */
function receiveFrames(subscriber, messages, takes) {
  return countAll(messages, async (note) => {
    if (takes === "batches") {
      for await (const batch of subscriber.batches()) {
        for (const [topic, body] of batch) if (!topic?.length || !body?.length) throw new Error("a frame is missing");
        note(batch.length);
      }
      return;
    }
    subscriber.onBatch((batch) => {
      for (let n = 0; n < batch.length; n++) {
        if (!batch.frame(n, 0).length || !batch.frame(n, 1).length) throw new Error("a frame is missing");
      }
      note(batch.length);
    });
  });
}

/**
 * JSON.stringify → PUB → SUB → JSON.parse.
 *
 * @param {Size} size
 * @returns {Promise<Throughput>}
 */
export async function measureJson(size) {
  const worker = await startWorker({ role: "json", ...size });
  const subscriber = new Subscriber();
  subscriber.connect(worker.address);
  subscriber.subscribe("");
  const result = countAll(size.messages, (note) => {
    subscriber.onBatch((batch) => {
      for (let n = 0; n < batch.length; n++) {
        if (JSON.parse(batch.text(n, 1)).i === undefined) throw new Error("a message is not what was sent");
      }
      note(batch.length);
    });
  });
  worker.child.send("go");
  const received = await result;
  await worker.ended;
  await subscriber.close();
  return received;
}

/**
 * Through a relay of ours, without JSON at either end.
 *
 * @param {Size} size
 * @returns {Promise<Throughput>}
 */
export async function measureFramesRelay(size) {
  const relay = await startRelayWorker();
  const [inbound, outbound] = /** @type {[string, string]} */ (relay.addresses);
  const worker = await startWorker({ role: "frames", ...size, address: inbound });
  const subscriber = new Subscriber();
  subscriber.connect(outbound);
  subscriber.subscribe("");
  const result = receiveFrames(subscriber, size.messages, "views");
  relay.child.send("subscribed");
  await once(relay.child, "message");
  worker.child.send("go");
  const received = await result;
  await Promise.all([stop(relay.child), worker.ended, subscriber.close()]);
  return received;
}

/**
 * 1,000 messages a second, from just before `send` to the handler. Both processes read the machine's monotonic clock.
 *
 * @param {Size} size
 */
export async function measureFramesLatency(size) {
  const worker = await startWorker({ role: "latency", ...size });
  /** @type {number[]} */
  const latencies = [];
  const subscriber = new Subscriber();
  subscriber.connect(worker.address);
  subscriber.subscribe("");
  const result = countAll(size.messages, (note) => {
    subscriber.onBatch((batch) => {
      const now = process.hrtime.bigint();
      for (let n = 0; n < batch.length; n++) {
        latencies.push(Number(now - batch.frame(n, 1).readBigInt64LE()) / 1e6);
      }
      note(batch.length);
    });
  });
  worker.child.send("go");
  const { lost } = await result;
  await worker.ended;
  await subscriber.close();
  return { received: latencies.length, lost, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) };
}
