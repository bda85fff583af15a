/** One row of the rig: what is wrong in it, and what must hold nevertheless. */

import { Judge } from "./judge.mjs";
import { Rig } from "./rig.mjs";

/**
 * @typedef {object} Plan How large a row is.
 * @property {number} messages
 * @property {number} seconds over which they are published
 * @property {number} kills of each process
 * @property {number} faultSeconds how long what stops or is cut stays so
 * @property {number} quietSeconds after which nothing more is waited for
 * @property {boolean} short
 * @property {import("../packages/zmtp/fuzz/dice.mjs").Dice} dice
 *
 * @typedef {(rig: Rig, plan: Plan) => Promise<void>} Fault What happens while messages are published.
 * @typedef {(rig: Rig, plan: Plan) => Promise<string[] | undefined>} Run The whole of a row; gives marks that do not hold.
 * @typedef {(rig: Rig, judge: Judge) => Promise<string[]> | string[]} Check Gives marks of a row's own that do not hold.
 * @typedef {(plan: Plan) => import("./rig.mjs").Special} MakeSpecial What its processes have different.
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} title as it stands in the table
 * @property {() => string | undefined} [unable] why this machine cannot have it
 * @property {MakeSpecial} [special]
 * @property {Fault} [fault]
 * @property {Run} [run] instead of `fault`
 * @property {boolean} [lasts] the fault lasts `faultSeconds`, and messages are published before it, through it and after it
 * @property {boolean} [mayTell] a gap may be told where nothing is missing: nobody can know
 * @property {boolean} [mayLose] something may be gone for good, and must then be told
 * @property {Check} [check]
 *
 * @typedef {import("./judge.mjs").Result & { row: string, seconds: number, refusals: string[], notes: Record<string, unknown>, skipped?: string }} RowResult
 */

/** Runs a row. @param {Row} row @param {Plan} plan @returns {Promise<RowResult>} */
export async function runRow(row, plan) {
  const startedAt = performance.now();
  const rig = await Rig.create(row.special?.(plan));
  try {
    await rig.start();
    const judge = new Judge(rig);
    const found = await (row.run ?? publishThrough(row))(rig, plan);
    const unsettled = await judge.settle(plan.quietSeconds * 1000);
    await startReceiversAgain(rig);
    const own = (await row.check?.(rig, judge)) ?? [];
    const result = await judge.count(row);
    return {
      row: row.name,
      seconds: Math.round((performance.now() - startedAt) / 1000),
      ...result,
      refusals: rig.refusals,
      notes: rig.notes,
      broken: [...result.broken, ...unsettled, ...own, ...(found ?? [])],
    };
  } finally {
    await rig.close();
  }
}

/** @param {Row} row @returns {Run} */
function publishThrough({ fault, lasts = false }) {
  return async (rig, plan) => {
    const seconds = lasts ? Math.max(plan.seconds, plan.faultSeconds * 1.25 + 2) : plan.seconds;
    await Promise.all([rig.publish(plan.messages, seconds), fault?.(rig, { ...plan, seconds })]);
    return undefined;
  };
}

/** Whoever starts again has handled everything: nothing may come a second time. @param {Rig} rig */
async function startReceiversAgain(rig) {
  for (const role of rig.receivers) await rig.process(role).end();
  await Promise.all(rig.receivers.map((role) => rig.startReceiver(role)));
  for (const role of rig.receivers) await rig.process(role).end();
}
