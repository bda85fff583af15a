/** What a publisher with an outbox says of it, and what it makes of a clock that is wrong. */

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  anyAddress,
  codeOf,
  eventually,
  expectNoLeaks,
  FakeRelay,
  range,
  tempFolder,
  testConfig,
} from "@fedmsg/testkit";
import type { Bus, OutboxState } from "fedmsg";
import { defineProducer } from "fedmsg/plugin";
import { afterEach, expect, test, vi } from "vitest";
import { openPublisher, openRelay, outboxFile, outboxIn, publish, warnings } from "../test/confirm-support.ts";
import { startHub } from "./hub.ts";

expectNoLeaks();
afterEach(() => {
  vi.useRealTimers();
});

const log = { debug() {}, info() {}, warn() {}, error() {} };
const yearMs = 365 * 86_400_000;
/** Where nobody is. */
const nowhere = "tcp://127.0.0.1:1";

const outboxOf = (bus: Bus) => bus.delivery()?.outbox as OutboxState;

/** Puts ten messages into an outbox, ends, and starts again when the machine's clock is a year ahead. */
async function restartAYearOn(folder: string, keys: { readonly outbox_max_age?: number } = {}) {
  const before = await openPublisher(nowhere, { ...outboxIn(folder), publish_timeout: 0.05 });
  await Promise.all(range(1, 10).map((n) => publish(before.bus, n)));
  await before.bus.drain();
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + yearMs);
  return openPublisher(nowhere, { ...outboxIn(folder), publish_timeout: 0.05, ...keys });
}

test("a clock that is a year ahead at a restart drops nothing, and what waited goes out", async () => {
  const folder = tempFolder();
  const wrong = await restartAYearOn(folder);
  await publish(wrong.bus, 11);
  expect(outboxOf(wrong.bus).oldestSeconds).toBeGreaterThan(yearMs / 1000 - 1);
  expect(outboxOf(wrong.bus)).toMatchObject({ waiting: 11, givenUp: { "too-old": 0 } });
  await wrong.bus.drain();
  await using relay = await FakeRelay.open(({ number }) => `OK ${number}`);
  await using after = await openPublisher(relay.address, outboxIn(folder));
  await eventually(() => outboxOf(after.bus).waiting === 0, "the relay's answers");
  expect(relay.came.map(({ n }) => n)).toEqual(range(1, 11));
  expect(warnings([...wrong.events, ...after.events], /lost/)).toEqual([]);
});

test("what really is too old at a restart is dropped in the end, each message told and counted", async () => {
  await using publisher = await restartAYearOn(tempFolder(), { outbox_max_age: 5 });
  expect(outboxOf(publisher.bus)).toMatchObject({ waiting: 10, givenUp: { "too-old": 0 } });
  await eventually(() => outboxOf(publisher.bus).waiting === 0, "the end");
  expect(outboxOf(publisher.bus)).toMatchObject({ waitingBytes: 0, oldestSeconds: 0, givenUp: { "too-old": 10 } });
  const told = warnings(publisher.events, /messages are lost: .*outbox_max_age/);
  expect(told.reduce((sum, detail) => sum + Number(/(\d+) messages/.exec(detail)?.[1]), 0)).toBe(10);
});

test("delivery() tells what waits, what a relay has, and which relay is there", async () => {
  const folder = tempFolder();
  const { relay, confirm } = await openRelay(folder);
  await relay.close();
  await using publisher = await openPublisher(confirm, outboxIn(folder));
  const { bus } = publisher;
  const receipts = await Promise.all(range(1, 20).map((n) => publish(bus, n)));
  expect(bus.delivery()).toMatchObject({
    ...{ relays: [{ relay: confirm, isConnected: false }], confirmed: 0, retried: 0 },
    outbox: { waiting: 20, oldestSeconds: expect.any(Number), rejected: { full: 0, journal: 0 } },
  });
  expect(outboxOf(bus).waitingBytes).toBeGreaterThan(1000);
  await using served = await openRelay(folder, { relay_confirm: [confirm] });
  await Promise.all(receipts.map(({ confirmed }) => confirmed));
  expect(bus.delivery()).toEqual({
    ...{ relays: [{ relay: confirm, isConnected: true }], inFlight: 0, confirmed: 20, retried: 0 },
    refused: { invalid: 0, "too-large": 0, "cut-off": 0, busy: 0, journal: 0, version: 0, other: 0 },
    outbox: {
      ...{ waiting: 0, waitingBytes: 0, oldestSeconds: 0, rejected: { full: 0, journal: 0 } },
      givenUp: { "too-old": 0, "too-large": 0, invalid: 0, lost: 0 },
    },
  });
  await served.relay.close();
  await eventually(() => bus.delivery()?.relays[0]?.isConnected === false, "the end of the connection");
});

test("delivery() counts what relays refuse by their answer, and what is given up for it", async () => {
  const answers = ["ERR busy", "ERR gibberish", "ERR invalid", "OK 1", "ERR too-large"];
  await using relay = await FakeRelay.open(() => answers.shift() ?? "OK 2");
  await using publisher = await openPublisher(relay.address, outboxIn(tempFolder()));
  const { bus } = publisher;
  for (const n of [1, 2, 3]) await (await publish(bus, n)).confirmed.catch(() => {});
  expect(bus.delivery()).toMatchObject({
    ...{ confirmed: 1, retried: 2, refused: { invalid: 1, "too-large": 1, busy: 1, other: 1, journal: 0 } },
    outbox: { waiting: 0, givenUp: { "too-old": 0, "too-large": 1, invalid: 1, lost: 0 } },
  });
});

test("delivery() counts what was lost with the file of an outbox", async () => {
  const folder = tempFolder();
  await using publisher = await openPublisher(nowhere, { ...outboxIn(folder), publish_timeout: 0.05 });
  await Promise.all(range(1, 10).map((n) => publish(publisher.bus, n)));
  for (const end of ["", "-wal", "-shm"]) rmSync(`${outboxFile(folder)}${end}`);
  await eventually(() => outboxOf(publisher.bus).givenUp.lost === 10, "the loss");
  expect(outboxOf(publisher.bus)).toMatchObject({ waiting: 0, oldestSeconds: 0 });
});

test("an outbox that cannot be opened says so until it can, and what publish rejects meanwhile is counted", async () => {
  const folder = join(tempFolder(), "outbox");
  mkdirSync(folder);
  await using publisher = await openPublisher(nowhere, { ...outboxIn(folder), publish_timeout: 0.05 });
  rmSync(folder, { recursive: true });
  await eventually(() => outboxOf(publisher.bus).problem !== undefined, "the problem");
  expect(outboxOf(publisher.bus).problem).toMatch(/^there is no outbox: .*create the directory/);
  expect(await codeOf(publish(publisher.bus, 1))).toBe("FEDMSG_JOURNAL");
  mkdirSync(folder);
  await eventually(() => outboxOf(publisher.bus).problem === undefined, "its end");
  await publish(publisher.bus, 2);
  expect(outboxOf(publisher.bus)).toMatchObject({ waiting: 1, rejected: { full: 0, journal: 1 } });
});

test("without an outbox delivery() tells what is in flight, confirmed and sent once more", async () => {
  const first = await FakeRelay.open(({ n, number }) => (n === 1 ? `OK ${number}` : undefined));
  const { address } = first;
  await using publisher = await openPublisher(address);
  const { bus } = publisher;
  expect(bus.delivery()).toMatchObject({ inFlight: 0, confirmed: 0 });
  expect(bus.delivery()).not.toHaveProperty("outbox");
  await publish(bus, 1);
  const second = publish(bus, 2);
  await eventually(() => first.came.length === 2, "the second message");
  expect(bus.delivery()).toMatchObject({ inFlight: 1, confirmed: 1, retried: 0 });
  await first[Symbol.asyncDispose]();
  await using _ = await FakeRelay.open(({ number }) => `OK ${number}`, { address });
  await second;
  expect(bus.delivery()).toMatchObject({ inFlight: 0, confirmed: 2, retried: 1 });
});

test("a bus that publishes to no relay that confirms has no delivery()", async () => {
  await using publisher = await openPublisher([], { active: false, endpoints: { app: [anyAddress] } });
  expect(publisher.bus.delivery()).toBeUndefined();
});

test("a hub shows its outbox: healthy while the relay is away, not while it is full, healthy again", async () => {
  const folder = tempFolder();
  const { relay, confirm } = await openRelay(folder);
  await relay.close();
  const config = testConfig({
    ...{ name: "app", active: true, relay_confirm: [confirm], ...outboxIn(folder), outbox_max_bytes: 20_000 },
    metrics_port: 0,
  });
  const producers = [defineProducer({ name: "idle", every: 3600, poll: () => {} })];
  await using hub = await startHub({ config, producers, log });
  const get = (path: string) => fetch(`${hub.watched.url}${path}`, { headers: { connection: "close" } });
  const health = async () => {
    const answer = await get("/healthz");
    return { code: answer.status, ...((await answer.json()) as Record<string, unknown>) };
  };
  await publish(hub.bus, 1);
  expect(await health()).toMatchObject({
    ...{ code: 200, status: "ok" },
    notes: [`relay_confirm: no connection to ${confirm}; 1 message waits in the outbox`],
    delivery: { relays: { [confirm]: false }, in_flight: 1, confirmed: 0, outbox: { waiting: 1 } },
  });
  let taken = 1;
  const fill = async () => {
    for (;;) await publish(hub.bus, ++taken);
  };
  expect(await codeOf(fill())).toBe("FEDMSG_QUEUE_FULL");
  expect(await health()).toMatchObject({
    ...{ code: 503, status: "failing" },
    problems: [expect.stringMatching(/^outbox: \d+ messages of \d+ bytes wait .*outbox_max_bytes/)],
  });
  const told = await (await get("/metrics")).text();
  expect(told).toContain(`fedmsg_outbox_messages_waiting ${taken - 1}\n`);
  expect(told).toContain('fedmsg_outbox_messages_rejected_total{reason="full"} 1\n');
  expect(told).toContain("fedmsg_outbox_working 0\n");
  expect(told).toContain(`fedmsg_confirm_relay_connected{relay="${confirm}"} 0\n`);
  await using _ = await openRelay(folder, { relay_confirm: [confirm] });
  await eventually(async () => (await health()).code === 200 && outboxOf(hub.bus).waiting === 0, "room");
  expect(await health()).not.toHaveProperty("notes");
  await eventually(async () => (await (await get("/metrics")).text()).includes("fedmsg_outbox_working 1\n"), "numbers");
  const after = await (await get("/metrics")).text();
  expect(after).toContain(`fedmsg_confirm_messages_confirmed_total ${taken - 1}\n`);
  expect(after).toContain("fedmsg_outbox_messages_waiting 0\n");
  expect(after).toContain(`fedmsg_confirm_relay_connected{relay="${confirm}"} 1\n`);
});
