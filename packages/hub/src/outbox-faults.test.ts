/** An outbox whose relay or whose file is not as it should be. */

import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { codeOf, eventually, expectNoLeaks, FakeRelay, range, settled, tempFolder, withTimeout } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { openPublisher, openRelay, outboxFile, outboxIn, publish, warnings } from "../test/confirm-support.ts";

expectNoLeaks();

const fileEnds = ["", "-wal", "-shm"];

test("an answer about a message of an outbox that was deleted is none about a new one", async () => {
  const folder = tempFolder();
  let isSilent = false;
  await using relay = await FakeRelay.open(({ number }) => (isSilent ? undefined : `OK ${number + 100}`));
  await using publisher = await openPublisher(relay.address, outboxIn(folder));
  const old = await Promise.all(range(1, 50).map((n) => publish(publisher.bus, n)));
  expect(await old[0]?.confirmed).toEqual({ relay: relay.address, position: 101 });
  await withTimeout(Promise.all(old.map(({ confirmed }) => confirmed)), "the answers");
  isSilent = true;
  const unanswered = await publish(publisher.bus, 51);
  for (const end of fileEnds) rmSync(`${outboxFile(folder)}${end}`);
  await eventually(
    () => warnings(publisher.events, /1 messages that were not confirmed are lost/).length > 0,
    "the loss",
  );
  const fresh = await publish(publisher.bus, 52);
  let hasEnded = false;
  fresh.confirmed.then(
    () => (hasEnded = true),
    () => (hasEnded = true),
  );
  expect(await settled(() => Number(hasEnded))).toBe(0);
  expect(await old[49]?.confirmed).toEqual({ relay: relay.address, position: 150 });
  expect(await codeOf(unanswered.confirmed)).toBe("FEDMSG_JOURNAL");
});

test("an outbox that is replaced by an older copy of itself confirms no message for another one", async () => {
  const folder = tempFolder();
  let isSilent = true;
  await using relay = await FakeRelay.open(({ number }) => (isSilent ? undefined : `OK ${number}`));
  await using publisher = await openPublisher(relay.address, { ...outboxIn(folder), publish_timeout: 1 });
  const before = await Promise.all(range(1, 5).map((n) => publish(publisher.bus, n)));
  const present = fileEnds.filter((end) => existsSync(`${outboxFile(folder)}${end}`));
  for (const end of present) copyFileSync(`${outboxFile(folder)}${end}`, `${folder}/copy.db${end}`);
  const behind = await Promise.all(range(6, 10).map((n) => publish(publisher.bus, n)));
  const ends = Promise.all(behind.map(({ confirmed }) => codeOf(confirmed)));
  for (const end of present) renameSync(`${folder}/copy.db${end}`, `${outboxFile(folder)}${end}`);
  expect(await withTimeout(ends, "the ends")).toEqual(Array(5).fill("FEDMSG_JOURNAL"));
  isSilent = false;
  const after = await publish(publisher.bus, 11);
  const answered = withTimeout(
    Promise.all([...before, after].map(({ confirmed }) => confirmed)),
    "the answers",
    20_000,
  );
  expect((await answered).length).toBe(6);
});

test("only what no relay confirmed is lost by its age, and drain waits for what comes behind it", async () => {
  const folder = tempFolder();
  await using relay = await FakeRelay.open(({ n, number }) => (n === 1 ? undefined : `OK ${number}`));
  const keys = { ...outboxIn(folder), outbox_max_age: 1, publish_timeout: 0.3 };
  await using publisher = await openPublisher(relay.address, keys);
  const receipts = await Promise.all(range(1, 5).map((n) => publish(publisher.bus, n)));
  expect(await codeOf((receipts[0] as { confirmed: Promise<unknown> }).confirmed)).toBe("FEDMSG_TIMEOUT");
  for (const { confirmed } of receipts.slice(1)) expect(await confirmed).toMatchObject({ relay: relay.address });
  await eventually(() => warnings(publisher.events, /lost/).length > 0, "the warning");
  expect(warnings(publisher.events, /lost/)).toEqual([expect.stringMatching(/^outbox: 1 message is lost: /)]);
  await publish(publisher.bus, 1);
  await publisher.bus.drain();
  await eventually(() => warnings(publisher.events, /1 messages are not confirmed; they stay/).length > 0, "the rest");
});

test("an outbox that cannot be read ends neither the process nor the next try", async () => {
  const folder = tempFolder();
  await fill("tcp://127.0.0.1:1", folder);
  const damaged = await openPublisher("tcp://127.0.0.1:1", { ...outboxIn(folder), publish_timeout: 0.1 });
  damage(outboxFile(folder));
  await publish(damaged.bus, 1); // What is written of the file is whole: it can be opened, and not be read.
  await damaged.bus.close();
  const open = () => openPublisher("tcp://127.0.0.1:1", outboxIn(folder));
  const refusal = {
    code: "FEDMSG_JOURNAL",
    message: expect.stringMatching(/^outbox: .*cannot be .*fedmsg journal grep .*Move it away/),
  };
  await expect(open()).rejects.toMatchObject(refusal);
  await expect(open()).rejects.toMatchObject(refusal); // And not: another writer has it open.
});

test("an outbox that is damaged while it is in use is told of, and closes", async () => {
  const folder = tempFolder();
  const away = await FakeRelay.open(() => undefined);
  await away[Symbol.asyncDispose]();
  const { address } = away;
  await fill(address, folder);
  await using publisher = await openPublisher(address, { ...outboxIn(folder), publish_timeout: 0.1 });
  damage(outboxFile(folder));
  await using relay = await FakeRelay.open(({ number }) => `OK ${number}`, { address });
  await eventually(() => relay.came.length >= 1000, "what could be read");
  await eventually(() => warnings(publisher.events, /^outbox: .*malformed/).length > 0, "the warning");
  await publisher.bus.drain();
});

test("each message that a relay refuses for ever is counted in a warning", async () => {
  const folder = tempFolder();
  await using relay = await FakeRelay.open(() => "ERR invalid");
  const publisher = await openPublisher(relay.address, outboxIn(folder));
  await Promise.all(range(1, 200).map((n) => publish(publisher.bus, n)));
  await publisher.bus.drain();
  const counted = () =>
    warnings(publisher.events, /lost/).reduce((sum, detail) => sum + Number(/(\d+) message/.exec(detail)?.[1]), 0);
  await eventually(() => counted() === 200, "the count");
  expect(warnings(publisher.events, /lost/).at(-1)).toMatch(/ lost: the last one on .*m\.t: the relay at .* refused/);
});

test("what was given up is told and counted once, also where the file was away for a moment", async () => {
  const folder = `${tempFolder()}/outbox`;
  mkdirSync(folder);
  let isSilent = false;
  await using relay = await FakeRelay.open(({ n, number }) => {
    if (n > 10) return `OK ${number}`;
    return isSilent || n === 1 ? undefined : "ERR invalid";
  });
  await using publisher = await openPublisher(relay.address, { ...outboxIn(folder), publish_timeout: 1 });
  const { bus } = publisher;
  const outbox = () => bus.delivery()?.outbox;
  const receipts = await Promise.all(range(1, 10).map((n) => publish(bus, n)));
  await eventually(() => outbox()?.givenUp.invalid === 9, "the refusals");
  isSilent = true;
  renameSync(folder, `${folder}-away`); // The first one is not answered: nothing was pruned.
  await eventually(() => outbox()?.problem !== undefined, "the loss of the file");
  renameSync(`${folder}-away`, folder);
  await eventually(() => outbox()?.problem === undefined, "the file");
  expect(outbox()).toMatchObject({ waiting: 1, givenUp: { invalid: 9, lost: 0 } });
  const next = await publish(bus, 11);
  expect(await next.confirmed).toMatchObject({ relay: relay.address });
  expect(relay.came.map(({ n }) => n).sort((a, b) => a - b)).toEqual([1, ...range(1, 11)]);
  expect(await codeOf((receipts[1] as { confirmed: Promise<unknown> }).confirmed)).toBe("FEDMSG_REFUSED");
  const told = warnings(publisher.events, / lost: /);
  expect(told.reduce((sum, detail) => sum + Number(/(\d+) message/.exec(detail)?.[1]), 0)).toBeLessThanOrEqual(9);
});

test("messages that a damaged outbox does not have at all are lost, told and counted, and hold up nothing", async () => {
  const folder = tempFolder();
  await fill("tcp://127.0.0.1:1", folder, 8);
  eraseHalfAPage(outboxFile(folder), '"i":1,');
  await using relay = await FakeRelay.open(({ number }) => `OK ${number}`);
  await using publisher = await openPublisher(relay.address, outboxIn(folder));
  const { bus } = publisher;
  await eventually(() => bus.delivery()?.outbox?.givenUp.lost === 8, "the loss");
  expect(bus.delivery()?.outbox).toMatchObject({ waiting: 0, oldestSeconds: 0 });
  await eventually(() => warnings(publisher.events, /8 messages are lost: /).length > 0, "the warning");
});

test("an outbox that does not know any more what it has refuses, with what to do, and does not stand still", async () => {
  const folder = tempFolder();
  await fill("tcp://127.0.0.1:1", folder, 8);
  eraseHalfAPage(outboxFile(folder), `${statSync(outboxFile(folder)).ino}:`); // Its table `meta` says which file it is.
  await expect(openPublisher("tcp://127.0.0.1:1", outboxIn(folder))).rejects.toMatchObject({
    code: "FEDMSG_JOURNAL",
    message: expect.stringMatching(/^outbox: .*cannot be opened: .*malformed; .*fedmsg journal grep .*Move it away/),
  });
});

test("a relay is not held up by one message that is too large for its sockets", async () => {
  const folder = tempFolder();
  await using served = await openRelay(folder, { bodyBytesMax: 100_000 });
  await using publisher = await openPublisher(served.confirm, outboxIn(folder));
  const large = await publisher.bus.publish({ topic: "t", modname: "m", msg: { pad: "x".repeat(3_000_000) } });
  const small = await publish(publisher.bus, 1);
  expect(await codeOf(large.confirmed)).toBe("FEDMSG_REFUSED");
  expect(await small.confirmed).toEqual({ relay: served.confirm, position: 1 });
});

/** Puts messages into an outbox, which no relay takes. */
async function fill(relay: string, folder: string, count = 20_000): Promise<void> {
  const { bus } = await openPublisher(relay, { ...outboxIn(folder), publish_timeout: 0.1 });
  const msg = { pad: "x".repeat(300) };
  await Promise.all(range(1, count).map(() => bus.publish({ topic: "t", modname: "m", msg })));
  await bus.drain();
}

/** Writes zeros over the half of a page of a database in which some text is for the last time. */
function eraseHalfAPage(path: string, text: string): void {
  const bytes = readFileSync(path);
  const from = Math.floor(bytes.lastIndexOf(text) / 4096) * 4096;
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(4096), 0, 4096, from);
  closeSync(file);
}

/** Writes over every seventh page of a database, from the third on. */
function damage(path: string): void {
  const file = openSync(path, "r+");
  const page = Buffer.alloc(4096, 0x5a);
  const { size } = statSync(path);
  for (let at = 3 * page.length; at < size; at += 7 * page.length) writeSync(file, page, 0, page.length, at);
  closeSync(file);
}
