/**
 * The publishing process of a measurement of `@fedmsg/zmtp`, of NATS, or of bare `zeromq` with many subscribers. Forked and
 * driven by measure.mjs: it gets a task, says where it listens, and publishes when it is told to go.
 */

import { once } from "node:events";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";

/**
 * @typedef {{ messages: number, bodyBytes: number }} Size
 * @typedef {{ role: "frames" | "json" | "latency" | "nats" | "nats-json", address?: string } & Size} StreamTask
 * @typedef {{ role: "many" | "many-bare", subscribers: number, topics: number } & Size} ManyTask
 * @typedef {StreamTask | ManyTask} Task
 */

const topic = "org.fedoraproject.dev.bench.bench";
/** Messages between two waits. */
const burstMessages = 500;

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
  "many-bare": () => publishToManyBare(/** @type {ManyTask} */ (task)),
};
await roles[task.role]();
process.disconnect();

/** @param {object} report */
function say(report) {
  process.send?.(report);
}

/**
 * A message as the library makes it, about as long as the body without JSON.
 *
 * @param {number} n
 * @param {number} bodyBytes
 */
function toMessage(n, bodyBytes) {
  const msg = { at: 0, text: "x".repeat(bodyBytes - 175) };
  const [id, timestamp, username] = ["2026-fb6ee9be-3081-4616-b742-539b6c1229e3", 1795219574, "root"];
  return { i: n, msg, msg_id: id, timestamp, topic, username };
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
  for (let n = 1; n <= messages; n++) {
    const sent = publisher.send(role === "json" ? [topic, JSON.stringify(toMessage(n, bodyBytes))] : frames);
    if (n % burstMessages === 0) await sent;
  }
  await publisher.close();
}

/** @param {StreamTask} task */
async function publishSteadily({ address, messages, bodyBytes }) {
  const publisher = await openPublisher(address);
  const text = "x".repeat(bodyBytes - 40);
  const started = performance.now();
  for (let n = 0; n < messages; ) {
    const due = Math.min(messages, Math.floor(performance.now() - started) + 1);
    for (; n < due; n++) {
      await publisher.send([topic, JSON.stringify({ at: performance.timeOrigin + performance.now(), text })]);
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
  for (let n = 1; n <= messages; n++) {
    connection.publish(topic, role === "nats" ? body : JSON.stringify(toMessage(n, bodyBytes)));
    if (n % burstMessages === 0) await connection.flush();
  }
  await connection.drain();
}

/** @param {ManyTask} task */
async function publishToMany({ subscribers, topics, messages, bodyBytes }) {
  const { Publisher } = await import("@fedmsg/zmtp");
  const publisher = new Publisher({ stallMs: Number.POSITIVE_INFINITY, lingerMs: 10_000 });
  const before = rss();
  say({ address: await publisher.bind("tcp://127.0.0.1:*") });
  await go;
  if (publisher.peers < subscribers) throw new Error(`${publisher.peers} subscribers of ${subscribers} are there`);
  const bytesPerPeer = (rss() - before) / subscribers;
  const [names, body] = [topicNames(topics), Buffer.alloc(bodyBytes, "x")];
  const cpu = process.cpuUsage();
  for (let n = 1; n <= messages; n++) {
    const sent = publisher.send([/** @type {Buffer} */ (names[n % names.length]), body]);
    if (n % burstMessages === 0) await sent;
  }
  await publisher.close();
  say({ cpuMs: cpuMs(cpu), bytesPerPeer });
}

/** @param {ManyTask} task */
async function publishToManyBare({ subscribers, topics, messages, bodyBytes }) {
  const { XPublisher, context } = await import("zeromq");
  context.maxSockets = subscribers + 100;
  const socket = new XPublisher({ sendTimeout: 0, sendHighWaterMark: 1000, linger: 10_000 });
  socket.noDrop = true;
  await socket.bind("tcp://127.0.0.1:*");
  say({ address: socket.lastEndpoint });
  await go;
  const [names, body] = [topicNames(topics), Buffer.alloc(bodyBytes, "x")];
  const cpu = process.cpuUsage();
  for (let n = 1; n <= messages; n++) {
    while (
      !(await socket.send([/** @type {Buffer} */ (names[n % names.length]), body]).then(
        () => true,
        () => false,
      ))
    ) {
      await delay(1);
    }
    if (n % burstMessages === 0) await nextTurn();
  }
  socket.close();
  await once(process, "message"); // All is there: what the threads did counts.
  say({ cpuMs: cpuMs(cpu), bytesPerPeer: 0 });
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
