/** The marks of `@fedmsg/zmtp`, each beside its limits in the same run. Driven by ../run.mjs. */

import { measurePublish } from "#workloads";
import { measureBareLatency, measureBarePublish, measureBareRelay } from "../bare.mjs";
import { measureMany } from "./many.mjs";
import { measureFrames, measureFramesLatency, measureFramesRelay, measureJson } from "./measure.mjs";
import { measureNative, measureNativeLatency, measureNativeRelay, missingForNative, removeNative } from "./native.mjs";
import { measureNats, missingForNats } from "./nats.mjs";
import { atMost, compare, inTurns, median, noneLost, unlessMissing } from "./turns.mjs";

/**
 * @typedef {import("../run.mjs").Mark} Mark
 * @typedef {import("../run.mjs").Options} Options
 * @typedef {import("../run.mjs").Benchmark} Benchmark
 * @typedef {import("./turns.mjs").Print} Print
 * @typedef {(options: Options, print: Print) => Promise<Mark[]>} PrintingBenchmark
 */

const bodyBytes = 500;
/** How many messages a limit is given that takes several times as long. */
const bareMessages = 300_000;

/**
 * @param {Print} print
 * @returns {Record<string, Benchmark>}
 */
export function zmtpBenchmarks(print) {
  /** @type {Record<string, PrintingBenchmark>} */
  const benchmarks = {
    frames: benchFrames,
    json: benchJson,
    "frames-relay": benchRelay,
    many: benchMany,
    "frames-latency": benchLatency,
  };
  /** @type {(bench: PrintingBenchmark) => Benchmark} */
  const withPrint = (bench) => (options) => bench(options, print).finally(removeNative);
  return Object.fromEntries(Object.entries(benchmarks).map(([name, bench]) => [name, withPrint(bench)]));
}

/** @type {PrintingBenchmark} */
async function benchFrames({ rounds, messages = 1_000_000, quick }, print) {
  const size = { bodyBytes, messages: quick ? Math.min(messages, 300_000) : messages };
  const bareSize = { bodyBytes, messages: Math.min(size.messages, bareMessages) };
  const { views, batches, accepted, acceptedBatches, bare, c } = await inTurns(
    "frames",
    { rounds, bodyBytes, print },
    {
      views: () => measureFrames(size),
      batches: () => measureFrames(size, { takes: "batches" }),
      accepted: () => measureFrames(size, { binds: true }),
      acceptedBatches: () => measureFrames(size, { binds: true, takes: "batches" }),
      bare: () => measureBarePublish(bareSize),
      c: unlessMissing(missingForNative(), () => measureNative(size)),
    },
  );
  return [
    compare("frames: messages/s beside bare zeromq", views, bare, "perSecond", { least: 4 }),
    compare("frames: messages/s beside C on libzmq", views, c, "perSecond", { least: 0.8 }),
    compare("frames, subscriber listens: messages/s beside bare zeromq", accepted, bare, "perSecond", { least: 3 }),
    noneLost("frames: lost", [views, batches, accepted, acceptedBatches], [bare, c]),
  ];
}

/** @type {PrintingBenchmark} */
async function benchJson({ rounds, messages = 300_000, quick }, print) {
  const size = { bodyBytes, messages: quick ? Math.min(messages, 100_000) : messages };
  const { fedmsg, loop, nats, natsFrames } = await inTurns(
    "json",
    { rounds, bodyBytes, print },
    {
      fedmsg: async () => ({ ...(await measurePublish(size)) }),
      loop: () => measureJson(size),
      nats: unlessMissing(missingForNats(), () => measureNats(size, "nats-json")),
      natsFrames: unlessMissing(missingForNats(), () => measureNats(size, "nats")),
    },
  );
  const value = median(fedmsg.rounds, "perSecond");
  const required = "value >= 120000";
  return [
    compare("publish: messages/s beside a JSON loop over @fedmsg/zmtp", fedmsg, loop, "perSecond", { least: 0.5 }),
    compare("publish: messages/s beside nats.js with JSON", fedmsg, nats, "perSecond", { least: 1 }),
    {
      mark: "publish over ZMTP: messages/s",
      ...{ value, limit: 120_000, ratio: value / 120_000, required, pass: value >= 120_000 },
    },
    noneLost("json: lost", [fedmsg, loop], [nats, natsFrames]),
  ];
}

/** @type {PrintingBenchmark} */
async function benchRelay({ rounds, messages = 1_000_000, quick }, print) {
  const size = { bodyBytes, messages: quick ? Math.min(messages, 300_000) : messages };
  const bareSize = { bodyBytes, messages: Math.min(size.messages, bareMessages) };
  const { ours, bare, c } = await inTurns(
    "frames-relay",
    { rounds, bodyBytes, print },
    {
      ours: () => measureFramesRelay(size),
      bare: () => measureBareRelay(bareSize),
      c: unlessMissing(missingForNative(), () => measureNativeRelay(size)),
    },
  );
  return [
    compare("frames through a relay: messages/s beside bare zeromq", ours, bare, "perSecond", { least: 3 }),
    noneLost("frames through a relay: lost", [ours], [bare, c]),
  ];
}

/** @type {PrintingBenchmark} */
async function benchMany(options, print) {
  /** @type {Mark[]} */
  const marks = [];
  for (const subscribers of [100, 1000]) {
    marks.push(...(await benchManyOf(subscribers, subscribers, options, print)));
    marks.push(...(await benchManyOf(subscribers, 1, options, print)));
  }
  return marks;
}

/**
 * @param {number} subscribers
 * @param {number} topics one for each, or one for all
 * @param {Options} options
 * @param {Print} print
 * @returns {Promise<Mark[]>}
 */
async function benchManyOf(subscribers, topics, { rounds, quick }, print) {
  const deliveries = (quick ? 100_000 : 300_000) * (topics === 1 ? 3 : 1);
  const messages = topics === 1 ? deliveries / subscribers : deliveries;
  const size = { bodyBytes, subscribers, topics, messages };
  const name = `1 → ${subscribers}, ${topics === 1 ? "all topics" : "one topic each"}`;
  const { ours, turns, bare, c } = await inTurns(
    `many: ${name}`,
    { rounds, bodyBytes, print },
    {
      ours: () => measureMany(size, "many"),
      turns: () => measureMany(size, "many-turns"),
      bare: () => measureMany(size, "many-bare"),
      c: unlessMissing(missingForNative(), () => measureMany(size, "c")),
    },
  );
  const marks = [
    compare(`${name}: publisher's CPU per delivery, µs`, ours, bare, "cpuUsPerDelivery", { most: 1 }),
    compare(`${name}: time per delivery, µs`, ours, bare, "usPerDelivery", { most: 1 }),
    noneLost(`${name}: lost`, [ours, turns], [bare, c]),
  ];
  if (subscribers === 1000 && topics === 1) {
    marks.push(atMost("memory of an idle peer, KiB", median(ours.rounds, "kibPerPeer"), 32));
  }
  return marks;
}

/** @type {PrintingBenchmark} */
async function benchLatency({ rounds, messages = 5000, quick }, print) {
  const size = { bodyBytes, messages: Math.min(messages, quick ? 2000 : 5000) };
  const { ours, c } = await inTurns(
    "frames-latency",
    { rounds, bodyBytes, print },
    {
      ours: () => measureFramesLatency(size),
      bare: () => measureBareLatency(size),
      c: unlessMissing(missingForNative(), () => measureNativeLatency(size)),
    },
  );
  const [p50, p99] = /** @type {[Mark, Mark]} */ (
    ["p50Ms", "p99Ms"].map((key) => compare(`latency over @fedmsg/zmtp: ${key}`, ours, c, key, { most: 1 }))
  );
  const isShort = p50.value <= 0.15 && p99.value <= 1;
  const pass = isShort || (p50.pass && p99.pass);
  const required = "p50 <= 0.15 and p99 <= 1, or both ratios to C <= 1";
  return [...[p50, p99].map((mark) => ({ ...mark, required, pass })), noneLost("frames-latency: lost", [ours], [c])];
}
