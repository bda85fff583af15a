/** A relay has two doors, `relay_inbound` and `relay_confirm`: what comes by the one is known at the other, and counted. */

import {
  anyAddress,
  codeOf,
  eventually,
  expectNoLeaks,
  RawDealer,
  RawPublisher,
  range,
  Sockets,
  tempFolder,
  testConfig,
} from "@fedmsg/testkit";
import { createTransport } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { headOf, openPublisher, openRelay, openSubscriber, publish } from "../test/confirm-support.ts";
import type { Daemon } from "./daemon.ts";
import { startHub } from "./hub.ts";
import { relayConsumer } from "./relay.ts";

expectNoLeaks();

const log = { debug() {}, info() {}, warn() {}, error() {} };

test("what comes by relay_confirm is counted as received, as what comes by relay_inbound is", async () => {
  const config = testConfig({
    endpoints: { relay_outbound: [anyAddress] },
    relay_inbound: [anyAddress],
    relay_confirm: [anyAddress],
    bodyBytesMax: 1000,
    "fedmsg.consumers.relay.enabled": true,
  });
  await using hub = await startHub({ config, consumers: [relayConsumer], log, monitoring: "none" });
  const [confirm = ""] = hub.forwarders[0]?.worker.confirm ?? [];
  await using publisher = await openPublisher(confirm);
  await Promise.all(range(1, 50).map((n) => publish(publisher.bus, n)));
  const large = publisher.bus.publish({ topic: "t", modname: "m", msg: { text: "x".repeat(2000) } });
  expect(await codeOf(large)).toBe("FEDMSG_REFUSED");
  expect(hub.stats().consumers[0]).toMatchObject({ received: 51, done: 51, inHand: 0 });
});

test.each([
  ["first by relay_inbound, then by relay_confirm", true],
  ["by both at the same time", false],
])("a relay with a journal keeps and sends once what comes %s", async (_, waits) => {
  await using served = await openRelay(tempFolder());
  await using subscriber = await openSubscriber(served.relay);
  await using inbound = new RawPublisher();
  await using confirm = new RawDealer();
  const answers: string[] = [];
  confirm.onBatch((batch) => void answers.push(...batch.keep().map((frames) => frames.map(String).join(" "))));
  inbound.connect(served.relay.inbound[0] as string);
  await inbound.subscribed("m.t");
  confirm.connect(served.confirm);
  const body = (n: number) => JSON.stringify({ msg: { n }, msg_id: `2026-${n}`, timestamp: 1, topic: "m.t" });
  for (const n of range(1, 100)) await inbound.send(["m.t", body(n)]);
  if (waits) await eventually(async () => (await headOf(served.relay)) === 100, "what came by relay_inbound");
  for (const n of range(1, 100)) await confirm.send(["1", "PUB", String(n), "m.t", body(n)]);
  await eventually(() => answers.length === 100, "the answers");
  await inbound.send(["m.t", body(101)]);
  await eventually(() => subscriber.numbers().at(-1) === 101, "the last");
  expect(await headOf(served.relay)).toBe(101);
  expect(subscriber.numbers().sort((a, b) => a - b)).toEqual(range(1, 101));
  const positions = answers.map((answer) => Number(answer.split(" ")[3]));
  expect(positions.sort((a, b) => a - b)).toEqual(range(1, 100));
});

test.each([
  ["with a journal", {}],
  ["without one", { persistent_store: undefined, replay_endpoints: {} }],
])("a relay %s does not take a message for a copy of it that says something else, and came first", async (_, keys) => {
  await using served = await openRelay(tempFolder(), keys);
  await using subscriber = await openListener(served.relay);
  await using confirm = new RawDealer();
  const answers: string[] = [];
  confirm.onBatch((batch) => void answers.push(...batch.keep().map((frames) => frames.map(String).join(" "))));
  confirm.connect(served.confirm);
  // Nobody validates here: what a stranger says has the id and the signature of the real one.
  const body = (n: number) =>
    JSON.stringify({ msg: { n }, msg_id: "2026-1", signature: "c2lnbmVk", timestamp: 1, topic: "m.t" });
  for (const [at, n] of [2, 1, 1].entries()) await confirm.send(["1", "PUB", String(at + 1), "m.t", body(n)]);
  await eventually(() => answers.length === 3, "the answers");
  await eventually(() => subscriber.numbers().includes(1), "the real one goes out");
  await confirm.send(["1", "PUB", "4", "m.t", body(1)]);
  await eventually(() => answers.length === 4, "the last answer");
  expect(subscriber.numbers()).toEqual([2, 1]);
  const positions = answers.map((answer) => answer.split(" ")[3]);
  expect(positions).toEqual("persistent_store" in keys ? ["0", "0", "0", "0"] : ["1", "2", "2", "2"]);
});

/** What a relay sends, frame by frame. */
async function openListener(relay: Daemon) {
  const sockets = new Sockets(await createTransport(testConfig()));
  const inbox = sockets.inbox(relay.outbound, { prefixes: ["m."] });
  const got: number[] = [];
  await relay.subscribed("m.");
  const reading = (async () => {
    for (;;) {
      const batch = await inbox.socket.receive();
      if (batch.length === 0) return;
      for (const [, body] of batch) got.push((JSON.parse(String(body)) as { msg: { n: number } }).msg.n);
    }
  })();
  return {
    numbers: () => got,
    async [Symbol.asyncDispose]() {
      await sockets[Symbol.asyncDispose]();
      await reading;
    },
  };
}
