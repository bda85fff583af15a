/** What waits for a reader that does not read is bounded by what it takes in memory, not by what it took on the wire. */

import {
  anyAddress,
  bufferBytes,
  eventually,
  expectBuffersAtMost,
  expectNoLeaks,
  memoryBytes,
  Sockets,
  settled,
  take,
  testConfig,
  toFrames,
} from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { createTransport } from "../transport/create.ts";
import { memoryOf, memoryPerByte, weightOf } from "../wire/weight.ts";
import { connect } from "./bus.ts";

expectNoLeaks();

const MiB = 1024 * 1024;
const queueBytesMax = 4 * MiB;

/** 0.5 MB of text, 7 MB as values. */
const crafted = `{"topic":"t","msg":[${"[],".repeat(170_000)}0]}`;
const messages = 30;

test.each([
  ["connections of its own", false],
  ["shared connections", true],
])("a subscription with %s that nobody reads takes no more than its bound", async (_, shareConnections) => {
  const transport = await createTransport(testConfig());
  await using sockets = new Sockets(transport);
  const [publisher, address] = await sockets.listening({ stallMs: Number.POSITIVE_INFINITY });
  const config = testConfig({ endpoints: { stranger: [address] }, queueBytesMax, mute: true });
  const bus = await connect({ config, transport, shareConnections });
  try {
    const subscription = bus.subscribe();
    await publisher.subscribed();
    const before = memoryBytes();
    const sending = (async () => {
      for (let n = 0; n < messages; n++) await publisher.send(toFrames("t", crafted));
    })();
    await eventually(() => subscription.waiting > 1, "something waits");
    const waiting = await settled(() => subscription.waiting);
    const queues = shareConnections ? 2 : 1;
    const weight = weightOf(Buffer.from(crafted));
    expect(waiting).toBeLessThanOrEqual(queues * Math.ceil(queueBytesMax / weight) + 1);
    // What is on its way is bytes: of what was read, and of what the publisher holds.
    const onItsWay = messages * crafted.length;
    const inQueues = queues * (queueBytesMax * memoryPerByte + memoryOf(Buffer.from(crafted)));
    expect(memoryBytes() - before).toBeLessThan(onItsWay + inQueues);
    if (!shareConnections) {
      for (let n = 0; n < messages; n++) expect((await take(subscription)).topic).toBe("t");
    }
    await sending;
  } finally {
    await bus.close();
  }
});

test("a message that alone is more than a queue's bound is given, and so is what comes behind it", async () => {
  const transport = await createTransport(testConfig());
  await using sockets = new Sockets(transport);
  const [publisher, address] = await sockets.listening({ stallMs: Number.POSITIVE_INFINITY });
  const config = testConfig({ endpoints: { stranger: [address] }, queueBytesMax: MiB, mute: true });
  const bus = await connect({ config, transport });
  try {
    const subscription = bus.subscribe();
    await publisher.subscribed();
    expect(weightOf(Buffer.from(crafted))).toBeGreaterThan(MiB);
    for (let n = 0; n < 3; n++) await publisher.send(toFrames("t", crafted));
    await publisher.send(toFrames("u", '{"topic":"u"}'));
    const topics: string[] = [];
    for (let n = 0; n < 4; n++) topics.push((await take(subscription)).topic);
    expect(topics).toEqual(["t", "t", "t", "u"]);
  } finally {
    await bus.close();
  }
});

test("what no subscriber would read for its many values is not published", async () => {
  const transport = await createTransport(testConfig());
  const bus = await connect({ name: "me", config: testConfig({ endpoints: { me: [anyAddress] } }), transport });
  try {
    const publishing = bus.publish({ topic: "t", modname: "m", msg: { many: new Array(3e6).fill({}) } });
    await expect(publishing).rejects.toMatchObject({
      code: "FEDMSG_TOO_LARGE",
      message: expect.stringContaining("too-many-values"),
    });
    await bus.publish({ topic: "t", modname: "m", msg: { many: new Array(3000).fill({}) } });
  } finally {
    await bus.close();
  }
});

test("of what is read together, only what waits is kept in memory", async () => {
  const transport = await createTransport(testConfig());
  await using sockets = new Sockets(transport);
  const [publisher, address] = await sockets.listening({ stallMs: Number.POSITIVE_INFINITY });
  const config = testConfig({ endpoints: { app: [address] }, mute: true });
  const bus = await connect({ config, transport, shareConnections: true });
  try {
    const rare = bus.subscribe({ topics: ["rare"] });
    const common = bus.subscribe({ topics: ["common"] });
    await publisher.subscribed();
    let taken = 0;
    const taking = (async () => {
      for await (const { topic } of common) if (topic === "common" && ++taken === 3000 * 20) break;
    })();
    const before = bufferBytes();
    const filler = "x".repeat(4000);
    for (let n = 0; n < 3000; n++) {
      await publisher.send(toFrames("rare", `{"topic":"rare","n":${n}}`));
      for (let k = 0; k < 20; k++) await publisher.send(toFrames("common", `{"topic":"common","msg":"${filler}"}`));
    }
    await taking;
    expect(rare.waiting).toBe(3000);
    // The 1024 in front of the loop lie where they came; what waits behind them is copied.
    await expectBuffersAtMost(before + 1024 * 80 * 1024 + 8 * MiB);
    for (let n = 0; n < 3000; n++) {
      const { body, message } = await take(rare);
      expect(message.n).toBe(n);
      expect(Buffer.from(body).toString()).toBe(`{"topic":"rare","n":${n}}`);
    }
  } finally {
    await bus.close();
  }
});
