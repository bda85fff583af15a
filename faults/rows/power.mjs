/** The power is cut: what was written and not fsynced is gone, all of it or, by chance, the one sector and not the other. */

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openJournalReader } from "@fedmsg/store";
import { journalFile } from "../layout.mjs";
import { checkShim } from "../shim/self-check.mjs";
import { cutPower, losingWrites } from "../shim/shim.mjs";

/**
 * @typedef {import("../row.mjs").Row} Row
 * @typedef {import("../row.mjs").Plan} Plan
 * @typedef {import("../rig.mjs").Rig} Rig
 * @typedef {import("../layout.mjs").Layout} Layout
 * @typedef {import("../layout.mjs").JournalName} JournalName
 */

const owners = /** @type {const} */ ({ publisher1: "one", publisher2: "two", relay: "relay_outbound" });
/** @typedef {keyof typeof owners} Owner */
const ownerNames = /** @type {Owner[]} */ (Object.keys(owners));
const downMs = 200;

/** @param {Layout} layout @param {Owner} owner */
const logOf = ({ folder }, owner) => join(folder, `${owner}.writes`);

/** @param {"full" | "normal"} sync @returns {import("../row.mjs").MakeSpecial} */
function losing(sync) {
  return () => ({
    prepare: (layout) => {
      checkShim();
      layout.publishing = { journal_sync: sync };
    },
    env: (layout) => {
      const one = (/** @type {Owner} */ owner) =>
        losingWrites(join(layout.folder, "journals", owners[owner]), logOf(layout, owner));
      return Object.fromEntries(ownerNames.map((owner) => [owner, one(owner)]));
    },
  });
}

/**
 * Cuts the power of each owner of a journal so many times, at moments of chance.
 *
 * @param {Rig} rig
 * @param {Plan} plan
 * @param {(n: number) => boolean} staysSome whether some of what was not fsynced is there after the cut
 * @param {(n: number, cut: () => Promise<void>) => Promise<void>} [around] what happens around a cut
 */
async function cutting(rig, { kills, seconds, dice }, staysSome, around = (_n, cut) => cut()) {
  const startedAt = performance.now();
  const partMs = (seconds * 1000) / (kills * ownerNames.length);
  for (let n = 0; n < kills * ownerNames.length; n++) {
    const owner = /** @type {Owner} */ (ownerNames[n % ownerNames.length]);
    const at = (n + dice.below(1000) / 1000) * partMs;
    await delay(Math.max(0, at - (performance.now() - startedAt)));
    await around(n, async () => {
      await rig.process(owner).kill();
      cutPower(logOf(rig.layout, owner), staysSome(n) ? dice : undefined);
      await delay(downMs);
      await rig.restart(owner);
    });
  }
}

/** @type {import("../row.mjs").Fault} */
async function cuttingWhileSomebodyIsAway(rig, plan) {
  const everySecond = (/** @type {number} */ n) => n % 2 === 1;
  await cutting(rig, plan, everySecond, async (n, cut) => {
    const away = n % 4 === 0;
    if (away) await rig.process("narrow").kill();
    if (away) await delay(downMs);
    await cut();
    if (away) await rig.restart("narrow");
  });
}

/** Whoever has the relay's message must find it in the relay's journal. @type {import("../row.mjs").Check} */
function relayedIsKept(_rig, judge) {
  const there = judge.journals.relay_outbound.messages;
  const received = [...judge.rows.wide.messages].filter((message) => message >= 3e9 && message < 4e9);
  const missing = received.filter((message) => !there.has(message));
  return missing.length > 0 ? [`the relay sent ${missing.length} messages that its journal does not have`] : [];
}

/** @param {Rig} rig @param {JournalName} name */
async function uuids(rig, name) {
  const reader = await openJournalReader(journalFile(rig.layout, name));
  try {
    return reader.info.earlier.length + 1;
  } finally {
    reader.close();
  }
}

/** @type {Row[]} */
export const power = [
  {
    name: "power-full",
    title: "Power cut of both publishers and the relay, `journal_sync: full`",
    special: losing("full"),
    fault: (rig, plan) => cutting(rig, plan, () => false),
    check: relayedIsKept,
  },
  {
    name: "power-torn",
    title: "The same, and some sectors of what was not synced are there",
    mayTell: true, // A torn commit that nobody was promised looks like a damaged one.
    special: losing("full"),
    fault: (rig, plan) => cutting(rig, plan, () => true),
    check: relayedIsKept,
  },
  {
    name: "power-normal",
    title: "Power cut at `journal_sync: normal`, and a subscriber that is away",
    mayLose: true,
    special: losing("normal"),
    fault: cuttingWhileSomebodyIsAway,
    check: async (rig) => {
      const broken = [];
      for (const owner of ownerNames) {
        const [found, starts] = [await uuids(rig, owners[owner]), rig.process(owner).starts];
        if (found !== starts) broken.push(`${owners[owner]} started ${starts} times and had ${found} UUIDs`);
      }
      return broken;
    },
  },
];
