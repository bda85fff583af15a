/** SIGSTOP: a process that is there, and does nothing. */

import { setTimeout as delay } from "node:timers/promises";

/**
 * @typedef {import("../row.mjs").Row} Row
 * @typedef {import("../rig.mjs").Role} Role
 */

/** @param {readonly Role[]} roles @returns {import("../row.mjs").Fault} */
function stopping(roles) {
  return async (rig, { faultSeconds }) => {
    await delay(1000);
    for (const role of roles) rig.process(role).signal("SIGSTOP");
    await delay(faultSeconds * 1000);
    for (const role of roles) rig.process(role).signal("SIGCONT");
  };
}

/** @type {Row[]} */
export const stops = [
  { name: "stop-subscriber", title: "SIGSTOP of a subscriber", lasts: true, fault: stopping(["wide"]) },
  { name: "stop-publisher", title: "SIGSTOP of a publisher", lasts: true, fault: stopping(["publisher1"]) },
  { name: "stop-relay", title: "SIGSTOP of the relay", lasts: true, fault: stopping(["relay"]) },
];
