/**
 * Who is where in a row: three publishers, a relay and two subscribers with different filters.
 *
 * ```
 * one (journal) ────────────────────────────┬──▶ wide    everything
 * two (journal) ────────────────────────────┤
 * three (active) ──▶ relay (journal) ───────┴──▶ narrow  topics that begin with …faults.b: every third message
 * ```
 *
 * In some rows there is a second relay, `relay_two`, which publisher three may go to instead; in others both subscribers are
 * consumers of one hub.
 */

import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {import("fedmsg/config").ConfigInput} ConfigInput
 * @typedef {"relay_outbound" | "relay_two"} RelayName
 * @typedef {"one" | "two" | RelayName} JournalName Who keeps a journal: keys of `replay_endpoints`.
 * @typedef {{ live: string, replay: string }} Place Where somebody publishes and answers.
 * @typedef {Record<JournalName, Place>} Places
 * @typedef {{ inbound: string, confirm: string, confirmSeen: string }} Door Where a relay takes messages; where it confirms them,
 *   and where `three` finds that: there, or at a proxy before it.
 * @typedef {"at once" | "outbox"} Confirming What `publish` of `three` waits for: the relay's answer, or its outbox's disk.
 *
 * @typedef {object} Layout
 * @property {string} folder
 * @property {Places} places where they listen
 * @property {Places} seen where subscribers find them: there, or at a proxy before them
 * @property {readonly JournalName[]} journals those that there are
 * @property {Record<RelayName, Door>} doors
 * @property {Confirming} [confirming]
 * @property {ConfigInput} common what everybody's configuration has beside
 * @property {ConfigInput} publishing what those with a journal have beside
 * @property {Record<string, string[]>} strangers further `endpoints` that subscribers have
 */

/** In the order of publishers' numbers; a second relay has messages of the third, too. @type {readonly JournalName[]} */
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

const freeAddress = async () => `tcp://127.0.0.1:${await freePort()}`;

/** @returns {Promise<Places>} */
export async function freePlaces() {
  const place = async () => ({ live: await freeAddress(), replay: await freeAddress() });
  return { one: await place(), two: await place(), relay_outbound: await place(), relay_two: await place() };
}

/** @returns {Promise<Record<RelayName, Door>>} */
export async function freeDoors() {
  const door = async () => {
    const confirm = await freeAddress();
    return { inbound: await freeAddress(), confirm, confirmSeen: confirm };
  };
  return { relay_outbound: await door(), relay_two: await door() };
}

/** The relays that there are. @param {Layout} layout */
export function relaysOf({ journals }) {
  return /** @type {RelayName[]} */ (journals.filter((name) => name.startsWith("relay_")));
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

/** A relay is `relay_outbound` to itself, whatever others call it. @param {Layout} layout @param {RelayName} name @returns {ConfigInput} */
export function relayConfig(layout, name) {
  const { inbound, confirm } = layout.doors[name];
  const { live, replay } = layout.places[name];
  return {
    ...journalledConfig(layout, name),
    endpoints: { relay_outbound: [live] },
    replay_endpoints: { relay_outbound: replay },
    persistent_store: `sqlite:${join(layout.folder, "journals", name, name)}-{port}.db`,
    relay_inbound: [inbound],
    relay_confirm: layout.confirming ? [confirm] : [],
  };
}

/** @param {Layout} layout @returns {ConfigInput} */
export function activeConfig(layout) {
  const { confirming, doors, folder } = layout;
  return {
    ...senderConfig(layout),
    active: true,
    ...(confirming && { relay_confirm: relaysOf(layout).map((name) => doors[name].confirmSeen) }),
    ...(confirming === "outbox" && { outbox: `sqlite:${join(folder, "journals")}/outbox-{name}.db` }),
  };
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

/** @param {Layout} layout @param {readonly string[]} consumers names of those in programs/consumers.mjs @returns {ConfigInput} */
export function hubConfig(layout, consumers) {
  const module = fileURLToPath(new URL("programs/consumers.mjs", import.meta.url));
  return { ...subscriberConfig(layout), consumers: consumers.map((name) => `${module}:${name}`) };
}

/** @param {Layout} layout @returns {ConfigInput} */
function senderConfig(layout) {
  return baseConfig(layout, layout.places, {});
}

/** @param {Layout} layout @param {Places} places @param {Record<string, string[]>} strangers @returns {ConfigInput} */
function baseConfig({ doors, common, journals }, places, strangers) {
  const each = (/** @type {keyof Place} */ what) => journals.map((name) => [name, places[name][what]]);
  return {
    endpoints: {
      ...Object.fromEntries(each("live").map(([name, address]) => [name, [address]])),
      ...strangers,
    },
    replay_endpoints: Object.fromEntries(each("replay")),
    relay_inbound: [doors.relay_outbound.inbound],
    post_init_sleep: 0,
    validate_signatures: false,
    ...common,
  };
}
