/**
 * The consumers of hub.mjs, which `fedmsg-hub` loads: ten that take everything and count it. Together they say on stdout how long
 * `HUB_BENCH_MESSAGES` took each of them, from the first delivery to the last; or, when nothing came for ten seconds, how many came.
 */

import { defineConsumer } from "fedmsg/plugin";

const consumers = 10;
const wanted = Number(process.env.HUB_BENCH_MESSAGES ?? 0) * consumers;
/** Without news for so long, what is missing was lost. */
const silenceMs = 10_000;

let delivered = 0;
let before = 0;
let firstAt = 0;

function report() {
  const seconds = (performance.now() - firstAt) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds, delivered, wanted })}\n`);
}

const watching = setInterval(() => {
  if (delivered > 0 && delivered === before && delivered < wanted) report();
  before = delivered;
}, silenceMs);

export default Array.from({ length: consumers }, (_, n) =>
  defineConsumer({
    name: `bench-${n}`,
    async consume() {
      if (delivered++ === 0) firstAt = performance.now();
      if (delivered === wanted) report();
    },
    stop: () => clearInterval(watching),
  }),
);
