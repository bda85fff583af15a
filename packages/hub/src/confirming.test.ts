/** Publishing that a relay confirms: from `publish` to a subscriber, and what goes wrong in between. */

import {
  anyAddress,
  codeOf,
  eventually,
  expectNoLeaks,
  pkiFolder,
  range,
  tempFolder,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import { connect } from "fedmsg";
import { expect, test } from "vitest";
import { fetchAll, headOf, Link, openPublisher, openRelay, openSubscriber, publish } from "../test/confirm-support.ts";
import { startSigningRelay } from "./daemon.ts";

expectNoLeaks();

test("publish resolves with the relay's position when the relay has it, in order", async () => {
  await using served = await openRelay(tempFolder());
  await using subscriber = await openSubscriber(served.relay);
  await using publisher = await openPublisher(served.confirm);
  const receipts = await withTimeout(Promise.all(range(1, 3000).map((n) => publish(publisher.bus, n))), "all");
  expect(await Promise.all(receipts.map(({ confirmed }) => confirmed))).toEqual(
    range(1, 3000).map((position) => ({ relay: served.confirm, position })),
  );
  await eventually(() => subscriber.got.length === 3000, "all of them");
  expect(subscriber.numbers()).toEqual(range(1, 3000));
  expect(served.relay.counts.forwarded).toBe(3000);
  expect(publisher.bus.counts.published).toBe(3000);
});

test("answers that are lost on the way back make nothing come twice", async () => {
  await using served = await openRelay(tempFolder());
  await using subscriber = await openSubscriber(served.relay);
  await using link = await Link.to(served.confirm);
  await using publisher = await openPublisher(link.address);
  const first = await publish(publisher.bus, 0);
  link.swallowsAnswers = true;
  const publishing = range(1, 2500).map((n) => publish(publisher.bus, n));
  await eventually(async () => (await headOf(served.relay)) === 1001, "a window that the relay has");
  link.swallowsAnswers = false;
  link.cut();
  const receipts = await withTimeout(Promise.all(publishing), "all");
  const positions = await Promise.all([first, ...receipts].map(async ({ confirmed }) => (await confirmed)?.position));
  expect(positions).toEqual(range(1, 2501));
  await eventually(() => subscriber.got.length >= 2501, "all of them");
  expect(await headOf(served.relay)).toBe(2501);
  expect(subscriber.numbers()).toEqual(range(0, 2500));
});

test("a relay that was restarted knows from its journal what it took", async () => {
  const folder = tempFolder();
  const before = await openRelay(folder);
  await using link = await Link.to(before.confirm);
  await using publisher = await openPublisher(link.address);
  await publish(publisher.bus, 0);
  link.swallowsAnswers = true;
  const publishing = range(1, 500).map((n) => publish(publisher.bus, n));
  await eventually(async () => (await headOf(before.relay)) === 501, "all of them in the journal");
  await before.relay.close();
  link.swallowsAnswers = false;
  await using after = await openRelay(folder);
  link.leadTo(after.confirm);
  const receipts = await withTimeout(Promise.all(publishing), "the answers");
  const positions = await Promise.all(receipts.map(async ({ confirmed }) => (await confirmed)?.position));
  expect(positions).toEqual(range(2, 501));
  expect(await headOf(after.relay)).toBe(501);
});

test("a silent relay gives way to the next; what both have is one message to a subscriber", async () => {
  await using first = await openRelay(tempFolder());
  await using second = await openRelay(tempFolder());
  await using subscriber = await openSubscriber(first.relay, second.relay);
  await using link = await Link.to(first.confirm);
  await using publisher = await openPublisher([link.address, second.confirm]);
  await publish(publisher.bus, 0);
  link.swallowsAnswers = true;
  const receipts = await withTimeout(Promise.all(range(1, 300).map((n) => publish(publisher.bus, n))), "all");
  expect(await receipts[299]?.confirmed).toEqual({ relay: second.confirm, position: 300 });
  expect(publisher.bus.endpoint).toBe(second.confirm);
  await eventually(() => subscriber.got.length >= 301, "all of them");
  expect(await headOf(first.relay)).toBe(301);
  expect(await headOf(second.relay)).toBe(300);
  expect(subscriber.numbers().sort((a, b) => a - b)).toEqual(range(0, 300));
});

test("a relay that is not there is waited for, and told of; the wait is bounded", async () => {
  const folder = tempFolder();
  const { relay, confirm } = await openRelay(folder);
  await relay.close();
  await using publisher = await openPublisher(confirm, { publish_timeout: 1.2 });
  const late = publish(publisher.bus, 1);
  await expect(late).rejects.toMatchObject({
    code: "FEDMSG_TIMEOUT",
    message: expect.stringContaining("it may have taken it all the same"),
  });
  expect(publisher.events).toContainEqual({ type: "waiting", name: "app", endpoint: confirm, ms: expect.any(Number) });
  await using patient = await openPublisher(confirm);
  const waiting = publish(patient.bus, 2);
  await using served = await openRelay(folder, { relay_confirm: [confirm] });
  await withTimeout(waiting, "the relay");
  expect(await headOf(served.relay)).toBe(1);
});

test("nobody confirms: a passive publisher, and one that knows no relay that does", async () => {
  await using served = await openRelay(tempFolder());
  const passive = testConfig({ endpoints: { app: [anyAddress] }, relay_confirm: [served.confirm] });
  await using listening = await connect({ name: "app", config: passive });
  expect(await (await publish(listening, 1)).confirmed).toBeUndefined();
  const active = testConfig({ active: true, relay_inbound: served.relay.inbound });
  await using old = await connect({ name: "app", config: active });
  expect(await (await publish(old, 2)).confirmed).toBeUndefined();
});

test("what the relay wants never is refused, and the next goes on", async () => {
  await using served = await openRelay(tempFolder(), { bodyBytesMax: 1000 });
  await using publisher = await openPublisher(served.confirm);
  const msg = { text: "x".repeat(2000) };
  const large = publisher.bus.publish({ topic: "t", modname: "m", msg });
  const next = publish(publisher.bus, 1);
  expect(await codeOf(large)).toBe("FEDMSG_REFUSED");
  expect(await (await next).confirmed).toEqual({ relay: served.confirm, position: 1 });
  expect(served.relay.counts).toMatchObject({ forwarded: 1, refused: { "body-too-large": 1 } });
});

test("a relay without a journal confirms what is queued for its subscribers, at no position", async () => {
  await using served = await openRelay(tempFolder(), { persistent_store: null });
  await using publisher = await openPublisher(served.confirm);
  const receipts = await Promise.all(range(1, 100).map((n) => publish(publisher.bus, n)));
  expect(await receipts[99]?.confirmed).toEqual({ relay: served.confirm, position: 0 });
  expect(served.relay.counts.forwarded).toBe(100);
});

test("close() ends what waits, drain() waits for the answers", async () => {
  await using served = await openRelay(tempFolder());
  const drained = await openPublisher(served.confirm);
  const publishing = range(1, 2000).map((n) => publish(drained.bus, n));
  await drained.bus.drain();
  expect((await Promise.all(publishing)).length).toBe(2000);
  expect(await headOf(served.relay)).toBe(2000);
  await served.relay.close();
  const closed = await openPublisher(served.confirm);
  const waiting = codeOf(publish(closed.bus, 1));
  await closed.bus.close();
  expect(await waiting).toBe("FEDMSG_CLOSED");
  expect(await codeOf(publish(closed.bus, 2))).toBe("FEDMSG_CLOSED");
});

test("a wait ends with the caller's signal", async () => {
  await using served = await openRelay(tempFolder());
  await served.relay.close();
  await using publisher = await openPublisher(served.confirm);
  const controller = new AbortController();
  const waiting = publisher.bus.publish({ topic: "t", modname: "m", msg: {}, signal: controller.signal });
  controller.abort();
  expect(await codeOf(waiting)).toBe("FEDMSG_ABORTED");
});

test("a signing relay confirms what it signed, and knows it again by either key", async () => {
  const folder = tempFolder();
  const signing = { ssldir: pkiFolder, certnames: { signing_relay: "relay-vm" } };
  const before = await openRelay(folder, signing, startSigningRelay);
  await using link = await Link.to(before.confirm);
  await using publisher = await openPublisher(link.address);
  link.swallowsAnswers = true;
  const publishing = range(1, 20).map((n) => publish(publisher.bus, n));
  await eventually(async () => (await headOf(before.relay)) === 20, "all of them in the journal");
  link.swallowsAnswers = false;
  link.cut();
  expect(await (await publishing[19])?.confirmed).toMatchObject({ position: 20 });
  link.swallowsAnswers = true;
  const last = publish(publisher.bus, 21);
  await eventually(async () => (await headOf(before.relay)) === 21, "the last one in the journal");
  await before.relay.close();
  link.swallowsAnswers = false;
  await using after = await openRelay(folder, signing, startSigningRelay);
  link.leadTo(after.confirm);
  expect(await (await last).confirmed).toMatchObject({ position: 21 });
  const kept = await fetchAll(after.relay);
  expect(kept.map(({ msg }) => msg.n)).toEqual(range(1, 21));
  expect(kept.every((message) => "signature" in message)).toBe(true);
});

test("close() cuts drain() short", async () => {
  const folder = tempFolder();
  const publisher = await openPublisher("tcp://127.0.0.1:1", { outbox: `sqlite:${folder}/o.db`, publish_timeout: 0 });
  const publishing = publish(publisher.bus, 1);
  const drained = publisher.bus.drain();
  await publisher.bus.close();
  await withTimeout(drained, "the end");
  expect((await publishing).i).toBe(1);
});
