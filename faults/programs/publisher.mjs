/**
 * A publisher that keeps a record of what it was promised: `node publisher.mjs <setup.json>`.
 *
 * It publishes what it is told to (`go`), in bursts spread over the time it is given, and appends to its record what became
 * of each number before it does anything else:
 *
 * ```
 * r 2000               numbers up to 2000 may be used from here on; after kill -9 it goes on behind them
 * a 1017               acknowledged
 * x 1018 FEDMSG_CODE   refused; what it said goes to the runner
 * ```
 */

import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "fedmsg";
import { completeConfig } from "fedmsg/config";
import { tellingTo, tellStatus } from "./telling.mjs";

/**
 * @typedef {object} PublisherSetup
 * @property {string} name its key in `endpoints`
 * @property {number} number stands in its messages as `p`
 * @property {import("fedmsg/config").ConfigInput} config
 * @property {string} record
 * @property {string} events where its status events are kept, a line of JSON each
 * @property {number} bodyBytes about so many bytes are in a message
 *
 * @typedef {{ type: "go", count: number, seconds: number }} Go Get so many messages acknowledged, in so many seconds; 0: at once.
 * @typedef {{ type: "die" }} Die `kill -9` as soon as the next one is acknowledged, and that is in the record.
 */

const reservedAtOnce = 1000;
/** Numbers without an answer, at most; and, as bursts have so many, at least. */
const inFlightMax = 1000;
const burstMin = 100;
const retryMs = 50;

/** @type {PublisherSetup} */
const setup = JSON.parse(readFileSync(/** @type {string} */ (process.argv[2]), "utf8"));
const padding = "x".repeat(setup.bodyBytes);
let reserved = reservedBefore();
let next = reserved + 1;
let inFlight = 0;
let refusedSince = false;
let isToDie = false;
const record = openSync(setup.record, "a");
/** @type {string[]} */
const lines = [];

const bus = await connect({ name: setup.name, config: completeConfig(setup.config) });
void tellStatus(bus, tellingTo(setup.events));
process.on("message", (/** @type {Go | Die} */ message) => {
  if (message.type === "go") void publishAll(message);
  else isToDie = true;
});
process.on("disconnect", () => process.exit(0)); // The runner is gone.
process.on("SIGTERM", async () => {
  await bus.drain();
  closeSync(record);
  process.exit(0);
});
process.send?.({ type: "ready" });

/** @param {Go} order */
async function publishAll({ count, seconds }) {
  const startedAt = performance.now();
  let wanted = count;
  let begun = 0;
  let acknowledged = 0;
  /** @type {string | undefined} */
  let refusal;
  while (acknowledged < count) {
    const due =
      seconds === 0 ? wanted : Math.min(wanted, (wanted * (performance.now() - startedAt)) / (seconds * 1000));
    const burst = Math.min(Math.floor(due) - begun, inFlightMax - inFlight);
    if (burst >= Math.min(burstMin, wanted - begun)) {
      for (let n = 0; n < burst; n++) void publishOne();
      begun += burst;
    }
    await delay(refusedSince ? retryMs : seconds === 0 ? 0 : 5);
    refusedSince = false;
    if (begun === wanted && inFlight === 0 && acknowledged < count) await delay(retryMs);
  }
  process.send?.({ type: "done", count, refusal });

  async function publishOne() {
    inFlight++;
    const n = take();
    try {
      await bus.publish({ topic: topicOf(n), modname: "faults", msg: { n, p: setup.number, padding } });
      acknowledged++;
      note(`a ${n}`);
    } catch (error) {
      const { code, message } = /** @type {import("fedmsg").FedmsgError} */ (error);
      wanted++; // As a new message, under a new number.
      refusedSince = true;
      if (!refusal) process.send?.({ type: "refused", code, message });
      refusal ??= `${code}: ${message}`;
      note(`x ${n} ${code}`);
    } finally {
      inFlight--;
    }
  }
}

/** @param {number} n */
function topicOf(n) {
  return `${["a", "b", "c"][n % 3]}.p${setup.number}`;
}

/** The next number. None is used twice, whatever happens to this process. */
function take() {
  if (next > reserved) {
    reserved += reservedAtOnce;
    writeSync(record, `r ${reserved}\n`);
  }
  return next++;
}

/** Keeps a line: with all others of this turn, before anything else runs. @param {string} line */
function note(line) {
  if (lines.push(line) === 1) {
    process.nextTick(() => {
      writeSync(record, `${lines.splice(0).join("\n")}\n`);
      if (isToDie) process.kill(process.pid, "SIGKILL");
    });
  }
}

function reservedBefore() {
  if (!existsSync(setup.record)) return 0;
  const numbers = readFileSync(setup.record, "utf8").matchAll(/^r (\d+)$/gm);
  return Math.max(0, ...[...numbers].map(([, number]) => Number(number)));
}
