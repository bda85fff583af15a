/**
 * The processes of confirmed.mjs: `confirmed-worker.mjs relay FOLDER SYNC`, which listens until it is disconnected, and
 * `confirmed-worker.mjs publisher RELAY MESSAGES [OUTBOX SYNC]`.
 */

import { startRelay } from "@fedmsg/hub";
import { connect } from "fedmsg";
import { completeConfig } from "fedmsg/config";

const [role = "", ...rest] = process.argv.slice(2);
const inFlight = 1000;
/** What the envelope takes of a body. */
const envelopeBytes = 190;
const any = "tcp://127.0.0.1:*";

if (role === "relay") await relay(rest);
else await publisher(rest);

/** @param {string[]} args */
async function relay([folder = "", sync = "full"]) {
  const config = completeConfig({
    endpoints: { relay_outbound: [any] },
    relay_inbound: [any],
    relay_confirm: [any],
    persistent_store: `sqlite:${folder}/{name}.db`,
    journal_sync: /** @type {"full" | "normal"} */ (sync),
  });
  const daemon = await startRelay({ config });
  process.send?.({ type: "ready", outbound: daemon.outbound, confirm: daemon.confirm?.[0] });
  await daemon.subscribed();
  process.send?.({ type: "subscribed" });
  const before = process.cpuUsage();
  process.once("message", async () => {
    const { user, system } = process.cpuUsage(before);
    process.send?.({ type: "done", cpuUs: (user + system) / Math.max(1, daemon.counts.forwarded) });
    await daemon.drain();
    process.disconnect();
  });
}

/** @param {string[]} args */
async function publisher([confirm = "", count = "0", outbox, sync = "full"]) {
  const messages = Number(count);
  const bus = await connect({
    name: "bench",
    config: {
      active: true,
      relay_confirm: [confirm],
      topic_prefix: "org.fedoraproject",
      publish_timeout: 120,
      outbox: outbox === undefined ? null : `sqlite:${outbox}`,
      journal_sync: /** @type {"full" | "normal"} */ (sync),
    },
  });
  await bus.subscribed();
  process.send?.({ type: "ready" });
  await new Promise((resolve) => process.once("message", resolve));
  const msg = { text: "x".repeat(500 - envelopeBytes) };
  let begun = 0;
  const work = async () => {
    while (begun < messages) {
      begun++;
      const receipt = await bus.publish({ topic: "update.request", modname: "bodhi", msg });
      await receipt.confirmed;
    }
  };
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  await bus.drain();
  process.send?.({ type: "done", perSecond: (messages / ms) * 1000, cpuUs: (user + system) / messages });
  process.disconnect();
}
