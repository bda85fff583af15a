/** What a hub takes in memory while a consumer stands still and a stranger sends what is small on the wire and large behind it. */

import { join } from "node:path";
import {
  eventually,
  expectNoLeaks,
  memoryBytes,
  Sockets,
  tempFolder,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { createTransport, defineConsumer } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { deferred, KeptLog, statsOf } from "../../test/stage.ts";
import { startHub } from "../hub.ts";

expectNoLeaks();

const MiB = 1024 * 1024;

/** 0.5 MB of text, 25 MB as values. */
const crafted = `[${`${'{"33":'.repeat(900)}0${"}".repeat(900)},`.repeat(80)}0]`;
const messages = 40;

test.each([
  ["live", false],
  ["durable", true],
])(
  "a %s consumer that stands still has a hub take a bounded part of the memory, whatever comes",
  async (_, durable) => {
    const folder = tempFolder();
    await using sockets = new Sockets(await createTransport(testConfig()));
    const [publisher, address] = await sockets.listening({ stallMs: Number.POSITIVE_INFINITY });
    const config = testConfig({
      endpoints: { stranger: [address] },
      cursor_store: `sqlite:${join(folder, "{name}.db")}`,
      queueBytesMax: MiB,
      mute: true,
    });
    const gate = deferred();
    const heard: string[] = [];
    const still = defineConsumer({
      name: "still",
      topics: ["t", "u"],
      durable,
      async consume({ topic }) {
        await gate.promise;
        heard.push(topic);
      },
    });
    const quick = defineConsumer({ name: "quick", topics: ["t", "u"], consume() {} });
    const hub = await startHub({ config, transport: sockets.transport, log: new KeptLog(), consumers: [still, quick] });
    try {
      await withTimeout(publisher.subscribed(), "the hub's subscription");
      const before = memoryBytes();
      for (let i = 0; i < messages; i++) {
        await publisher.send(toFrames("t", `{"topic":"t","i":${i},"msg":${crafted}}`));
      }
      await eventually(() => statsOf(hub, "quick").done === messages, "the other consumer has all of them");
      const { received } = statsOf(hub, "still");
      expect(received, "in its hands").toBeGreaterThan(1);
      expect(received, "in its hands").toBeLessThan(10);
      // In hands 16 MiB, in its queues twice 1 MiB, six times as much in memory; one message more in each of the three, and
      // one that is being read.
      const bound = (6 * 18 + 4 * 25) * MiB;
      await eventually(() => memoryBytes() - before < bound, `no more than ${bound} bytes`);
      gate.resolve();
      await eventually(() => statsOf(hub, "still").waiting === 0, "it has what waited");
      await publisher.send(toFrames("u", '{"topic":"u"}'));
      await eventually(() => heard.at(-1) === "u", "what came later");
      const accounted = () => statsOf(hub, "still").dropped + heard.length;
      await eventually(() => accounted() === messages + 1, "each was heard, or is told as dropped");
    } finally {
      gate.resolve();
      await hub.drain();
    }
  },
);
