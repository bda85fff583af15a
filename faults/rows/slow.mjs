/** A subscriber that takes a millisecond for each message, while publishers send as fast as they can. */

import { Judge } from "../judge.mjs";

/**
 * @typedef {import("../row.mjs").Row} Row
 * @typedef {import("../rig.mjs").Rig} Rig
 * @typedef {import("../rig.mjs").Role} Role
 */

/** @type {readonly Role[]} */
const roles = ["publisher1", "publisher2", "publisher3", "relay", "wide", "narrow"];
/** What a process may take: a queue of 64 MiB for a peer, and what Node itself needs beside it. */
const rssMiBMax = 300;
/** Of its rate beside a fast one; of half a second nothing can be said. */
const rateMin = 0.7;
const sampleMs = 100;
/** So that more is sent to the slow one than any queue holds. */
const fullBodyBytes = 6000;

/** How long a subscriber took for its part of some messages, in seconds. @param {Rig} rig @param {number} messages */
async function timed(rig, messages) {
  const startedAt = Date.now();
  await rig.publish(messages, 0);
  const judge = new Judge(rig);
  await judge.until("narrow", 60_000);
  const last = judge.rows.narrow.times.at(-1) ?? Number.POSITIVE_INFINITY;
  return (last - startedAt) / 1000;
}

/** @type {Row} */
export const slow = {
  name: "slow-subscriber",
  title: "A subscriber that takes 1 ms for a message, publishers at full speed",
  special: ({ short }) => ({ bodyBytes: short ? 300 : fullBodyBytes }),
  run: async (rig, { messages, short }) => {
    /** @type {Map<Role, number>} */
    const most = new Map();
    const sampling = setInterval(() => {
      for (const role of roles) most.set(role, Math.max(most.get(role) ?? 0, rig.process(role).rssMiB()));
    }, sampleMs);
    rig.atEnd(() => clearInterval(sampling));
    const fast = await timed(rig, messages / 2);
    rig.process("wide").signal("SIGUSR2");
    const beside = await timed(rig, messages / 2);
    const memory = Object.fromEntries([...most].map(([role, mebibytes]) => [role, Math.round(mebibytes)]));
    const rate = Math.round((fast / beside) * 100) / 100;
    rig.notes = { rate, memory };
    const large = Object.entries(memory).filter(([, mebibytes]) => mebibytes > rssMiBMax);
    return [
      ...large.map(([role, mebibytes]) => `${role} took ${mebibytes} MiB, ${rssMiBMax} are allowed`),
      ...(rate < rateMin && !short
        ? [`narrow had ${rate} of its rate beside a slow one; ${rateMin} was expected`]
        : []),
    ];
  },
};
