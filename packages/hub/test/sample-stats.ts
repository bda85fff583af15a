/** What a hub may say of itself, for tests of whoever reads it. */

import type { ConsumerStats, HubStats, ProducerStats } from "../src/stats.ts";

/** A consumer that runs and has nothing to do. */
export function consumerStats(known: Partial<ConsumerStats> = {}): ConsumerStats {
  return {
    ...{ name: "audit", module: "./audit.ts", topics: [], isRunning: true, isDecoded: true },
    ...{ received: 0, done: 0, failures: 0, timeouts: 0, retries: 0, deadLetters: 0, dropped: 0, replayed: 0, gaps: 0 },
    ...{
      letterFailures: 0,
      released: 0,
      unwritten: 0,
      waiting: 0,
      inHand: 0,
      retrying: 0,
      lagSeconds: 0,
      busySeconds: 0,
    },
    takeTimes: () => [],
    ...known,
  };
}

/** A producer that runs. */
export function producerStats(known: Partial<ProducerStats> = {}): ProducerStats {
  return {
    ...{ name: "alive", module: "./alive.ts", isRunning: true, polls: 0, failures: 0 },
    ...{ every: 60, now: false, lastRanAt: 0 },
    ...known,
  };
}

/** A hub with nothing in it. */
export function hubStats(known: Partial<HubStats> = {}): HubStats {
  return {
    ...{ startedAt: 1_795_219_000, consumers: [], producers: [], invalid: {} },
    ...{ duplicates: 0, published: 0, failures: [] },
    ...known,
  };
}
