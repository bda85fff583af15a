/** A test bus that is closed while something is started on it. */

import { codeOf, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { defineConsumer } from "../plugins/consumer.ts";
import { defineProducer } from "../plugins/producer.ts";
import { createTestBus } from "./test-bus.ts";

expectNoLeaks();

test("a consumer whose start is under way is stopped when close() resolves", async () => {
  const bus = await createTestBus();
  const calls: string[] = [];
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let goOn = () => {};
  const mayGoOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const start = async () => {
    calls.push("start");
    begun();
    await mayGoOn;
  };
  const stop = () => void calls.push("stop");
  const running = bus.run(defineConsumer({ name: "a", topics: ["#"], start, stop, consume() {} }));
  await withTimeout(hasBegun, "the start");
  const closed = bus.close();
  goOn();
  await withTimeout(closed, "the end");
  expect(calls).toEqual(["start", "stop"]);
  await running;
});

test("whatever was run and not waited for has ended when close() resolves", async () => {
  const bus = await createTestBus();
  const calls: string[] = [];
  const plugin = (name: string) => ({
    name,
    start: () => void calls.push(`start ${name}`),
    stop: () => void calls.push(`stop ${name}`),
  });
  const consumer = bus.run(defineConsumer({ ...plugin("a"), topics: ["#"], consume() {} }));
  const producer = bus.run(defineProducer({ ...plugin("b"), every: 3600, poll() {} }));
  const broken = bus.run(
    defineConsumer({
      ...plugin("c"),
      start: () => {
        throw new Error("no");
      },
      consume() {},
    }),
  );
  const failure = codeOf(broken);
  await withTimeout(bus.close(), "the end");
  expect(calls.sort()).toEqual(["start a", "start b", "stop a", "stop b"]);
  await Promise.all([consumer, producer]);
  expect(await failure).toBe("FEDMSG_MODULE");
});
