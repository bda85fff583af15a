/**
 * Messages of all shapes, published through a relay and read by fedmsg-tail: every one comes out equal.
 *
 * `FEDMSG_MESSAGES=/path/to/messages.jsonl npx vitest run --project cli messages` runs it over a file of messages, one
 * to a line.
 */

import { readFileSync } from "node:fs";
import { connect } from "fedmsg";
import { completeConfig } from "fedmsg/config";
import { canonicalize, loads, lossless } from "fedmsg/encoding";
import { expect, test } from "vitest";
import { start } from "./support.ts";

const any = "tcp://127.0.0.1:*";

const bodies = [
  "{}",
  "[]",
  '""',
  "null",
  "0",
  "false",
  '"a text"',
  '[1, "two", [3, [4]], {}]',
  '{"log": "Hello world"}',
  '{"é": "ünïcödé", "日本": "語", "emoji": "😀👩‍👩‍👧", "\\ud800": "\\udfff"}',
  '{"quotes": "\\"\'\\\\/", "controls": "\\u0000\\u001b[2J\\u007f\\u0085\\r\\n\\t", "separators": "\\u2028\\u2029"}',
  '{"ints": [0, -1, 9007199254740991, 9007199254740993, -123456789012345678901234567890]}',
  '{"floats": [1.0, -0.0, 0.1, 1e-7, 1e22, 1.5e300, 5e-324, 1344350850.886738]}',
  '{"words": [true, false, null]}',
  '{"": "", " ": {"": []}}',
  '{"__proto__": {"polluted": true}, "constructor": 1, "toString": null}',
  '{"10": "b", "9": "a", "B": 1, "a": 2, "é": 3}',
  `{"deep": ${"[".repeat(50)}${"]".repeat(50)}}`,
  `{"deep": ${'{"a": '.repeat(50)}1${"}".repeat(50)}}`,
  `{"long": "${"x".repeat(100_000)}"}`,
  `{"many": [${Array.from({ length: 5000 }, (_, n) => n).join(", ")}]}`,
  '{"commit": {"rev": "a1b2", "stats": {"files": {"f.spec": {"insertions": 2, "deletions": 0}}}}, "agent": "ralph"}',
];

const own = bodies.map(
  (msg, n) =>
    `{"topic": "org.fedoraproject.dev.shapes.n${n}", "i": ${n}, "timestamp": ${n}.5, "msg_id": "2026-${n}", "msg": ${msg}}`,
);
const unusual = [
  '{"topic": "org.fedoraproject.prod.no.msg"}',
  '{"topic": "short"}',
  '{"topic": "/topic/stomp.like", "msg": {}}',
  '{"topic": "org.fedoraproject.dev.é.ü", "msg": {}, "username": null}',
  '{"topic": "org.fedoraproject.dev._heartbeat", "msg": {}, "headers": {"a": [1.0]}}',
  '{"topic": "org.fedoraproject.stg.signed.one", "msg": {}, "signature": "c2ln\\n", "certificate": "Y2VydA==\\n", "crypto": "x509"}',
  '{"topic": "com.example.dev.other.prefix", "msg": {"topic": "inner"}, "timestamp": "Thu Aug  9 2012", "i": "one"}',
  '{"topic": "org.fedoraproject.dev.extra.fields", "source_name": "datanommer", "source_version": "0.6", "msg": {}}',
];

const file = process.env.FEDMSG_MESSAGES;
const lines = file ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [...own, ...unusual];

test("every message comes out equal, and in order", { timeout: 120_000 }, async () => {
  await using relay = start("fedmsg-relay", [], {
    config: { relay_inbound: [any], endpoints: { relay_outbound: [any] } },
  });
  const [, inbound, outbound] = await relay.untilLogged(/^in (\S+), out (\S+)$/);
  await using tail = start("fedmsg-tail", ["--exclude", ""], { config: { endpoints: { relay: [outbound] } } });
  await using bus = await connect({ config: completeConfig({ active: true, relay_inbound: [inbound as string] }) });
  // Asks until somebody answers: the tail is there when it has printed something.
  while (!tail.stdout.includes("\n")) {
    await bus.publish({ topic: "there", modname: "are.you" });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const line of lines) await bus.publish(asPublished(line));
  await bus.publish({ topic: "all", modname: "that.is" });
  await tail.until("stdout", /"topic":"org\.fedoraproject\.dev\.that\.is\.all"/);
  const printed = tail.stdout.split("\n").filter((line) => line && !/\.(are\.you\.there|that\.is\.all)"/.test(line));
  expect(printed.map((line) => JSON.parse(line))).toEqual(lines.map((line) => JSON.parse(line)));
  expect(printed).toEqual(lines.map((line) => canonicalize(line)));
  expect(tail.stderr).toBe("");
});

/** Publishes a message as it was once published: the whole of it takes the place of the one that is made here. */
function asPublished(line: string) {
  const original = loads(line, lossless) as Map<string, unknown>;
  const [, , , modname = "unknown", ...rest] = String(original.get("topic")).split(".");
  return {
    modname,
    topic: rest.join(".") || "unknown",
    msg: original.get("msg"),
    pre_fire_hook: (message: Record<string, unknown>) => {
      for (const field of Object.keys(message)) delete message[field];
      for (const [field, value] of original) message[field] = value;
    },
  };
}
