import { eventually, expectNoLeaks, FakeRelay, range, tempFolder, testConfig } from "@fedmsg/testkit";
import { connect } from "fedmsg";
import { expect, test } from "vitest";
import { openPublisher, outboxIn, publish } from "../test/confirm-support.ts";
import { hearBus, RelayWatch } from "./relay-watch.ts";

expectNoLeaks();

/** A log that can be read. */
function openLog() {
  const lines: string[] = [];
  const write = (level: string) => (text: string) => void lines.push(`${level}: ${text}`);
  return { lines, log: { debug() {}, info: write("info"), warn: write("warn"), error: write("error") } };
}

/** An address at which nobody listens any more. */
async function freeAddress(): Promise<string> {
  await using relay = await FakeRelay.open(() => undefined);
  return relay.address;
}

const hourMs = 3_600_000;

test("a relay that is away is told after ten seconds and every hour, and once when it is there again", async () => {
  const address = await freeAddress();
  await using publisher = await openPublisher(address, outboxIn(tempFolder()));
  const { bus } = publisher;
  await Promise.all(range(1, 3).map((n) => publish(bus, n)));
  const { lines, log } = openLog();
  const watch = new RelayWatch(log);
  for (const nowMs of [5000, 14_999]) watch.look(bus.delivery(), nowMs);
  expect(lines).toEqual([]);
  for (let nowMs = 15_000; nowMs < 15_000 + 2 * hourMs; nowMs += 60_000) watch.look(bus.delivery(), nowMs);
  const where = `warn: relay_confirm: no connection to ${address}`;
  expect(lines.splice(0)).toEqual([
    `${where} for 10 s; 3 messages wait in the outbox`,
    `${where} for 3610 s; 3 messages wait in the outbox`,
  ]);
  await using _ = await FakeRelay.open(({ number }) => `OK ${number}`, { address });
  await eventually(() => bus.delivery()?.relays[0]?.isConnected === true, "the relay");
  for (const nowMs of [2 * hourMs, 2 * hourMs + 1000]) watch.look(bus.delivery(), nowMs);
  expect(lines).toEqual([`info: relay_confirm: ${address} is there after 7195 s; 3 messages waited for it`]);
});

test("a relay that is away for a moment, and a hub without one, are not worth a line", async () => {
  const { lines, log } = openLog();
  const watch = new RelayWatch(log);
  const delivery = (isConnected: boolean) => ({
    ...{ relays: [{ relay: "tcp://a:1", isConnected }], inFlight: 1, confirmed: 0, retried: 0 },
    refused: { invalid: 0, "too-large": 0, "cut-off": 0, busy: 0, journal: 0, version: 0, other: 0 },
  });
  for (let nowMs = 0; nowMs < hourMs; nowMs += 9000) watch.look(delivery(nowMs % 2 === 0), nowMs);
  watch.look(undefined, hourMs);
  expect(lines).toEqual([]);
  for (const nowMs of [2 * hourMs, 2 * hourMs + 10_000]) watch.look(delivery(false), nowMs);
  expect(lines).toEqual(["warn: relay_confirm: no connection to tcp://a:1 for 10 s; 1 message waits"]);
});

test("a bus is watched until it is closed, and what it tells is handed on", async () => {
  const address = await freeAddress();
  const config = testConfig({ active: true, relay_confirm: [address], ...outboxIn(tempFolder()) });
  await using bus = await connect({ name: "app", config });
  const { lines, log } = openLog();
  const types = new Set<string>();
  let nowMs = 0;
  const monotonicNow = () => {
    nowMs += 6000;
    return nowMs;
  };
  const heard = hearBus(bus, { log, monotonicNow, onEvent: ({ type }) => void types.add(type) });
  await publish(bus, 1);
  await eventually(() => lines.length > 0, "the warning");
  expect(lines).toEqual([`warn: relay_confirm: no connection to ${address} for 12 s; 1 message waits in the outbox`]);
  await using _ = await FakeRelay.open(({ number }) => `OK ${number}`, { address });
  await eventually(() => lines.length > 1, "the relay");
  expect(lines[1]).toMatch(/^info: relay_confirm: tcp:\S+ is there after \d+ s; 1 message waited for it$/);
  expect(types).toContain("waiting");
  await bus.close();
  await heard;
});
