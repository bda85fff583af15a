/**
 * `npm run bench`: measures the library beside its limit, prints a line of JSON for each measurement and one for each
 * mark. See README.md.
 *
 * The machine is never quiet, and one that is busy slows both down alike. So each measurement runs right beside its
 * limit, in turns, several times over; marks go by medians, and by the median of the ratios of each round.
 */

import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureLatency, measurePublish, measureRelay, measureSigned, quantile } from "#workloads";
import { measureBareLatency, measureBarePublish, measureBareRelay } from "./bare.mjs";
import { measureCommands } from "./commands.mjs";
import { measureConfirmed } from "./confirmed.mjs";
import { measureCrypto, pki } from "./crypto.mjs";
import { measureCursors } from "./cursors.mjs";
import { measureHub } from "./hub.mjs";
import { measureJournal } from "./journal.mjs";
import { measureJournalled } from "./journalled.mjs";
import { opensslSpeed } from "./openssl.mjs";
import { measureReplay } from "./replay.mjs";
import { zmtpBenchmarks } from "./zmtp/marks.mjs";

/**
 * @typedef {{ mark: string, value: number, limit: number, ratio: number | null, required: string, pass: boolean }} Mark
 * @typedef {{ rounds: number, messages: number | undefined, quick: boolean }} Options
 * @typedef {(options: Options) => Promise<Mark[]>} Benchmark
 */

const bodyBytes = 500;
/** No further round begins when so much time has passed. */
const budgetMs = 600_000;
const startedAt = performance.now();

/** @type {Record<string, Benchmark>} */
const benchmarks = {
  publish: benchPublish,
  relay: benchRelay,
  latency: benchLatency,
  commands: benchCommands,
  crypto: ({ rounds, quick }) => measureCrypto({ rounds: quick ? 1 : Math.max(rounds, 5), print }),
  signed: benchSigned,
  ...zmtpBenchmarks(print),
  journal: ({ rounds, quick }) => measureJournal({ rounds: quick ? 1 : rounds, print }),
  cursors: ({ rounds, quick }) => measureCursors({ rounds: quick ? 1 : rounds, print }),
  journalled: ({ rounds, quick, messages }) =>
    measureJournalled({ rounds: quick ? 1 : rounds, messages: messages ?? (quick ? 50_000 : undefined), print }),
  confirmed: ({ rounds, quick, messages }) =>
    measureConfirmed({ rounds: quick ? 1 : rounds, messages: messages ?? (quick ? 50_000 : undefined), print }),
  hub: ({ rounds, quick, messages }) =>
    measureHub({ rounds: quick ? 1 : rounds, messages: messages ?? (quick ? 20_000 : undefined), print }),
  replay: ({ rounds, quick, messages }) =>
    measureReplay({ rounds: quick ? 1 : rounds, messages: messages ?? (quick ? 100_000 : undefined), print }),
};

await main();

async function main() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" },
      messages: { type: "string" },
      only: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
    },
  });
  const { quick, only = Object.keys(benchmarks) } = values;
  const unknown = only.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown) throw new Error(`--only ${unknown}: there are ${Object.keys(benchmarks).join(", ")}`);
  const options = {
    quick,
    rounds: wholeNumber("rounds", values.rounds) ?? (quick ? 1 : 3),
    messages: wholeNumber("messages", values.messages),
  };
  print({ node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model, date: new Date().toISOString() });
  /** @type {Mark[]} */
  const marks = [];
  for (const name of only) marks.push(...(await /** @type {Benchmark} */ (benchmarks[name])(options)));
  for (const mark of marks) print(mark);
  process.exitCode = marks.every(({ pass }) => pass) ? 0 : 1;
}

/**
 * @param {string} flag
 * @param {string | undefined} text
 */
function wholeNumber(flag, text) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${flag} ${text}: expected a whole number from 1 on`);
  return value;
}

/** @type {Benchmark} */
async function benchPublish({ rounds, messages = 300_000, quick }) {
  const size = { bodyBytes, messages: quick ? Math.min(messages, 100_000) : messages };
  const pairs = await inTurns("publish", rounds, measurePublish, measureBarePublish, size);
  const { value, limit, ratio } = compare(pairs, "perSecond");
  return [
    {
      mark: "publish: messages/s beside bare zeromq",
      value,
      limit,
      ratio,
      required: "ratio >= 0.3",
      pass: ratio >= 0.3,
    },
    { mark: "publish: messages/s", value, limit, ratio, required: "value >= 60000", pass: value >= 60_000 },
    lossMark("publish: lost", pairs),
  ];
}

/** @type {Benchmark} */
async function benchRelay({ rounds, messages = 1_000_000, quick }) {
  const size = { bodyBytes, messages: quick ? Math.min(messages, 200_000) : messages };
  const bareSize = { bodyBytes, messages: Math.min(size.messages, 300_000) };
  const pairs = await inTurns("relay", rounds, measureRelay, () => measureBareRelay(bareSize), size);
  const { value, limit, ratio } = compare(pairs, "perSecond");
  const half = medianOf(pairs.map(([{ rssMiB }]) => rssMiB[1] ?? Number.NaN));
  const end = medianOf(pairs.map(([{ rssMiB }]) => rssMiB[2] ?? Number.NaN));
  const growth = end / half;
  return [
    { mark: "relay: messages/s", value, limit, ratio, required: "value >= 25000", pass: value >= 25_000 },
    lossMark("relay: lost", pairs),
    atMost("relay: RSS in MiB at the end", end, 120),
    {
      mark: "relay: RSS in MiB at the end, beside half way",
      ...{ value: end, limit: half, ratio: growth, required: "ratio <= 1.1", pass: growth <= 1.1 },
    },
  ];
}

/** @type {Benchmark} */
async function benchLatency({ rounds, messages = 5000, quick }) {
  const size = { bodyBytes, messages: Math.min(messages, quick ? 2000 : 5000) };
  const pairs = await inTurns("latency", rounds, measureLatency, measureBareLatency, size);
  const { value, limit, ratio } = compare(pairs, "p99Ms");
  const required = "value <= 2 or ratio <= 1";
  return [{ mark: "latency: p99 in ms", value, limit, ratio, required, pass: value <= 2 || ratio <= 1 }];
}

/** @type {Benchmark} */
async function benchSigned({ rounds, messages = 15_000, quick }) {
  const size = { bodyBytes, messages: Math.min(messages, quick ? 5000 : 15_000) };
  const trust = { ca_cert_location: join(pki, "ca.crt"), crl_location: join(pki, "crl.pem") };
  const measure = (/** @type {typeof size} */ wanted) =>
    measureSigned({ ...wanted, ...trust, ssldir: pki, certname: "shell-vm" });
  const measureBare = async () => ({ perSecond: opensslSpeed().sign, lost: 0 });
  const pairs = await inTurns("signed", rounds, measure, measureBare, size);
  const { value, limit, ratio } = compare(pairs, "perSecond");
  return [
    {
      mark: "publish signed, receive validated: messages/s, of openssl's sign/s",
      value,
      limit,
      ratio,
      required: "ratio >= 0.75",
      pass: ratio >= 0.75,
    },
    lossMark("publish signed, receive validated: lost", pairs),
  ];
}

/** @type {Benchmark} */
async function benchCommands({ quick }) {
  const runs = quick ? 10 : 20;
  const seconds = await measureCommands(runs);
  const [node, help, tailHelp, logger] = [seconds.node, seconds.help, seconds.tailHelp, seconds.logger].map(medianOf);
  print({ bench: "commands", runs, node, help, tailHelp, logger });
  const [bare = Number.NaN, ...helps] = [node, help, tailHelp];
  const names = ["fedmsg --help", "fedmsg-tail --help"];
  const required = "value <= 0.15 or value - limit <= 0.07";
  return [
    atMost("fedmsg-logger, one line: seconds", logger ?? Number.NaN, 0.35),
    ...helps.map((value = Number.NaN, n) => {
      const pass = value <= 0.15 || value - bare <= 0.07;
      return { mark: `${names[n]}: seconds`, value, limit: bare, ratio: value / bare, required, pass };
    }),
  ];
}

/**
 * Measures the library and its limit in turns, each round beginning with the other one.
 *
 * @template {object} Ours
 * @template {object} Bare
 * @param {string} bench
 * @param {number} rounds
 * @param {(size: { messages: number, bodyBytes: number }) => Promise<Ours>} measure
 * @param {(size: { messages: number, bodyBytes: number }) => Promise<Bare>} measureBare
 * @param {{ messages: number, bodyBytes: number }} size
 * @returns {Promise<(readonly [Ours, Bare])[]>}
 */
async function inTurns(bench, rounds, measure, measureBare, size) {
  /** @type {(readonly [Ours, Bare])[]} */
  const pairs = [];
  for (let round = 1; round <= rounds; round++) {
    if (round > 1 && performance.now() - startedAt > budgetMs) {
      print({ bench, round, skipped: `${budgetMs / 1000} s have passed` });
      break;
    }
    const bareFirst = round % 2 === 0 ? await measureBare(size) : undefined;
    const ours = await measure(size);
    const bare = bareFirst ?? (await measureBare(size));
    print({ bench, round, ...size, ...ours, limit: bare });
    pairs.push([ours, bare]);
  }
  return pairs;
}

/**
 * Medians of both, and the median of the ratios.
 *
 * @template {string} Key
 * @param {(readonly [Record<Key, number>, Record<Key, number>])[]} pairs
 * @param {Key} key
 */
function compare(pairs, key) {
  return {
    value: medianOf(pairs.map(([ours]) => ours[key])),
    limit: medianOf(pairs.map(([, bare]) => bare[key])),
    ratio: medianOf(pairs.map(([ours, bare]) => ours[key] / bare[key])),
  };
}

/**
 * @param {string} mark
 * @param {(readonly [{ lost: number }, { lost: number }])[]} pairs
 * @returns {Mark}
 */
function lossMark(mark, pairs) {
  const [value, limit] = [0, 1].map((n) => pairs.reduce((sum, pair) => sum + (pair[n]?.lost ?? 0), 0));
  return { mark, value: value ?? 0, limit: limit ?? 0, ratio: null, required: "value = 0", pass: value === 0 };
}

/**
 * @param {string} mark
 * @param {number} value
 * @param {number} limit
 * @returns {Mark}
 */
function atMost(mark, value, limit) {
  return { mark, value, limit, ratio: value / limit, required: "value <= limit", pass: value <= limit };
}

/** @param {readonly number[]} values */
function medianOf(values) {
  return quantile(values, 0.5);
}

/**
 * Prints a line of JSON; numbers with three digits behind the point.
 *
 * @param {object} line
 */
function print(line) {
  const text = JSON.stringify(line, (_, value) =>
    typeof value === "number" ? Math.round(value * 1000) / 1000 : value,
  );
  process.stdout.write(`${text}\n`);
}
