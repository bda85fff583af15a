/**
 * Appends to a journal until it is killed, and prints each position once it was acknowledged: `write.mjs FILE SYNC [COUNT]`.
 * After COUNT entries it stops, says `done`, and keeps the journal open.
 */

import { writeSync } from "node:fs";
import { openJournal } from "@fedmsg/store";

const [file = "", sync = "full", count = "Infinity"] = process.argv.slice(2);
const journal = await openJournal(file, { sync: sync === "normal" ? "normal" : "full" });
writeSync(1, `${journal.info.uuid}\n`);
let begun = journal.info.head;
const last = begun + Number(count);

/** As `sample` in support.ts. @param {number} position */
const build = (position) => {
  const body = Buffer.alloc(500, ".");
  body.write(`{"i":${position},`);
  return { topic: "org.test.store.sample", msgId: `2026-${position}`, body };
};

async function work() {
  while (begun < last) {
    begun++;
    writeSync(1, `${await journal.append(build)}\n`);
  }
}

await Promise.all(Array.from({ length: 100 }, work));
writeSync(1, "done\n");
setInterval(() => {}, 1000);
