/** kill -9 at random moments, each time started again. */

import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../layout.mjs";

/**
 * @typedef {import("../row.mjs").Row} Row
 * @typedef {import("../row.mjs").Plan} Plan
 * @typedef {import("../rig.mjs").Rig} Rig
 * @typedef {import("../rig.mjs").Role} Role
 * @typedef {import("../managed-process.mjs").ManagedProcess} ManagedProcess
 */

const downMsMax = 500;

/**
 * @param {readonly Role[]} roles
 * @returns {import("../row.mjs").Fault}
 */
export function killing(roles) {
  return async (rig, plan) => {
    await Promise.all(roles.map((role) => killOne(rig, plan, role)));
  };
}

/**
 * Kills it so many times: at once, and then in each equal part of the time at a moment of chance.
 *
 * @param {Rig} rig
 * @param {Pick<Plan, "kills" | "seconds" | "dice">} plan
 * @param {Role} role
 * @param {(process: ManagedProcess) => Promise<unknown>} [kill] how it is killed
 */
export async function killOne(rig, { kills, seconds, dice }, role, kill = (process) => process.kill()) {
  const startedAt = performance.now();
  const partMs = (seconds * 1000) / kills;
  for (let n = 0; n < kills; n++) {
    const at = n === 0 ? 0 : (n + dice.below(1000) / 1000) * partMs;
    await delay(Math.max(0, at - (performance.now() - startedAt)));
    await kill(rig.process(role));
    await delay(dice.below(downMsMax));
    await rig.restart(role);
  }
}

/** @type {Row[]} */
export const kills = [
  { name: "kill-subscriber", title: "`kill -9` of both subscribers", fault: killing(["wide", "narrow"]) },
  { name: "kill-relay", title: "`kill -9` of the relay", fault: killing(["relay"]) },
  {
    name: "kill-publisher",
    title: "`kill -9` of the three publishers",
    fault: killing(["publisher1", "publisher2", "publisher3"]),
  },
  {
    name: "two-ways",
    title: "Every message comes twice: direct, and through a gateway that is killed with `kill -9`",
    special: () => ({ gateway: freePort }),
    fault: killing(["gateway"]),
    check: (_rig, judge) => {
      const seen = judge.events("wide", "connected").filter(({ name }) => name === "gateway").length;
      return seen > 1 ? [] : ["the second way was not there"];
    },
  },
];
