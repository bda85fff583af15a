/** The link to a publisher is cut: packets vanish, and nobody is told. */

import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Link, unableToLink } from "../link.mjs";
import { listens } from "../rig.mjs";

/**
 * @typedef {import("../row.mjs").Row} Row
 * @typedef {import("../link.mjs").Way} Way
 */

const connectMs = 500;

/** @param {string} name @param {string} title @param {readonly Way[]} ways @returns {Row} */
function cutting(name, title, ways) {
  /** @type {Link} */
  let link;
  return {
    ...{ name, title, unable: unableToLink, lasts: true },
    special: () => {
      /** @type {string[]} */
      const wrapper = [];
      return {
        wrapper: { publisher1: wrapper },
        prepare: ({ places, seen }, rig) => {
          link = new Link();
          rig.atEnd(() => link.remove());
          wrapper.push(...link.wrapper);
          for (const what of /** @type {const} */ (["live", "replay"])) {
            places.one[what] = places.one[what].replace("127.0.0.1", link.host);
            seen.one[what] = places.one[what];
          }
        },
      };
    },
    fault: async ({ layout }, { faultSeconds }) => {
      await delay(1000);
      for (const way of ways) link.cut(way);
      const reached = await isReached(layout.places.one.live);
      await delay(faultSeconds * 1000);
      for (const way of ways) link.mend(way);
      await listens(layout.places.one.live);
      if (reached) throw new Error("the link was cut, and something came through");
    },
  };
}

/** @param {string} address */
async function isReached(address) {
  const { hostname, port } = new URL(address);
  const socket = createConnection({ host: hostname, port: Number(port) });
  const reached = await Promise.race([
    new Promise((resolve) => socket.once("connect", () => resolve(true)).once("error", () => resolve(false))),
    delay(connectMs, false),
  ]);
  socket.destroy();
  return reached;
}

/** @type {Row[]} */
export const links = [
  cutting("cut-from-publisher", "The link cut one way: nothing comes from a publisher", ["out"]),
  cutting("cut-to-publisher", "The link cut one way: nothing gets to a publisher", ["in"]),
  cutting("cut-both", "The link to a publisher cut both ways", ["out", "in"]),
];
