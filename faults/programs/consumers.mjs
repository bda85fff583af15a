/**
 * Consumers for a hub. `wide` and `narrow` are what the two subscribers are elsewhere; the others fail, each in its own way. All
 * of them write a row for each message that they handle, into a database of their own.
 *
 * The runner can have the hub die (`die`) at a moment of some message that `wide` or `narrow` has in its hands.
 */

import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { defineConsumer } from "fedmsg/plugin";
import { doesFail, doesHang, throwsPart } from "../failing.mjs";
import { filters } from "../layout.mjs";
import { numbersOf, writeGot } from "./got.mjs";
import { tellingTo, tellStatus } from "./telling.mjs";

/**
 * @typedef {import("../failing.mjs").Moment} Moment
 * @typedef {{ type: "die", moment: Moment }} Die
 */

/** How long `consume` takes, at most. */
const workMs = 5;
const timeoutMs = 500;

const tell = tellingTo(process.env.FAULTS_EVENTS ?? "");
/** @type {Moment | undefined} */
let lastMoment;
process.on("message", (/** @type {Die} */ { type, moment }) => {
  if (type === "die") lastMoment = moment;
});
process.channel?.unref();

/** `kill -9`, where this is the moment. @param {Moment} moment */
function reach(moment) {
  if (moment !== lastMoment) return;
  lastMoment = undefined;
  if (moment === "committing")
    process.send?.({ type: moment }); // It goes on at once, and the runner kills it meanwhile.
  else process.kill(process.pid, "SIGKILL");
}

/** @param {string} name */
function durable(name) {
  const retry = { attempts: 30, firstMs: 10, mostMs: 100 };
  const { topics } = filters.wide;
  return /** @type {const} */ ({ name, durable: true, from: "first", concurrency: 100, retry, topics });
}

/** @param {"wide" | "narrow"} name */
function healthy(name) {
  return defineConsumer({
    ...durable(name),
    topics: filters[name].topics,
    async consume(received, { commit }) {
      await delay(Math.random() * workMs);
      reach("consuming");
      await commit((transaction) => {
        writeGot(transaction, numbersOf(received));
        reach("writing");
        reach("committing");
      });
      reach("committed");
    },
  });
}

export const wide = {
  ...healthy("wide"),
  /** @param {import("fedmsg/plugin").PluginContext} context */
  start({ bus }) {
    void tellStatus(bus, tell);
    process.send?.({ type: "ready" });
  },
};

export const narrow = healthy("narrow");

/** Throws now and then: before it commits, within what it commits, or behind it. */
export const throwing = defineConsumer({
  ...durable("throwing"),
  async consume(received, { commit }) {
    const where = Math.random() < throwsPart ? Math.floor(Math.random() * 3) : undefined;
    if (where === 0) throw new Error("thrown before the commit");
    await commit((transaction) => {
      writeGot(transaction, numbersOf(received));
      if (where === 1) throw new Error("thrown within the commit");
    });
    if (where === 2) throw new Error("thrown behind the commit");
  },
});

/** Hangs now and then, and commits when it is too late; half of the time it does not heed its signal. */
export const hanging = defineConsumer({
  ...durable("hanging"),
  timeoutMs,
  async consume(received, { commit, attempt, signal }) {
    const { n, p } = numbersOf(received);
    const hangs = attempt === 1 && doesHang(n);
    if (hangs) await (p === 1 ? delay(timeoutMs * 2) : once(signal, "abort"));
    const committed = commit((transaction) => writeGot(transaction, numbersOf(received)));
    if (!hangs) await committed;
    else await committed.catch(({ code }) => tell({ type: "late-commit", detail: code }));
  },
});

/** Always fails for some messages. */
export const failing = defineConsumer({
  ...durable("failing"),
  retry: { attempts: 3, firstMs: 10, mostMs: 100 },
  async consume(received, { commit }) {
    if (doesFail(numbersOf(received).n)) throw new Error("never");
    await commit((transaction) => writeGot(transaction, numbersOf(received)));
  },
});
