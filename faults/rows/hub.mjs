/** Both subscribers as consumers of one hub, that is killed while they work and commit, or has neighbours for them that fail. */

import { setTimeout as delay } from "node:timers/promises";
import { doesHang, moments } from "../failing.mjs";
import { Judge } from "../judge.mjs";
import { subscriberNames } from "../layout.mjs";
import { Neighbours, neighbourNames } from "../neighbours.mjs";
import { numberOf } from "../tally.mjs";

/** @typedef {import("../row.mjs").Row} Row */

/** How long a hub that is to die at some moment may take to get there. */
const dieMs = 3000;
const downMsMax = 300;
/** How long after the last message was published the healthy consumers may be done. */
const lagSecondsMax = 30;

/** @type {Row} */
const killed = {
  name: "hub-killed",
  title: "`kill -9` of a hub whose consumers both subscribers are: inside `consume`, inside `commit`, right behind it",
  special: () => ({ hub: ["wide", "narrow"] }),
  fault: async (rig, { kills, seconds, dice }) => {
    const hub = rig.process("hub");
    hub.listen(({ type }) => {
      if (type === "committing") hub.signal("SIGKILL");
    });
    const ways = [...moments, "any"];
    const died = Object.fromEntries(ways.map((way) => [way, 0]));
    const startedAt = performance.now();
    const count = Math.max(kills * 2, ways.length);
    for (let n = 0; n < count; n++) {
      const at = ((n + dice.below(1000) / 1000) * seconds * 1000) / count;
      await delay(Math.max(0, at - (performance.now() - startedAt)));
      const way = /** @type {string} */ (ways[n % ways.length]);
      if (way === "any") await hub.kill();
      if (way === "any" || (await hub.dieOf({ type: "die", moment: way }, dieMs))) died[way] = (died[way] ?? 0) + 1;
      await delay(dice.below(downMsMax));
      await rig.restart("hub");
    }
    rig.notes = { died };
  },
  check: ({ notes }) => {
    const died = Object.entries(/** @type {Record<string, number>} */ (notes.died));
    return died.filter(([, times]) => times === 0).map(([way]) => `the hub was never killed at this moment: ${way}`);
  },
};

/** @returns {Row} */
function failing() {
  let publishedAt = 0;
  return {
    name: "hub-failing",
    title:
      "A hub in which, beside both subscribers, one consumer throws, one hangs, and one always fails for some messages",
    special: () => ({ hub: ["wide", "narrow", ...neighbourNames] }),
    run: async (rig, { messages, seconds, quietSeconds }) => {
      await rig.publish(messages, seconds);
      publishedAt = Date.now();
      const judge = new Judge(rig);
      await judge.until("wide", quietSeconds * 1000);
      await new Neighbours(rig.layout).settle(judge.acknowledged().size, quietSeconds * 1000);
      return undefined;
    },
    check: async (rig, judge) => {
      const neighbours = new Neighbours(rig.layout);
      const messages = [...judge.acknowledged()];
      const hung = messages.filter((message) => doesHang(numberOf(message))).length;
      const late = judge.events("hub", "late-commit").map(({ detail }) => detail);
      const letters = await neighbours.deadLetters("failing");
      const lastAt = Math.max(...subscriberNames.map((name) => judge.rows[name].times.at(-1) ?? 0));
      const lagSeconds = (lastAt - publishedAt) / 1000;
      rig.notes = { deadLetters: letters.length, lateCommits: late.length, lagSeconds };
      return [
        ...(await neighbours.brokenMarks(messages)),
        ...(late.length === hung ? [] : [`${hung} attempts should have hung, and ${late.length} did`]),
        ...(late.every((code) => code === "FEDMSG_TIMEOUT") ? [] : ["what was committed too late was not refused"]),
        ...(lagSeconds <= lagSecondsMax ? [] : [`the two were done ${lagSeconds} s after the last message was there`]),
      ];
    },
  };
}

export const hubs = [killed, failing()];
