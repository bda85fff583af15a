/**
 * The publishing process of a measurement of `@fedmsg/zmtp`, of NATS, or of bare `zeromq` with many subscribers. Forked and
 * driven by measure.mjs and many.mjs: it gets a task, says where it listens, and publishes when it is told to go.
 */

import { once } from "node:events";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";

/**
 * @typedef {{ messages: number, bodyBytes: number }} Size
 * @typedef {{ role: "frames" | "json" | "latency" | "nats" | "nats-json", address?: string } & Size} StreamTask
 * @typedef {{ role: "many" | "many-turns" | "many-bare", subscribers: number, topics: number } & Size} ManyTask
 * @typedef {StreamTask | ManyTask} Task
 */

const topic = "org.fedoraproject.dev.bench.bench";
/** Messages between two waits. */
const burstMessages = 1000;
/** The same for NATS, where a wait is a round trip. */
const flushMessages = 5000;
/** Un-awaited sends of bare `zeromq`, as in ../bare-worker.mjs. */
const bareBurstMessages = 200;

const [task] = /** @type {[Task]} */ (await once(process, "message"));
const go = once(process, "message");
/** @type {Record<Task["role"], () => Promise<void>>} */
const roles = {
  frames: () => publish(/** @type {StreamTask} */ (task)),
  json: () => publish(/** @type {StreamTask} */ (task)),
  latency: () => publishSteadily(/** @type {StreamTask} */ (task)),
  nats: () => publishOnNats(/** @type {StreamTask} */ (task)),
  "nats-json": () => publishOnNats(/** @type {StreamTask} */ (task)),
  many: () => publishToMany(/** @type {ManyTask} */ (task)),
  "many-turns": () => publishToMany(/** @type {ManyTask} */ (task)),
  "many-bare": () => publishToManyBare(/** @type {ManyTask} */ (task)),
};
await roles[task.role]();
process.disconnect();

/** @param {object} report */
function say(report) {
  process.send?.(report);
}

/**
 * Makes messages as the library does, about as long as the body without JSON. What is said stays the same, as it does where
 * `publish()` is measured; the envelope is made anew for each.
 *
 * @param {number} bodyBytes
 */
function messageMaker(bodyBytes) {
  const msg = { at: 0, text: "x".repeat(bodyBytes - 175) };
  const [id, timestamp, username] = ["2026-fb6ee9be-3081-4616-b742-539b6c1229e3", 1795219574, "root"];
  return (/** @type {number} */ n) => ({ i: n, msg, msg_id: id, timestamp, topic, username });
}

/** @param {string | undefined} address */
async function openPublisher(address) {
  const { Publisher } = await import("@fedmsg/zmtp");
  const publisher = new Publisher({ stallMs: Number.POSITIVE_INFINITY, lingerMs: 10_000 });
  if (address === undefined) say({ address: await publisher.bind("tcp://127.0.0.1:*") });
  else {
    publisher.connect(address);
    say({});
  }
  await Promise.all([go, publisher.subscribed()]);
  return publisher;
}

/** @param {StreamTask} task */
async function publish({ role, address, messages, bodyBytes }) {
  const publisher = await openPublisher(address);
  // A body that a relay of ours takes for an object.
  const frames = [Buffer.from(topic), Buffer.from(`{"x":"${"x".repeat(bodyBytes - 8)}"}`)];
  const toMessage = messageMaker(bodyBytes);
  for (let n = 1; n <= messages; n++) {
    const message = role === "json" ? [topic, JSON.stringify(toMessage(n))] : frames;
    if (!publisher.trySend(message)) await publisher.send(message);
    if (n % burstMessages === 0) await nextTurn();
  }
  await publisher.close();
}

/** @param {StreamTask} task */
async function publishSteadily({ address, messages, bodyBytes }) {
  const publisher = await openPublisher(address);
  const name = Buffer.from(topic);
  const started = performance.now();
  for (let n = 0; n < messages; ) {
    const due = Math.min(messages, Math.floor(performance.now() - started) + 1);
    for (; n < due; n++) {
      const body = Buffer.alloc(bodyBytes, "x"); // One for each: what is sent must not change.
      body.writeBigInt64LE(process.hrtime.bigint());
      await publisher.send([name, body]);
    }
    await delay(1);
  }
  await publisher.close();
}

/** @param {StreamTask} task */
async function publishOnNats({ role, address, messages, bodyBytes }) {
  const { connect } = await import("@nats-io/transport-node");
  const connection = await connect({ servers: address ?? "" });
  say({});
  await go;
  const body = Buffer.alloc(bodyBytes, "x");
  const toMessage = messageMaker(bodyBytes);
  for (let n = 1; n <= messages; n++) {
    connection.publish(topic, role === "nats" ? body : JSON.stringify(toMessage(n)));
    if (n % flushMessages === 0) await connection.flush();
  }
  await connection.drain();
}

/**
 * A burst of un-awaited sends, the last one awaited; the library decides when others get a turn. As "many-turns": others get
 * one after each burst, so that little gathers for each of a thousand peers.
 *
 * @param {ManyTask} task
 */
async function publishToMany({ role, subscribers, topics, messages, bodyBytes }) {
  const { Publisher } = await import("@fedmsg/zmtp");
  const publisher = new Publisher({ stallMs: Number.POSITIVE_INFINITY, lingerMs: 10_000 });
  const address = await publisher.bind("tcp://127.0.0.1:*");
  const before = rss();
  say({ address });
  for (let n = 0; n < subscribers; n++) await publisher.subscribed(`ready.${n};`);
  const kibPerPeer = (rss() - before) / subscribers / 1024;
  say({ peers: publisher.peers });
  await go;
  const done = once(process, "message");
  const [names, body] = [topicNames(topics), Buffer.alloc(bodyBytes, "x")];
  const cpu = process.cpuUsage();
  for (let n = 1; n <= messages; n++) {
    const sent = publisher.send([/** @type {Buffer} */ (names[n % names.length]), body]);
    if (n % burstMessages > 0) continue;
    await sent;
    if (role === "many-turns") await nextTurn();
  }
  await done;
  say({ cpuMs: cpuMs(cpu), kibPerPeer });
  await publisher.close();
}

/** @param {ManyTask} task */
async function publishToManyBare({ subscribers, topics, messages, bodyBytes }) {
  const { XPublisher } = await import("zeromq");
  const socket = new XPublisher({ sendTimeout: 0, sendHighWaterMark: 1000, linger: 10_000 });
  socket.noDrop = true;
  await socket.bind("tcp://127.0.0.1:*");
  const before = rss();
  say({ address: socket.lastEndpoint });
  for (let ready = 0; ready < subscribers; ) {
    const [subscription] = await socket.receive();
    if (subscription?.toString("latin1", 1).startsWith("ready.")) ready++;
  }
  const kibPerPeer = (rss() - before) / subscribers / 1024;
  say({});
  await go;
  const done = once(process, "message");
  const [names, body] = [topicNames(topics), Buffer.alloc(bodyBytes, "x")];
  const cpu = process.cpuUsage();
  for (let n = 0; n < messages; ) {
    /** @type {Buffer[][]} */
    const burst = [];
    const upTo = Math.min(messages, n + bareBurstMessages);
    for (; n < upTo; n++) burst.push([/** @type {Buffer} */ (names[n % names.length]), body]);
    await sendBurst(socket, burst);
    await nextTurn();
  }
  await done; // All is there: what the threads did counts.
  say({ cpuMs: cpuMs(cpu), kibPerPeer });
  socket.close();
}

/**
 * Sends all at once, then what there was no room for, one by one.
 *
 * @param {import("zeromq").XPublisher} socket
 * @param {Buffer[][]} burst
 */
async function sendBurst(socket, burst) {
  const sent = await Promise.all(burst.map((frames) => isSent(socket.send(frames))));
  for (const [n, frames] of burst.entries()) {
    for (let isThere = sent[n]; !isThere; isThere = await isSent(socket.send(frames))) await delay(1);
  }
}

/**
 * @param {Promise<void>} sending false: there is no room
 * @returns {Promise<boolean>}
 */
function isSent(sending) {
  return sending.then(
    () => true,
    () => false,
  );
}

/** @param {number} topics */
function topicNames(topics) {
  return Array.from({ length: topics }, (_, n) => Buffer.from(`${topic}.${n}.`));
}

/** @param {NodeJS.CpuUsage} since */
function cpuMs(since) {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** Memory, after rubbish was collected. Run with `--expose-gc`. */
function rss() {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage.rss();
}
