/** What a publisher with an outbox waits for at its end, and what it does not keep. */

import { codeOf, eventually, expectNoLeaks, FakeRelay, range, tempFolder, withTimeout } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { openPublisher, outboxIn, publish, warnings } from "../test/confirm-support.ts";

expectNoLeaks();

/** Where nobody is. */
const nowhere = "tcp://127.0.0.1:1";

test("what is on the disk is not waited for where no relay is there, and goes out at the next start", async () => {
  const folder = tempFolder();
  const before = await openPublisher(nowhere, { ...outboxIn(folder), publish_timeout: 0 });
  await Promise.all(range(1, 8).map((n) => publish(before.bus, n)));
  await withTimeout(before.bus.drain(), "the end", 15_000);
  await eventually(() => warnings(before.events, /8 messages are not confirmed; they stay/).length > 0, "the warning");
  await using relay = await FakeRelay.open(({ number }) => `OK ${number}`);
  const after = await openPublisher(relay.address, outboxIn(folder));
  await after.bus.drain(); // The relay is not there yet, at this moment; it is waited for a little.
  expect(relay.came.map(({ n }) => n)).toEqual(range(1, 8));
});

test("an end without a relay does not lose what is published at the same time", async () => {
  const folder = tempFolder();
  const before = await openPublisher(nowhere, { ...outboxIn(folder), publish_timeout: 0 });
  const published = range(1, 3000).map((n) => publish(before.bus, n));
  const ended = before.bus.drain();
  await withTimeout(Promise.all(published), "the disk");
  await withTimeout(ended, "the end", 15_000);
  await using after = await openPublisher(nowhere, { ...outboxIn(folder), publish_timeout: 0.1 });
  expect(after.bus.delivery()?.outbox?.waiting).toBe(3000);
});

test("a relay that is there is waited for, which is told, and its answers count", async () => {
  let isSilent = true;
  await using relay = await FakeRelay.open(({ number }) => (isSilent ? undefined : `OK ${number}`));
  const publisher = await openPublisher(relay.address, { ...outboxIn(tempFolder()), publish_timeout: 20 });
  await Promise.all(range(1, 8).map((n) => publish(publisher.bus, n)));
  await eventually(() => relay.came.length === 8, "the messages");
  const ended = publisher.bus.drain();
  const told = () => warnings(publisher.events, /8 messages wait for the relay at .*; it is given 20 s/);
  await eventually(() => told().length === 1, "the warning");
  isSilent = false; // They are sent once more.
  await withTimeout(ended, "the end", 15_000);
  expect(publisher.bus.delivery()?.outbox?.waiting).toBe(0);
  expect(told().length).toBe(1);
});

test("a relay that is away is waited for where somebody waits for the confirmation", async () => {
  const away = await FakeRelay.open(() => undefined);
  const { address } = away;
  await away[Symbol.asyncDispose]();
  const publisher = await openPublisher(address, { ...outboxIn(tempFolder()), publish_timeout: 30 });
  const { confirmed } = await publish(publisher.bus, 1);
  const answer = withTimeout(confirmed, "the answer", 20_000);
  const ended = publisher.bus.drain();
  const isLong = () => publisher.events.some((event) => event.type === "waiting" && event.ms > 4500);
  await eventually(isLong, "some seconds", 10_000);
  await using _ = await FakeRelay.open(({ number }) => `OK ${number}`, { address });
  expect(await answer).toMatchObject({ relay: address });
  await ended;
});

test("a message that is larger than the outbox may be is refused for itself, and is no problem of the outbox", async () => {
  await using publisher = await openPublisher(nowhere, {
    ...{ ...outboxIn(tempFolder()), publish_timeout: 0.1, outbox_max_bytes: 2000 },
  });
  const { bus } = publisher;
  const outcome = bus.publish({ topic: "t", modname: "m", msg: { pad: "x".repeat(5000) } });
  await expect(outcome).rejects.toMatchObject({
    code: "FEDMSG_QUEUE_FULL",
    message: expect.stringMatching(/^the message takes 5\d\d\d bytes, and outbox_max_bytes is 2000/),
  });
  expect(bus.delivery()?.outbox).toMatchObject({ waiting: 0, rejected: { full: 1 } });
  expect(bus.delivery()?.outbox).not.toHaveProperty("problem");
  await publish(bus, 1);
  const fill = async () => {
    for (;;) await publish(bus, 1);
  };
  expect(await codeOf(fill())).toBe("FEDMSG_QUEUE_FULL");
  expect(bus.delivery()?.outbox?.problem).toMatch(/messages of \d+ bytes wait in the outbox, 2000 are allowed/);
});
