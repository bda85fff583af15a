/**
 * The other process of a bare measurement: what `packages/cli/src/bench/worker.ts` is to the library's, with `zeromq`
 * and nothing else. Forked and driven by `bare.mjs`.
 */

import { once } from "node:events";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Subscriber, XPublisher } from "zeromq";
import { receiveEach } from "./bare-receive.mjs";

/** @typedef {import("./bare.mjs").BareTask} BareTask */

/** Sends before the process looks at anything else; un-awaited ones at a time. */
const turnMessages = 500;
const burstMessages = 200;

const [task] = /** @type {[BareTask]} */ (await once(process, "message"));
const go = word("go");
const stop = word("stop");
await (task.role === "forwarder" ? forward() : publish(task));
await stop;
process.disconnect();

/**
 * Resolves when the parent says `wanted`.
 *
 * @param {string} wanted
 * @returns {Promise<void>}
 */
function word(wanted) {
  return new Promise((resolve) => {
    process.on("message", (said) => {
      if (said === wanted) resolve();
    });
  });
}

/** @param {Extract<BareTask, { role: "publisher" }>} task */
async function publish({ address, pattern, messages, bodyBytes, rate }) {
  const socket = openPublisher();
  if (address) socket.connect(address);
  else await socket.bind("tcp://127.0.0.1:*");
  process.send?.({ addresses: [socket.lastEndpoint] });
  await Promise.all([go, socket.receive()]); // What it receives is the subscription.
  const topic = Buffer.from("org.fedoraproject.dev.bench.bench");
  if (rate > 0) await publishSteadily(socket, topic, { messages, bodyBytes, rate });
  else await publishFast(socket, [topic, Buffer.alloc(bodyBytes, "x")], pattern, messages);
  socket.close();
}

/**
 * `noDrop` lets a send fail while the subscriber has no room, instead of losing the message; a `sendTimeout` of 0 makes
 * it do so, or succeed, at once.
 */
function openPublisher() {
  const socket = new XPublisher({ sendTimeout: 0, sendHighWaterMark: 1000, linger: 10_000 });
  socket.noDrop = true;
  return socket;
}

/**
 * @param {XPublisher} socket
 * @param {Buffer[]} frames
 * @param {"awaited" | "burst"} pattern
 * @param {number} messages
 */
async function publishFast(socket, frames, pattern, messages) {
  const step = pattern === "burst" ? burstMessages : 1;
  for (let sent = 0; sent < messages; ) {
    const upTo = Math.min(messages, sent + step);
    let failed = 0;
    if (pattern === "burst") {
      const burst = [];
      for (; sent < upTo; sent++) burst.push(socket.send(frames).catch(() => failed++));
      await burst.at(-1);
    } else {
      await socket.send(frames).catch(() => failed++);
      sent++;
    }
    for (; failed > 0; failed--) await sendSoon(socket, frames);
    if (sent % turnMessages === 0) await nextTurn();
  }
}

/**
 * @param {XPublisher} socket
 * @param {Buffer} topic
 * @param {{ messages: number, bodyBytes: number, rate: number }} options
 */
async function publishSteadily(socket, topic, { messages, bodyBytes, rate }) {
  const text = "x".repeat(bodyBytes - 40); // What is left beside `at` and the names.
  const started = performance.now();
  for (let n = 0; n < messages; ) {
    const due = Math.min(messages, Math.floor(((performance.now() - started) / 1000) * rate) + 1);
    for (; n < due; n++) {
      await sendSoon(socket, [topic, JSON.stringify({ at: performance.timeOrigin + performance.now(), text })]);
    }
    await delay(1);
  }
}

/**
 * Sends as soon as there is room.
 *
 * @param {XPublisher} socket
 * @param {(Buffer | string)[]} frames
 */
async function sendSoon(socket, frames) {
  for (;;) {
    try {
      return await socket.send(frames);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") throw error;
      await delay(1);
    }
  }
}

/** A bare relay: what comes in goes out, until it is told to stop. */
async function forward() {
  const input = new Subscriber({ receiveHighWaterMark: 1000, linger: 0 });
  const output = openPublisher();
  await input.bind("tcp://127.0.0.1:*");
  await output.bind("tcp://127.0.0.1:*");
  process.send?.({ addresses: [input.lastEndpoint, output.lastEndpoint] });
  await output.receive(); // The subscription. Only now do publishers see one of ours: nothing is lost.
  input.subscribe("");
  void stop.then(() => input.close());
  await receiveEach(input, (frames) => sendSoon(output, frames));
  output.close();
}
