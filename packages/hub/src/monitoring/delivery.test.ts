import { expectNoLeaks, testConfig, withTimeout } from "@fedmsg/testkit";
import type { Delivery, OutboxState } from "fedmsg";
import { createMemoryTransport } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { hubStats } from "../../test/sample-stats.ts";
import { startMonitoring } from "./monitoring.ts";

expectNoLeaks();

const outbox: OutboxState = {
  ...{ waiting: 7, waitingBytes: 700, oldestSeconds: 1.5, rejected: { full: 5, journal: 6 } },
  givenUp: { "too-old": 1, "too-large": 2, invalid: 3, lost: 4 },
};
const delivery: Delivery = {
  relays: [
    { relay: "tcp://a:1", isConnected: false },
    { relay: "tcp://b:1", isConnected: true },
  ],
  ...{ inFlight: 8, confirmed: 90, retried: 10 },
  refused: { invalid: 11, "too-large": 12, "cut-off": 13, busy: 14, journal: 15, version: 16, other: 17 },
};

/** What a hub says that publishes so: its numbers, and the status and body of its health. */
async function look(found: Delivery | undefined) {
  const monitoring = await startMonitoring({
    ...{ config: testConfig({ metrics_port: 0 }), transport: createMemoryTransport(), stats: hubStats },
    ...{ delivery: () => found, onWarning: () => {}, version: "1.2.3" },
  });
  const get = (path: string) =>
    withTimeout(fetch(`${monitoring.url}${path}`, { headers: { connection: "close" } }), path);
  try {
    const lines = (await (await get("/metrics")).text()).split("\n");
    const health = await get("/healthz");
    return {
      samples: lines.filter((line) => /^fedmsg_(confirm|outbox)_/.test(line)),
      health: [health.status, await health.json()],
    };
  } finally {
    await monitoring.close();
  }
}

test("every number of an outbox has its sample, and is in the health", async () => {
  const { samples, health } = await look({ ...delivery, outbox });
  expect(samples).toEqual([
    "fedmsg_confirm_messages_in_flight 8",
    "fedmsg_confirm_messages_confirmed_total 90",
    "fedmsg_confirm_messages_retried_total 10",
    'fedmsg_confirm_messages_refused_total{reason="invalid"} 11',
    'fedmsg_confirm_messages_refused_total{reason="too-large"} 12',
    'fedmsg_confirm_messages_refused_total{reason="cut-off"} 13',
    'fedmsg_confirm_messages_refused_total{reason="busy"} 14',
    'fedmsg_confirm_messages_refused_total{reason="journal"} 15',
    'fedmsg_confirm_messages_refused_total{reason="version"} 16',
    'fedmsg_confirm_messages_refused_total{reason="other"} 17',
    'fedmsg_confirm_relay_connected{relay="tcp://a:1"} 0',
    'fedmsg_confirm_relay_connected{relay="tcp://b:1"} 1',
    "fedmsg_outbox_messages_waiting 7",
    "fedmsg_outbox_waiting_bytes 700",
    "fedmsg_outbox_oldest_age_seconds 1.5",
    "fedmsg_outbox_working 1",
    'fedmsg_outbox_messages_given_up_total{reason="too-old"} 1',
    'fedmsg_outbox_messages_given_up_total{reason="too-large"} 2',
    'fedmsg_outbox_messages_given_up_total{reason="invalid"} 3',
    'fedmsg_outbox_messages_given_up_total{reason="lost"} 4',
    'fedmsg_outbox_messages_rejected_total{reason="full"} 5',
    'fedmsg_outbox_messages_rejected_total{reason="journal"} 6',
  ]);
  expect(health).toEqual([
    200,
    {
      ...{ status: "ok", version: "1.2.3" },
      delivery: {
        relays: { "tcp://a:1": false, "tcp://b:1": true },
        ...{ in_flight: 8, confirmed: 90, retried: 10, refused: delivery.refused },
        outbox: {
          ...{ waiting: 7, waiting_bytes: 700, oldest_seconds: 1.5 },
          ...{ given_up: outbox.givenUp, rejected: outbox.rejected },
        },
      },
    },
  ]);
});

test("where there is no outbox it has no numbers, and where nobody confirms there are none at all", async () => {
  const without = await look(delivery);
  expect(without.samples).toHaveLength(12);
  expect(without.samples.join()).not.toContain("outbox");
  const { samples, health } = await look(undefined);
  expect(samples).toEqual([]);
  expect(health).toEqual([200, { status: "ok", version: "1.2.3" }]);
});

test("what cannot be read of an outbox has no number", async () => {
  const { samples } = await look({ ...delivery, outbox: { ...outbox, oldestSeconds: undefined } });
  expect(samples.join()).not.toContain("oldest");
  expect(samples).toHaveLength(21);
});

test("no relay deserves a word; an outbox that does not work is a problem", async () => {
  const relays = delivery.relays.map(({ relay }) => ({ relay, isConnected: false }));
  const away = await look({ ...delivery, relays });
  const note = "relay_confirm: no connection to tcp://a:1, tcp://b:1; 8 messages wait";
  expect(away.health).toMatchObject([200, { status: "ok", notes: [note] }]);
  const { samples, health } = await look({ ...delivery, relays, outbox: { ...outbox, problem: "it is full" } });
  expect(health).toMatchObject([
    503,
    {
      status: "failing",
      problems: ["outbox: it is full"],
      notes: ["relay_confirm: no connection to tcp://a:1, tcp://b:1; 7 messages wait in the outbox"],
    },
  ]);
  expect(samples).toContain("fedmsg_outbox_working 0");
});
