/** Heartbeats: what is listed is read back; what a stranger makes up is none. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HeartbeatBuilder, heartbeatEntriesMax, heartbeatTopic, parseHeartbeat } from "./heartbeat.ts";

const journal = "0f8fad5b-d9cb-469f-a165-70867728950e";
const topic = heartbeatTopic(journal);
const key = (n: number) => Buffer.from(n.toString(16).padStart(16, "0"), "hex");

/** What becomes of a `msg` on its way through JSON. */
const overTheWire = (msg: unknown) => JSON.parse(JSON.stringify(msg));

test("what was listed is read back, by topic and in order", () => {
  const entries = fc.array(fc.tuple(fc.constantFrom("a", "b.c", "__proto__", "constructor"), fc.nat()), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), entries, (head, listed) => {
      const builder = new HeartbeatBuilder(journal, head);
      listed.forEach(([name, n], at) => {
        builder.add(head + at + 1, name, key(n));
      });
      expect(builder.count).toBe(listed.length);
      const heartbeat = parseHeartbeat(topic, overTheWire(builder.take()));
      expect(heartbeat).toMatchObject({ journal, from: head, to: head + listed.length });
      for (const name of new Set(listed.map(([each]) => each))) {
        const wanted = listed.filter(([each]) => each === name).map(([, n]) => key(n));
        expect(heartbeat?.topics.get(name)).toEqual(wanted);
      }
    }),
  );
});

test("the next one begins where the last ended; an idle one lists nothing", () => {
  const builder = new HeartbeatBuilder(journal, 5);
  builder.add(6, "a", key(1));
  expect(parseHeartbeat(topic, builder.take())).toMatchObject({ from: 5, to: 6 });
  expect(parseHeartbeat(topic, builder.take())).toMatchObject({ journal, from: 6, to: 6, topics: new Map() });
});

test("is full after 1,000 entries or 256 topics", () => {
  const entries = new HeartbeatBuilder(journal, 0);
  for (let n = 1; n < heartbeatEntriesMax; n++) entries.add(n, "a", key(n));
  expect(entries.isFull).toBe(false);
  entries.add(heartbeatEntriesMax, "a", key(0));
  expect(entries.isFull).toBe(true);
  const topics = new HeartbeatBuilder(journal, 0);
  for (let n = 1; n <= 256; n++) topics.add(n, `topic ${n}`, key(n));
  expect(topics.isFull).toBe(true);
  expect(parseHeartbeat(topic, topics.take())?.topics.size).toBe(256);
});

describe("is no heartbeat", () => {
  const good = () => {
    const builder = new HeartbeatBuilder(journal, 0);
    builder.add(1, "a", key(1));
    builder.add(2, "a", key(2));
    return builder.take();
  };
  const keys = (...numbers: number[]) => Buffer.concat(numbers.map(key)).toString("base64");

  test.each<[string, Record<string, unknown>]>([
    ["another journal than its topic says", { journal: "1f8fad5b-d9cb-469f-a165-70867728950e" }],
    ["a journal that is no UUID", { journal: "x" }],
    ["positions that run backwards", { from: 3 }],
    ["positions that are no whole numbers", { to: 2.5 }],
    ["a negative position", { from: -1, to: 1 }],
    ["a position that is a text", { to: "2" }],
    ["more entries than it may list", { to: heartbeatEntriesMax + 1 }],
    ["fewer keys than positions", { topics: { a: keys(1) } }],
    ["more keys than positions", { topics: { a: keys(1, 2, 3) } }],
    ["half a key", { topics: { a: keys(1, 2).slice(0, -4) } }],
    ["a topic without keys", { topics: { a: keys(1, 2), b: "" } }],
    ["what is no base64", { topics: { a: "*".repeat(24) } }],
    ["keys that are no text", { topics: { a: [1, 2] } }],
    ["topics in a list", { topics: [keys(1, 2)] }],
    ["no topics", { topics: null }],
    ["too many topics", { topics: Object.fromEntries(Array.from({ length: 257 }, (_, n) => [n, keys(1)])) }],
  ])("with %s", (_, changed) => {
    expect(parseHeartbeat(topic, good())).toBeDefined();
    expect(parseHeartbeat(topic, { ...good(), ...changed })).toBeUndefined();
  });

  test("whatever else it may be", () => {
    fc.assert(fc.property(fc.anything(), (msg) => parseHeartbeat(topic, msg) === undefined));
  });
});
