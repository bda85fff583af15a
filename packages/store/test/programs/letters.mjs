/** Adds dead letters as a running consumer does, each with its message's key, until it is killed: `letters.mjs FILE`. */

import { writeSync } from "node:fs";
import { addDeadLetter, openCursors } from "@fedmsg/store";

const [file = ""] = process.argv.slice(2);
const store = await openCursors(file, { sync: "normal" });
for (let n = 1; ; n++) {
  const letter = {
    topic: "org.test.letters",
    msgId: String(n),
    name: "test",
    endpoint: "tcp://127.0.0.1:1",
    trust: /** @type {const} */ ("unchecked"),
    body: Buffer.from("{}"),
    error: "it failed",
    attempts: 5,
    failedAtMs: n,
  };
  await store.handle(String(n).padStart(8, "0"), (transaction) => addDeadLetter(transaction, letter));
  writeSync(1, `${n}\n`);
}
