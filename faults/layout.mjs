/**
 * Who is where in a row: three publishers, a relay and two subscribers with different filters.
 *
 * ```
 * one (journal) ────────────────────────────┬──▶ wide    everything
 * two (journal) ────────────────────────────┤
 * three (active) ──▶ relay (journal) ───────┴──▶ narrow  topics that begin with …faults.b: every third message
 * ```
 */

import { createServer } from "node:net";
import { join } from "node:path";

/**
 * @typedef {import("fedmsg/config").ConfigInput} ConfigInput
 * @typedef {"one" | "two" | "relay_outbound"} JournalName Who keeps a journal: keys of `replay_endpoints`.
 * @typedef {{ live: string, replay: string }} Place Where somebody publishes and answers.
 * @typedef {Record<JournalName, Place>} Places
 *
 * @typedef {object} Layout
 * @property {string} folder
 * @property {Places} places where they listen
 * @property {Places} seen where subscribers find them: there, or at a proxy before them
 * @property {string} inbound where the relay listens for `three`
 * @property {ConfigInput} common what everybody's configuration has beside
 * @property {ConfigInput} publishing what those with a journal have beside
 * @property {Record<string, string[]>} strangers further `endpoints` that subscribers have
 */

/** @type {readonly JournalName[]} */
export const journalNames = ["one", "two", "relay_outbound"];
/** By the number that stands in its messages as `p`. */
export const publisherNames = /** @type {const} */ ({ 1: "one", 2: "two", 3: "three" });
export const prefix = "org.fedoraproject.dev.faults.";
/** What each subscriber asks for, and whether a message number is for it. */
export const filters = {
  wide: { topics: [prefix], wants: (/** @type {number} */ _n) => true },
  narrow: { topics: [`${prefix}b`], wants: (/** @type {number} */ n) => n % 3 === 1 },
};
/** @typedef {keyof typeof filters} SubscriberName */
export const subscriberNames = /** @type {const} */ (["wide", "narrow"]);

/** Below those that the system gives to connections that go out, which might take one while its process is down. */
const ports = { first: 20_000, count: 12_000 };
let nextPort = ports.first + ((process.pid * 97) % ports.count);

/** A port that nobody uses, and that is given once. @param {string} [host] */
export async function freePort(host = "127.0.0.1") {
  for (;;) {
    const port = nextPort;
    nextPort = ports.first + ((nextPort + 1 - ports.first) % ports.count);
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, host, () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** @returns {Promise<Places>} */
export async function freePlaces() {
  const place = async () => ({
    live: `tcp://127.0.0.1:${await freePort()}`,
    replay: `tcp://127.0.0.1:${await freePort()}`,
  });
  return { one: await place(), two: await place(), relay_outbound: await place() };
}

/** Where somebody's journal is. @param {Layout} layout @param {JournalName} name */
export function journalFile({ folder, places }, name) {
  return join(folder, "journals", name, `${name}-${new URL(places[name].live).port}.db`);
}

/** @param {Layout} layout @param {JournalName} name @returns {ConfigInput} */
export function journalledConfig(layout, name) {
  return {
    ...senderConfig(layout),
    persistent_store: `sqlite:${join(layout.folder, "journals", name)}/{name}-{port}.db`,
    ...layout.publishing,
  };
}

/** @param {Layout} layout @returns {ConfigInput} */
export function activeConfig(layout) {
  return { ...senderConfig(layout), active: true };
}

/** @param {Layout} layout @param {number} port @returns {ConfigInput} */
export function gatewayConfig(layout, port) {
  return {
    ...senderConfig(layout),
    "fedmsg.consumers.gateway.port": port,
    "fedmsg.consumers.gateway.interface": "127.0.0.1",
  };
}

/** @param {Layout} layout @returns {ConfigInput} */
export function subscriberConfig(layout) {
  return {
    ...baseConfig(layout, layout.seen, layout.strangers),
    mute: true,
    cursor_store: `sqlite:${join(layout.folder, "cursors")}/{name}.db`,
  };
}

/** @param {Layout} layout @returns {ConfigInput} */
function senderConfig(layout) {
  return baseConfig(layout, layout.places, {});
}

/** @param {Layout} layout @param {Places} places @param {Record<string, string[]>} strangers @returns {ConfigInput} */
function baseConfig({ inbound, common }, places, strangers) {
  const each = (/** @type {keyof Place} */ what) => journalNames.map((name) => [name, places[name][what]]);
  return {
    endpoints: {
      ...Object.fromEntries(each("live").map(([name, address]) => [name, [address]])),
      ...strangers,
    },
    replay_endpoints: Object.fromEntries(each("replay")),
    relay_inbound: [inbound],
    post_init_sleep: 0,
    validate_signatures: false,
    ...common,
  };
}
