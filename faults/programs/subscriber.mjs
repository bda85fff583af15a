/**
 * A subscriber with a name, whose rows and cursors are one transaction: `node subscriber.mjs <setup.json>`.
 *
 * Every message becomes a row of `got`, which has no index that would hide a second one. `SIGUSR2` makes it slow, a message a
 * millisecond, and fast again.
 */

import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "fedmsg";
import { completeConfig } from "fedmsg/config";
import { numbersOf, writeGot } from "./got.mjs";
import { tellingTo, tellStatus } from "./telling.mjs";

/**
 * @typedef {object} SubscriberSetup
 * @property {string} name of the subscription, and of its file
 * @property {readonly string[]} topics
 * @property {import("fedmsg/config").ConfigInput} config
 * @property {string} events where its status events are kept, a line of JSON each
 */

/** Messages that may be on their way into the database. */
const committingMax = 500;
const slowMs = 1;

/** @type {SubscriberSetup} */
const setup = JSON.parse(readFileSync(/** @type {string} */ (process.argv[2]), "utf8"));
const tell = tellingTo(setup.events);
let slow = false;
process.on("SIGUSR2", () => {
  slow = !slow;
});
process.on("disconnect", () => process.exit(0)); // The runner is gone.

const bus = await connect({ name: `subscriber.${setup.name}`, config: completeConfig(setup.config) });
process.on("SIGTERM", () => void bus.close());
void tellStatus(bus, tell);
process.send?.({ type: "ready" });

const committing = new Set();
for await (const received of bus.subscribe({ durable: setup.name, topics: [...setup.topics] })) {
  if (slow) await delay(slowMs);
  const commit = received
    .commit((transaction) => writeGot(transaction, numbersOf(received)))
    .catch((/** @type {Error} */ error) => tell({ type: "commit-failed", detail: String(error) }))
    .finally(() => committing.delete(commit));
  committing.add(commit);
  if (committing.size >= committingMax) await Promise.race(committing);
}
await Promise.all(committing);
process.disconnect?.();
