/**
 * Holds the write lock of a consumer's file (`BEGIN IMMEDIATE`) until its input ends, and says `held` once it does: `hold-lock.mjs FILE`.
 * It settles a letter that it added, and the settling takes long, as on a disk that is slow to sync.
 */

import { readFileSync, writeSync } from "node:fs";
import { openDeadLetters } from "@fedmsg/store";

const [file = ""] = process.argv.slice(2);
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
  readFileSync(0);
});
await box.close();
