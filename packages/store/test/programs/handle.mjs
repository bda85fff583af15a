/**
 * Handles messages, each with a row, until it is killed, and prints the number of each once it was acknowledged:
 * `handle.mjs FILE SYNC [COUNT]`. After COUNT messages it stops, says `done`, and keeps the file open.
 */

import { writeSync } from "node:fs";
import { openCursors } from "@fedmsg/store";

const [file = "", sync = "full", count = "Infinity"] = process.argv.slice(2);
const store = await openCursors(file, { sync: sync === "normal" ? "normal" : "full", keysKept: 1000 });
if (!store.has("creation")) {
  await store.handle("creation", (transaction) => transaction.run("CREATE TABLE seen (n INTEGER PRIMARY KEY)"));
}
let begun = store.handled - 1;
const last = begun + Number(count);

/** As `keyOf` in cursors.test.ts. @param {number} n */
const keyOf = (n) => String(n).padStart(8, "0");

async function work() {
  while (begun < last) {
    const n = ++begun + 1;
    await store.handle(keyOf(n), (transaction) => transaction.run("INSERT INTO seen VALUES (?)", n));
    store.move({ name: "relay", journal: "a", position: store.handled - 1 });
    writeSync(1, `${n}\n`);
  }
}

await Promise.all(Array.from({ length: 100 }, work));
writeSync(1, "done\n");
setInterval(() => {}, 1000);
