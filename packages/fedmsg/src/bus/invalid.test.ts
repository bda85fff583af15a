/** Messages that are none: counted, told, and nothing else happens. Sent by a socket that has no idea of messages. */

import { everyTransport, expectNoLeaks, Sockets, take, takeUntil, testConfig, toFrames } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { type InvalidReason, topicBytesMax } from "../wire/frames.ts";
import { connect } from "./bus.ts";
import type { StatusEvent } from "./status.ts";

expectNoLeaks();

const bodyBytesMax = 5000;
const notUtf8 = Buffer.from([0x74, 0xff, 0xfe]);
const deep = "[".repeat(1500) + "]".repeat(1500);

const invalid: readonly [what: string, reason: InvalidReason, frames: readonly Uint8Array[], topic: string][] = [
  ["one frame", "frame-count", toFrames("t"), ""],
  ["three frames", "frame-count", toFrames("t", '{"topic":"t"}', ""), ""],
  ["a topic that is no UTF-8", "bad-utf8", [notUtf8, Buffer.from("{}")], ""],
  ["a body that is no UTF-8", "bad-utf8", [Buffer.from("t"), Buffer.from([0x22, 0xc0, 0x22])], "t"],
  ["an empty body", "not-json", toFrames("t", ""), "t"],
  ["half a body", "not-json", toFrames("t", '{"topic":"t"'), "t"],
  ["a body in Python's spelling", "not-json", toFrames("t", "{'topic': 't'}"), "t"],
  ["an array", "not-an-object", toFrames("t", '["topic","t"]'), "t"],
  ["a text", "not-an-object", toFrames("t", '"t"'), "t"],
  ["null", "not-an-object", toFrames("t", "null"), "t"],
  ["no topic", "no-topic", toFrames("t", '{"msg":{"topic":"t"}}'), "t"],
  ["a topic that is no text", "no-topic", toFrames("t", '{"topic":["t"]}'), "t"],
  ["a topic by inheritance", "no-topic", toFrames("t", '{"__proto__":{"topic":"t"}}'), "t"],
  ["another topic", "topic-mismatch", toFrames("t.1", '{"topic":"t.2"}'), "t.1"],
  ["a topic too many", "topic-mismatch", toFrames("t", '{"topic":"t","topic":"u"}'), "t"],
  ["a body too large", "body-too-large", toFrames("t", `{"topic":"t","msg":"${"x".repeat(bodyBytesMax)}"}`), "t"],
  ["a topic too large", "topic-too-large", toFrames("t".repeat(topicBytesMax + 1), "{}"), ""],
  ["brackets without end", "too-deep", toFrames("t", `{"topic":"t","msg":${deep}}`), "t"],
];

/** A bus that listens to one raw publisher. */
async function listenTo(sockets: Sockets) {
  const [publisher, address] = await sockets.listening();
  const config = testConfig({ endpoints: { stranger: [address] }, bodyBytesMax: bodyBytesMax });
  const bus = await connect({ config, transport: sockets.transport });
  const events = bus.status();
  const subscription = bus.subscribe();
  await publisher.subscribed();
  return { publisher, address, bus, events, subscription };
}

const isInvalid = (event: StatusEvent): event is Extract<StatusEvent, { type: "invalid" }> => event.type === "invalid";

describe.each(everyTransport)("over %s", (_, makeTransport) => {
  test("each way of being no message is told by its reason, and the next message arrives", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { publisher, address, bus, events, subscription } = await listenTo(sockets);
    const counts: Partial<Record<InvalidReason, number>> = {};
    for (const [n, [what, reason, frames, topic]] of invalid.entries()) {
      await publisher.send(frames);
      await publisher.send(toFrames(`t.${n}`, `{"topic":"t.${n}"}`));
      expect((await take(subscription)).topic, what).toBe(`t.${n}`);
      const event = await takeUntil(events, isInvalid);
      expect(event, what).toEqual({
        type: "invalid",
        name: "stranger",
        endpoint: address,
        topic,
        reason,
        detail: expect.any(String),
      });
      counts[reason] = (counts[reason] ?? 0) + 1;
      expect(bus.counts.invalid, what).toEqual(counts);
    }
    expect(bus.counts.received).toBe(invalid.length);
    await bus.close();
  });
});

describe("a message that only looks wrong is read:", () => {
  test.each([
    ["NaN and infinities", '{"topic":"t","msg":[NaN,Infinity,-Infinity]}', [Number.NaN, Infinity, -Infinity]],
    ["brackets in a text", `{"topic":"t","msg":"${"[{".repeat(2000)}"}`, "[{".repeat(2000)],
    ["white space around and inside", ' \n{\t"msg" : [ 1 , 2 ] ,\r\n"topic" : "t" } ', [1, 2]],
    ["a duplicate key", '{"topic":"u","topic":"t","msg":1,"msg":2}', 2],
    ["half a surrogate pair, escaped", '{"topic":"t","msg":"\\ud800"}', "\ud800"],
    ["an integer beyond 2^53", '{"topic":"t","msg":9007199254740993}', 9007199254740992],
  ])("%s", async (_, body, msg) => {
    await using sockets = new Sockets(await (everyTransport[0] as (typeof everyTransport)[number])[1]());
    const { publisher, bus, subscription } = await listenTo(sockets);
    await publisher.send(toFrames("t", body));
    const received = await take(subscription);
    expect(received.message.msg).toEqual(msg);
    expect(String(Buffer.from(received.body))).toBe(body);
    await bus.close();
  });
});

test("a flood of them is counted, and what is told about it stays bounded", async () => {
  await using sockets = new Sockets(await (everyTransport[0] as (typeof everyTransport)[number])[1]());
  const { publisher, bus, events, subscription } = await listenTo(sockets);
  for (let n = 0; n < 3000; n++) await publisher.send(toFrames("flood", String(n)));
  await publisher.send(toFrames("end", '{"topic":"end"}'));
  await take(subscription);
  expect(bus.counts.invalid).toEqual({ "not-an-object": 3000 });
  await bus.close();
  const told = await all(events);
  expect(told).toHaveLength(1000);
  expect(told.at(-1)?.type).toBe("disconnected");
  expect(told.at(-2)).toMatchObject({ detail: expect.stringContaining("2999") });
});

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}
