import { expect, test } from "vitest";
import { consumerStats, hubStats, producerStats } from "../../test/sample-stats.ts";
import type { ConsumerStats } from "../stats.ts";
import { Reporter } from "./report.ts";

const own =
  /, \{"name": "MonitoringProducer", "module": "fedmsg", "initialized": true, "exceptions": 0, "frequency": 5, "now": false, "last_ran": \d+\.\d+\}\]\}$/;

interface Row extends Record<string, unknown> {
  readonly name: string;
}

function rowOf(reporter: Reporter, consumer: Partial<ConsumerStats>): Row {
  const { consumers } = JSON.parse(reporter.write(hubStats({ consumers: [consumerStats(consumer)] })));
  return consumers[0];
}

test("a report is the text that Python's json.dumps writes of the same hub", () => {
  const text = new Reporter(5).write(
    hubStats({
      consumers: [
        consumerStats({
          ...{ name: "RelayConsumer", module: "fedmsg.consumers.relay", received: 6, done: 6 },
          takeTimes: () => [0.000213, 0.00002, 1, 0],
        }),
        consumerStats({ name: "é", module: "m", isRunning: false, isDecoded: false, topics: ["a.", "b."] }),
      ],
      producers: [producerStats({ name: "p", module: "m", every: 2.5, now: true, lastRanAt: 1795219669.7084005 })],
    }),
  );
  expect(text).toMatch(own);
  expect(text.replace(own, "")).toBe(
    '{"consumers": [{"name": "RelayConsumer", "module": "fedmsg.consumers.relay", "topic": "*", "initialized": true, ' +
      '"exceptions": 0, "jsonify": true, "backlog": 0, "headcount_out": 6, "headcount_in": 6, ' +
      '"times": [0.000213, 2e-05, 1.0, 0.0]}, ' +
      '{"name": "\\u00e9", "module": "m", "topic": ["a.", "b."], "initialized": false, ' +
      '"exceptions": 0, "jsonify": false, "backlog": null, "headcount_out": 0, "headcount_in": 0, "times": []}], ' +
      '"producers": [{"name": "p", "module": "m", "initialized": true, "exceptions": 0, "frequency": 2.5, "now": true, ' +
      '"last_ran": 1795219669.7084005}',
  );
});

test("counters are those since the report before, also after a consumer was started anew", () => {
  const reporter = new Reporter(5);
  const counts = ({ headcount_in, headcount_out, exceptions }: Row) => [headcount_in, headcount_out, exceptions];
  expect(counts(rowOf(reporter, { received: 10, done: 7, failures: 2 }))).toEqual([10, 7, 2]);
  expect(counts(rowOf(reporter, { received: 15, done: 15, failures: 2 }))).toEqual([5, 8, 0]);
  expect(counts(rowOf(reporter, { received: 3, done: 1, failures: 1 }))).toEqual([3, 1, 1]);
});

test("the backlog is what waits, what waits to be tried again included", () => {
  expect(rowOf(new Reporter(5), { waiting: 3, inHand: 1, retrying: 2 }).backlog).toBe(5);
});

test.each<[topics: readonly string[], topic: unknown]>([
  [[], "*"],
  [[""], "*"],
  [["a.", "#"], "*"],
  [["org.example."], "org.example."],
  [
    ["a.*.c", "b.#"],
    ["a.*.c", "b.#"],
  ],
])("topics %j are told as %j", (topics, topic) => {
  expect(rowOf(new Reporter(5), { topics }).topic).toEqual(topic);
});

test("a producer that never ran, or runs when cron says, has null there", () => {
  const producers = [producerStats({ every: undefined })];
  const report = JSON.parse(new Reporter(5).write(hubStats({ producers })));
  expect(report.producers[0]).toMatchObject({ frequency: null, last_ran: null });
});
