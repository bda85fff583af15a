/** The clock of a publisher, of the relay and of a subscriber goes one year on, and back. */

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openJournalReader } from "@fedmsg/store";
import { journalFile } from "../layout.mjs";
import { checkShim } from "../shim/self-check.mjs";
import { setClock, wrongClock } from "../shim/shim.mjs";

/** @typedef {import("../row.mjs").Row} Row */

const yearSeconds = 365 * 86_400;
const file = (/** @type {{ folder: string }} */ { folder }) => join(folder, "clock");

/** @type {Row} */
export const clock = {
  name: "clock",
  title: "The clock of a publisher, the relay and a subscriber one year on, and back",
  special: () => ({
    prepare: (layout) => {
      checkShim();
      setClock(file(layout), 0);
    },
    env: (layout) => {
      const wrong = wrongClock(file(layout));
      return { publisher1: wrong, relay: wrong, wide: wrong };
    },
  }),
  fault: async ({ layout }, { seconds }) => {
    for (const offset of [yearSeconds, 0, -yearSeconds, 0]) {
      await delay(seconds * 190);
      setClock(file(layout), offset);
    }
  },
  check: async (rig) => {
    const stamps = await timestamps(journalFile(rig.layout, "one"));
    const halfYear = yearSeconds / 2;
    const now = Date.now() / 1000;
    const [ahead, behind] = [stamps.some((at) => at > now + halfYear), stamps.some((at) => at < now - halfYear)];
    return ahead && behind ? [] : [`the clock of the publisher was never ${ahead ? "behind" : "ahead"}`];
  },
};

/** What stands as the time in the messages of a journal. @param {string} journal @returns {Promise<number[]>} */
async function timestamps(journal) {
  const reader = await openJournalReader(journal);
  try {
    /** @type {number[]} */
    const all = [];
    for (let after = reader.info.first - 1; after < reader.info.head; ) {
      const { entries, through } = reader.page({ after, limit: 10_000, bytesMax: 2 ** 26 });
      for (const { body } of entries) all.push(JSON.parse(Buffer.from(body).toString()).timestamp);
      after = through;
    }
    return all;
  } finally {
    reader.close();
  }
}
