/** A proxy between the subscribers and everybody who publishes: it delays, drops and reorders. */

import { journalNames } from "../layout.mjs";
import { Meddling } from "../proxy.mjs";

/**
 * @typedef {import("../row.mjs").Row} Row
 * @typedef {import("../proxy.mjs").ProxyFaults} ProxyFaults
 */

/**
 * @param {string} name
 * @param {string} title
 * @param {ProxyFaults} live what happens to messages
 * @param {ProxyFaults} replay what happens to questions and answers
 * @param {keyof Meddling["counts"]} counted what must have happened
 * @returns {Row}
 */
function through(name, title, live, replay, counted) {
  /** @type {Meddling[]} */
  let proxies = [];
  return {
    ...{ name, title },
    special: ({ dice }) => ({
      prepare: async ({ places, seen }, rig) => {
        proxies = [];
        rig.atEnd(() => {
          for (const proxy of proxies) proxy.close();
        });
        for (const journal of journalNames) {
          for (const [what, faults] of /** @type {const} */ ([
            ["live", live],
            ["replay", replay],
          ])) {
            const proxy = await Meddling.start(places[journal][what], faults, dice);
            proxies.push(proxy);
            seen[journal][what] = proxy.address;
          }
        }
      },
    }),
    check: () =>
      proxies.some(({ counts }) => counts[counted] > 0) ? [] : [`the proxies did nothing: ${counted} is 0`],
  };
}

/** @type {Row[]} */
export const proxies = [
  through(
    "proxy-delays",
    "A proxy that holds back everything for 50 to 100 ms, and stalls",
    { delayMs: 50, stallEveryMs: 2000 },
    { delayMs: 50, stallEveryMs: 2000 },
    "stalls",
  ),
  through(
    "proxy-drops",
    "A proxy that drops 5 % of the messages, and cuts connections",
    { drops: 0.05, cutEveryMs: 2000 },
    { cutEveryMs: 2000 },
    "dropped",
  ),
  through("proxy-reorders", "A proxy that lets up to 50 messages overtake one in ten", { swaps: 0.1 }, {}, "swapped"),
];
