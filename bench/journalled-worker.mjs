/** The publisher's process of journalled.mjs: `journalled-worker.mjs FILE SYNC MESSAGES`. */

import { connect } from "fedmsg";
import { messageKeyOf } from "fedmsg/crypto";
import { HeartbeatBuilder } from "../packages/fedmsg/dist/replay/heartbeat.js";
import { encodeMessage } from "../packages/fedmsg/dist/wire/envelope.js";
import { identify } from "../packages/store/dist/file.js";

const [location = "", sync = "full", count = "0"] = process.argv.slice(2);
const messages = Number(count);
const inFlight = 2000;
/** What the envelope takes of a body. */
const envelopeBytes = 190;

const bus = await connect({
  name: "bench",
  config: {
    endpoints: { bench: ["tcp://127.0.0.1:*"] },
    persistent_store: `sqlite:${location}`,
    journal_sync: /** @type {"full" | "normal"} */ (sync),
    topic_prefix: "org.fedoraproject",
    post_init_sleep: 0,
  },
});
process.send?.({ type: "ready", address: bus.endpoint });
await new Promise((resolve) => process.once("message", resolve));
await bus.subscribed();
const msg = { text: "x".repeat(500 - envelopeBytes) };
let begun = 0;
const work = async () => {
  while (begun < messages) {
    begun++;
    await bus.publish({ topic: "update.request", modname: "bodhi", msg });
  }
};
const before = process.cpuUsage();
await Promise.all(Array.from({ length: inFlight }, work));
const { user, system } = process.cpuUsage(before);
await bus.drain();
process.send?.({ type: "done", heartbeatMs: measureHeartbeats(), cpuUs: (user + system) / messages });
process.disconnect();

/** The milliseconds that one heartbeat takes, with the keys of the 1000 messages that it lists. */
function measureHeartbeats() {
  const rounds = 100;
  const topic = "org.fedoraproject.dev.bodhi.update.request";
  const uuid = "f989d333-aed3-485b-a9e4-7fac61f5a4c8";
  const envelope = { i: 1, msg_id: `2026-${uuid}`, timestamp: 1_800_000_000, topic, username: "bench" };
  const builder = new HeartbeatBuilder(uuid, 0);
  let position = 0;
  let startedAt = 0;
  for (let round = -20; round < rounds; round++) {
    if (round === 0) startedAt = performance.now(); // Those before were the compiler's.
    for (let n = 0; n < 1000; n++) builder.add(++position, topic, messageKeyOf(envelope, ""));
    identify(process.argv[1] ?? "");
    identify(process.argv[1] ?? "");
    Buffer.from(encodeMessage({ ...envelope, msg: builder.take() }), "latin1");
  }
  return (performance.now() - startedAt) / rounds;
}
