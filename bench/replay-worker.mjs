/**
 * A subscriber that was away while everything was published, in a process of its own: fetches it all, and tells how long that
 * took and how much memory. `node replay-worker.mjs <endpoint> <count> <folder> durable|plain`
 */

import { connect } from "fedmsg";

const [endpoint = "", count, folder, kind] = process.argv.slice(2);
const wanted = Number(count);
const bus = await connect({
  config: {
    endpoints: {},
    replay_endpoints: { away: endpoint },
    cursor_store: `sqlite:${folder}/{name}.db`,
    validate_signatures: false,
    mute: true,
  },
});
const startedAt = performance.now();
let received = 0;
let sum = 0;
let rss = 0;
const sampling = setInterval(() => {
  rss = Math.max(rss, process.memoryUsage.rss());
}, 50);
const subscription = bus.subscribe({ from: "first", ...(kind === "durable" && { durable: "bench" }) });
for await (const { message } of subscription) {
  sum += message.i ?? 0;
  if (++received === wanted) break;
}
const seconds = (performance.now() - startedAt) / 1000;
clearInterval(sampling);
await bus.close();
const isWhole = sum === (wanted * (wanted + 1)) / 2;
process.stdout.write(`${JSON.stringify({ perSecond: wanted / seconds, rssMiB: rss / 2 ** 20, isWhole })}\n`);
