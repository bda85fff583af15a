import { setTimeout as delay } from "node:timers/promises";
import { eventually, expectNoLeaks, Sockets, toFrames, withTimeout } from "@fedmsg/testkit";
import { createMemoryTransport, type Frames } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { startForwarding } from "../test/forwarding-hub.ts";

expectNoLeaks();

test("inputs whose messages together are more than the way out takes wait for each other, and lose nothing", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const output = sockets.publisher({ queueBytesMax: 1000, stallMs: Number.POSITIVE_INFINITY });
  const outbound = await output.bind("tcp://127.0.0.1:1");
  const publishers = await Promise.all(Array.from({ length: 8 }, () => sockets.listening()));
  const inputs = publishers.map(([, endpoint]) => endpoint);
  const forwarder = await startForwarding(sockets.transport, inputs, { output, bodyBytesMax: 10_000 });
  await Promise.all(publishers.map(([publisher]) => publisher.subscribed()));
  const inbox = sockets.inbox(outbound, { highWaterMark: 1 });
  await output.subscribed();
  const filler = "x".repeat(800);
  for (let round = 0; round < 5; round++) {
    for (const [n, [publisher]] of publishers.entries()) await publisher.send(toFrames(`in.${n}`, `{"f":"${filler}"}`));
  }
  const topics = (await inbox.take(40)).map(([topic]) => String(topic));
  for (const n of publishers.keys()) expect(topics.filter((topic) => topic === `in.${n}`)).toHaveLength(5);
  await eventually(() => forwarder.counts.forwarded === 40, "all counted");
  await withTimeout(forwarder.drain(), "drained");
});

test("drained while a disk is slow, it forwards everything that has come", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const [publisher, endpoint] = await sockets.listening();
  const sent: Frames[] = [];
  const output = {
    dropped: 0,
    send: async () => {},
    sendAll: async (group: readonly Frames[]) => {
      await delay(80); // Longer than it listens for more.
      sent.push(...group);
    },
    drain: async () => {},
    close: async () => {},
  };
  const forwarder = await startForwarding(sockets.transport, [endpoint], { output, bodyBytesMax: 1000 });
  await publisher.subscribed();
  await publisher.send(toFrames("t", "{}")); // In hand, while the others come.
  for (let n = 0; n < 2000; n++) await publisher.send(toFrames("t", "{}"));
  await withTimeout(forwarder.drain(), "drained");
  expect(sent).toHaveLength(2001);
});

test("done rejects where a socket fails", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const [publisher, endpoint] = await sockets.listening();
  const output = sockets.publisher();
  const forwarder = await startForwarding(sockets.transport, [endpoint], { output, bodyBytesMax: 1000 });
  const { done } = forwarder;
  done.catch(() => {});
  await output.close();
  await publisher.subscribed();
  await publisher.send(toFrames("t", "{}"));
  await expect(withTimeout(done, "the failure")).rejects.toMatchObject({ cause: { code: "FEDMSG_CLOSED" } });
  await forwarder.close();
});
