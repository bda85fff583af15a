/** A publisher with an outbox, and a relay that is away. */

import { rmSync } from "node:fs";
import { openJournal } from "@fedmsg/store";
import {
  anyAddress,
  codeOf,
  eventually,
  expectNoLeaks,
  range,
  tempFolder,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import { connect } from "fedmsg";
import { expect, test } from "vitest";
import {
  fetchAll,
  headOf,
  numbersOf,
  openPublisher,
  openRelay,
  openSubscriber,
  outboxFile,
  outboxIn,
  publish,
  warnings,
} from "../test/confirm-support.ts";

expectNoLeaks();

test("with an outbox publish needs no relay; what is in it goes out when the relay comes, also after a restart", async () => {
  const folder = tempFolder();
  const { relay, confirm } = await openRelay(folder);
  await relay.close();
  const before = await openPublisher(confirm, { ...outboxIn(folder), publish_timeout: 0.1 });
  const early = await withTimeout(Promise.all(range(1, 3000).map((n) => publish(before.bus, n))), "the outbox");
  const left = codeOf((early[0] as { confirmed: Promise<unknown> }).confirmed);
  await before.bus.drain();
  expect(await left).toBe("FEDMSG_CLOSED");
  await eventually(() => warnings(before.events, /3000 messages are not confirmed/).length > 0, "the warning");
  await using after = await openPublisher(confirm, outboxIn(folder));
  const late = await Promise.all(range(3001, 6000).map((n) => publish(after.bus, n)));
  await using served = await openRelay(folder, { relay_confirm: [confirm] });
  await using subscriber = await openSubscriber(served.relay);
  expect(await late[2999]?.confirmed).toEqual({ relay: confirm, position: 6000 });
  expect(await late[0]?.confirmed).toEqual({ relay: confirm, position: 3001 });
  await publish(after.bus, 6001);
  await after.bus.drain();
  expect(await headOf(served.relay)).toBe(6001);
  await eventually(() => subscriber.numbers().at(-1) === 6001, "the last");
  const pages = await fetchAll(served.relay);
  expect(pages.map((body) => body.msg.n)).toEqual(range(1, 6001));
  expect(pages.every((body) => !("seq_id" in body))).toBe(true);
  const outbox = await openJournal(outboxFile(folder));
  expect(outbox.info).toMatchObject({ first: 6002, head: 6001, bytes: 0 });
  await outbox.close();
});

test("an outbox has one process; a second one is told", async () => {
  const folder = tempFolder();
  await using first = await openPublisher("tcp://127.0.0.1:1", outboxIn(folder));
  await expect(openPublisher("tcp://127.0.0.1:1", outboxIn(folder))).rejects.toMatchObject({
    code: "FEDMSG_JOURNAL",
    message: expect.stringMatching(
      /^outbox: [^:]*outbox-app\.db: another process has this outbox open.*--config-filename/,
    ),
  });
  await publish(first.bus, 1);
});

test("an outbox without a relay that confirms is a mistake of the configuration", async () => {
  const folder = tempFolder();
  expect(await codeOf(openPublisher([], outboxIn(folder)))).toBe("FEDMSG_CONFIG_INVALID");
});

test("a full outbox refuses, and takes again when the relay has taken some", async () => {
  const folder = tempFolder();
  const { relay, confirm } = await openRelay(folder);
  await relay.close();
  await using publisher = await openPublisher(confirm, { ...outboxIn(folder), outbox_max_bytes: 20_000 });
  let taken = 0;
  const outcome = async () => {
    for (;;) {
      await publish(publisher.bus, taken + 1);
      taken++;
    }
  };
  expect(await codeOf(outcome())).toBe("FEDMSG_QUEUE_FULL");
  expect(taken).toBeGreaterThan(50);
  await using served = await openRelay(folder, { relay_confirm: [confirm] });
  await eventually(async () => (await headOf(served.relay)) === taken, "all that was taken");
  const receipt = await publish(publisher.bus, taken + 1);
  expect(await receipt.confirmed).toEqual({ relay: confirm, position: taken + 1 });
});

test("what waits in the outbox for too long is dropped, and told with its count", async () => {
  const folder = tempFolder();
  const { relay, confirm } = await openRelay(folder);
  await relay.close();
  await using publisher = await openPublisher(confirm, { ...outboxIn(folder), outbox_max_age: 0.2 });
  const receipts = await Promise.all(range(1, 2500).map((n) => publish(publisher.bus, n)));
  expect(await codeOf((receipts[0] as { confirmed: Promise<unknown> }).confirmed)).toBe("FEDMSG_TIMEOUT");
  expect(await codeOf((receipts[2499] as { confirmed: Promise<unknown> }).confirmed)).toBe("FEDMSG_TIMEOUT");
  expect(publisher.events).toContainEqual({
    type: "warning",
    name: "app",
    detail: expect.stringMatching(/^outbox: 2500 messages are lost: .*outbox_max_age/),
  });
});

test("an outbox whose file is deleted is opened anew, and says what is lost", async () => {
  const folder = tempFolder();
  const { relay, confirm } = await openRelay(folder);
  await relay.close();
  await using publisher = await openPublisher(confirm, outboxIn(folder));
  await Promise.all(range(1, 10).map((n) => publish(publisher.bus, n)));
  for (const end of ["", "-wal", "-shm"]) rmSync(`${outboxFile(folder)}${end}`);
  const lost = /10 messages that were not confirmed are lost/;
  await eventually(() => warnings(publisher.events, lost).length > 0, "the warning");
  await using served = await openRelay(folder, { relay_confirm: [confirm] });
  expect(await (await publish(publisher.bus, 11)).confirmed).toEqual({ relay: confirm, position: 1 });
  expect(await numbersOf(served.relay)).toEqual([11]);
});

test("what is too old at the start is told to whoever asks for the status later", async () => {
  const folder = tempFolder();
  const keys = { ...outboxIn(folder), publish_timeout: 0.1, outbox_max_age: 0.05 };
  const first = await openPublisher("tcp://127.0.0.1:1", { ...keys, outbox_max_age: 0 });
  await Promise.all(range(1, 10).map((n) => publish(first.bus, n)));
  await first.bus.drain();
  await using second = await openPublisher("tcp://127.0.0.1:1", keys);
  const lost = /10 messages are lost: .*outbox_max_age/;
  await eventually(() => warnings(second.events, lost).length > 0, "the warning");
});

test("an outbox of a publisher that listens itself is of no use, which it is told", async () => {
  const folder = tempFolder();
  const keys = { ...outboxIn(folder), relay_confirm: ["tcp://127.0.0.1:1"] };
  const config = testConfig({ endpoints: { app: [anyAddress] }, ...keys });
  await using bus = await connect({ name: "app", config });
  for await (const event of bus.status()) {
    if (event.type !== "warning") continue;
    expect(event.detail).toMatch(/^outbox: not used.*active: true/);
    break;
  }
});
