/** The marks of `@fedmsg/zmtp`, each beside its limits in the same run. Driven by ../run.mjs. */

import { measurePublish, quantile } from "#workloads";
import { measureBareLatency, measureBarePublish, measureBareRelay } from "../bare.mjs";
import {
  measureFrames,
  measureFramesLatency,
  measureFramesRelay,
  measureJson,
  measureMany,
  measureNats,
} from "./measure.mjs";
import { measureNative, measureNativeLatency, missingForNative } from "./native.mjs";

/**
 * @typedef {import("../run.mjs").Mark} Mark
 * @typedef {import("../run.mjs").Benchmark} Benchmark
 */

const bodyBytes = 500;

/** @param {(line: object) => void} print @returns {Record<string, Benchmark>} */
export function zmtpBenchmarks(print) {
  return {
    frames: (options) => benchFrames(options, print),
    json: (options) => benchJson(options, print),
    "frames-relay": (options) => benchRelay(options, print),
    many: (options) => benchMany(options, print),
    "frames-latency": (options) => benchLatency(options, print),
  };
}

/**
 * Measures several things in turns, each round beginning with another one.
 *
 * @template {Record<string, () => Promise<Record<string, number>>>} Things
 * @param {string} bench
 * @param {number} rounds
 * @param {(line: object) => void} print
 * @param {Things} things
 * @returns {Promise<Record<keyof Things, Record<string, number>[]>>}
 */
async function inTurns(bench, rounds, print, things) {
  const names = Object.keys(things);
  /** @type {Record<string, Record<string, number>[]>} */
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    const order = names.map((_, n) => /** @type {string} */ (names[(n + round) % names.length]));
    for (const name of order) results[name]?.push(await /** @type {Things[string]} */ (things[name])());
    print({ bench, round, bodyBytes, ...Object.fromEntries(names.map((name) => [name, results[name]?.at(-1)])) });
  }
  return /** @type {Record<keyof Things, Record<string, number>[]>} */ (results);
}

/**
 * How ours stands to another, as the median of the ratios of each round.
 *
 * @param {string} mark
 * @param {Record<string, number>[]} ours
 * @param {Record<string, number>[]} others
 * @param {string} key
 * @param {{ least?: number, most?: number }} bound of the ratio
 * @returns {Mark}
 */
function compare(mark, ours, others, key, { least, most }) {
  const [value, limit] = [ours, others].map((rounds) => median(rounds.map((round) => round[key] ?? Number.NaN)));
  const ratio = median(ours.map((round, n) => (round[key] ?? Number.NaN) / (others[n]?.[key] ?? Number.NaN)));
  const pass = least !== undefined ? ratio >= least : ratio <= (most ?? 0);
  const required = least !== undefined ? `ratio >= ${least}` : `ratio <= ${most}`;
  return { mark, value: value ?? 0, limit: limit ?? 0, ratio, required, pass };
}

/** @param {readonly number[]} values */
function median(values) {
  return quantile(values, 0.5);
}

/**
 * @param {string} mark
 * @param {Record<string, number>[][]} runs
 * @returns {Mark}
 */
function noneLost(mark, runs) {
  const value = runs.flat().reduce((sum, { lost }) => sum + (lost ?? 0), 0);
  return { mark, value, limit: 0, ratio: null, required: "value = 0", pass: value === 0 };
}

/**
 * @param {string} mark
 * @returns {Mark}
 */
function missing(mark) {
  const required = `Debian's package ${missingForNative()}`;
  return { mark, value: Number.NaN, limit: Number.NaN, ratio: null, required, pass: false };
}

/** @param {import("../run.mjs").Options} options @param {(line: object) => void} print */
async function benchFrames({ rounds, messages = 1_000_000, quick }, print) {
  const size = { bodyBytes, messages: quick ? Math.min(messages, 300_000) : messages };
  const bareSize = { bodyBytes, messages: Math.min(size.messages, 300_000) };
  const hasC = missingForNative() === undefined;
  const results = await inTurns("frames", rounds, print, {
    views: () => measureFrames(size),
    batches: () => measureFrames(size, { takes: "batches" }),
    accepted: () => measureFrames(size, { binds: true }),
    bare: () => measureBarePublish(bareSize),
    ...(hasC && { c: () => measureNative(size) }),
  });
  const { views, batches, accepted, bare, c } = results;
  return [
    compare("frames: messages/s beside bare zeromq", views, bare, "perSecond", { least: 4 }),
    c
      ? compare("frames: messages/s beside C on libzmq", views, c, "perSecond", { least: 0.8 })
      : missing("frames: messages/s beside C on libzmq"),
    compare("frames, subscriber listens: messages/s beside bare zeromq", accepted, bare, "perSecond", { least: 3 }),
    noneLost("frames: lost", [views, batches, accepted]),
  ];
}

/** @param {import("../run.mjs").Options} options @param {(line: object) => void} print */
async function benchJson({ rounds, messages = 300_000, quick }, print) {
  const size = { bodyBytes, messages: quick ? Math.min(messages, 100_000) : messages };
  const { fedmsg, loop, nats } = await inTurns("json", rounds, print, {
    fedmsg: async () => ({ ...(await measurePublish(size)) }),
    loop: () => measureJson(size),
    nats: () => measureNats(size, "nats-json"),
    natsFrames: () => measureNats(size, "nats"),
  });
  const value = median(fedmsg.map(({ perSecond }) => perSecond ?? 0));
  const required = "value >= 120000";
  return [
    compare("publish: messages/s beside a JSON loop over @fedmsg/zmtp", fedmsg, loop, "perSecond", { least: 0.5 }),
    compare("publish: messages/s beside nats.js with JSON", fedmsg, nats, "perSecond", { least: 1 }),
    {
      mark: "publish over ZMTP: messages/s",
      value,
      limit: 120_000,
      ratio: value / 120_000,
      required,
      pass: value >= 120_000,
    },
    noneLost("json: lost", [fedmsg, loop, nats]),
  ];
}

/** @param {import("../run.mjs").Options} options @param {(line: object) => void} print */
async function benchRelay({ rounds, messages = 1_000_000, quick }, print) {
  const size = { bodyBytes, messages: quick ? Math.min(messages, 300_000) : messages };
  const { ours, bare } = await inTurns("frames-relay", rounds, print, {
    ours: () => measureFramesRelay(size),
    bare: () => measureBareRelay({ bodyBytes, messages: Math.min(size.messages, 300_000) }),
  });
  return [
    compare("frames through a relay: messages/s beside bare zeromq", ours, bare, "perSecond", { least: 3 }),
    noneLost("frames through a relay: lost", [ours]),
  ];
}

/** @param {import("../run.mjs").Options} options @param {(line: object) => void} print */
async function benchMany({ rounds, quick }, print) {
  const deliveries = quick ? 100_000 : 300_000;
  /** @type {Mark[]} */
  const marks = [];
  for (const subscribers of [100, 1000]) {
    for (const [what, topics] of /** @type {[string, number][]} */ ([
      ["one topic each", subscribers],
      ["all topics", 1],
    ])) {
      const size = {
        bodyBytes,
        subscribers,
        topics,
        messages: topics === 1 ? (3 * deliveries) / subscribers : deliveries,
      };
      const name = `1 → ${subscribers}, ${what}`;
      const { ours, bare } = await inTurns(`many: ${name}`, rounds, print, {
        ours: () => measureMany(size, "many"),
        bare: () => measureMany(size, "many-bare"),
      });
      marks.push(compare(`${name}: publisher's CPU per delivery, µs`, ours, bare, "cpuUsPerDelivery", { most: 1 }));
      marks.push(compare(`${name}: time per delivery, µs`, ours, bare, "usPerDelivery", { most: 1 }));
      if (subscribers < 1000 || topics > 1) continue;
      const value = median(ours.map(({ kibPerPeer }) => kibPerPeer ?? Number.NaN));
      const [mark, required] = ["memory of an idle peer, KiB", "value <= 32"];
      marks.push({ mark, value, limit: 32, ratio: value / 32, required, pass: value <= 32 });
    }
  }
  return marks;
}

/** @param {import("../run.mjs").Options} options @param {(line: object) => void} print */
async function benchLatency({ rounds, messages = 5000, quick }, print) {
  const size = { bodyBytes, messages: Math.min(messages, quick ? 2000 : 5000) };
  const hasC = missingForNative() === undefined;
  const { ours, c } = await inTurns("frames-latency", rounds, print, {
    ours: () => measureFramesLatency(size),
    bare: () => measureBareLatency(size),
    ...(hasC && { c: () => measureNativeLatency(size) }),
  });
  return [
    ["p50Ms", 0.15],
    ["p99Ms", 1],
  ].map(([key, most]) => {
    const name = `latency over @fedmsg/zmtp: ${key}`;
    const { value, limit, ratio } = compare(name, ours, c ?? ours, String(key), { most: 1 });
    const pass = value <= Number(most) || (c !== undefined && (ratio ?? 2) <= 1);
    return { mark: name, value, limit, ratio, required: `value <= ${most}, or ratio to C <= 1`, pass };
  });
}
