import { expect, test } from "vitest";
import { consumerStats, hubStats, producerStats } from "../../test/sample-stats.ts";
import type { ConsumerStats, ProducerStats } from "../stats.ts";
import { Health, stuckSeconds } from "./health.ts";

const ofConsumer = (consumer: Partial<ConsumerStats>) => hubStats({ consumers: [consumerStats(consumer)] });
const ofProducer = (producer: Partial<ProducerStats>) => hubStats({ producers: [producerStats(producer)] });

test("a hub in which everything runs has no problem", () => {
  const stats = hubStats({ consumers: [consumerStats()], producers: [producerStats()] });
  expect(new Health().problems(stats)).toEqual([]);
});

test("a plugin that could not be started, and what does not run, are problems", () => {
  const consumers = [consumerStats({ name: "mail", isRunning: false })];
  const producers = [producerStats({ name: "beat", isRunning: false })];
  const failures = ["./lost.ts: cannot be found"];
  expect(new Health().problems(hubStats({ consumers, producers, failures }))).toEqual([
    "./lost.ts: cannot be found",
    "consumer mail: it does not run",
    "producer beat: it does not run",
  ]);
});

test("a consumer is stuck that has work and finishes none of it; an attempt that fails is a sign of life", () => {
  const health = new Health();
  const busy = { received: 9, done: 5, waiting: 3, inHand: 1 };
  expect(health.problems(ofConsumer(busy), 0)).toEqual([]);
  expect(health.problems(ofConsumer(busy), stuckSeconds - 1)).toEqual([]);
  expect(health.problems(ofConsumer(busy), stuckSeconds)).toEqual([
    "consumer audit: stuck: 1 message in hand and 3 waiting, and nothing finished for 900 s",
  ]);
  expect(health.problems(ofConsumer({ ...busy, failures: 1 }), 2 * stuckSeconds)).toEqual([]);
  expect(health.problems(ofConsumer({ ...busy, failures: 1 }), 3 * stuckSeconds)).toHaveLength(1);
});

test("a consumer that had nothing to do is not stuck when something comes", () => {
  const health = new Health();
  expect(health.problems(ofConsumer({ done: 5 }), 0)).toEqual([]);
  expect(health.problems(ofConsumer({ done: 5 }), 2 * stuckSeconds)).toEqual([]);
  expect(health.problems(ofConsumer({ done: 5, inHand: 1 }), 2 * stuckSeconds + 60)).toEqual([]);
});

test("a producer is stuck whose last poll is too long ago; not before its first, nor where cron says when", () => {
  const problems = (producer: Partial<ProducerStats>, time: number) =>
    new Health().problems(ofProducer(producer), 0, time);
  const last = { lastRanAt: 1000, every: 60 };
  expect(problems(last, 1059 + stuckSeconds)).toEqual([]);
  expect(problems(last, 1060 + stuckSeconds)).toEqual([
    "producer alive: stuck: its last poll began 960 s ago, and is due every 60 s",
  ]);
  expect(problems({ ...last, lastRanAt: 0 }, 1e9)).toEqual([]);
  expect(problems({ ...last, every: undefined }, 1e9)).toEqual([]);
});

test("what is told is bounded", () => {
  const problems = new Health().problems(hubStats({ failures: Array.from({ length: 300 }, () => "x".repeat(10_000)) }));
  expect(problems).toHaveLength(101);
  expect(problems.at(-1)).toBe("and 200 more");
  expect(problems.join("").length).toBeLessThan(60_000);
});
