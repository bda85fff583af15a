/**
 * Holds the lock of a consumer's file for so many ms, as a slow disk would, and says `held` once it does: `hold.mjs FILE MS`.
 * It settles a letter that it added, and the settling takes long.
 */

import { writeSync } from "node:fs";
import { openDeadLetters } from "@fedmsg/store";

const [file = "", ms = "0"] = process.argv.slice(2);
const box = await openDeadLetters(file, { create: true });
await box.add({
  topic: "org.test.hold",
  msgId: "hold",
  name: "test",
  endpoint: "tcp://127.0.0.1:1",
  trust: "unchecked",
  body: Buffer.from("{}"),
  error: "it failed",
  attempts: 1,
  failedAtMs: 1,
});
const held = box.list({ limit: 1000 }).find(({ msgId }) => msgId === "hold");
await box.settle(held?.id ?? 0, () => {
  writeSync(1, "held\n");
  const until = performance.now() + Number(ms);
  while (performance.now() < until);
});
await box.close();
writeSync(1, "done\n");
