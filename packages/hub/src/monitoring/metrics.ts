/**
 * A hub's numbers for Prometheus. They are read when somebody asks, and cost nothing until then: what is counted on the way
 * of a message is counted by the hub itself.
 */

import type { Delivery, OutboxState } from "fedmsg";
import type { Expiry } from "fedmsg/crypto";
import { Counter, Gauge, Registry } from "prom-client";
import type { ConsumerStats, HubStats, ProducerStats } from "../stats.ts";
import { registerProcessMetrics } from "./process-metrics.ts";

/** Where the numbers come from. */
export interface MetricsSources {
  readonly stats: () => HubStats;
  readonly certificates: () => readonly Expiry[];
  readonly delivery: () => Delivery | undefined;
  readonly version: string;
}

/** What Prometheus asks for. */
export interface Metrics {
  readonly contentType: string;
  /** All numbers as they are now, or were a moment ago. */
  text(): Promise<string>;
  /** Stops measuring. */
  close(): void;
}

/** Who asks again within so many ms is told the same: nobody can keep the hub busy with counting. */
const freshMs = 200;

type Labels = Record<string, string>;
type Value = readonly [labels: Labels, value: number];

/** One number, or one for each combination of labels. */
interface Definition {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  values(): readonly Value[];
}

/** Makes what answers `/metrics`, with a registry of its own. */
export function createMetrics({ stats, certificates, delivery, version }: MetricsSources): Metrics {
  const registry = new Registry();
  const register = { counter: counterIn(registry), gauge: gaugeIn(registry) };
  registerConsumers(register, () => stats().consumers);
  registerProducers(register, () => stats().producers);
  registerHub(register, stats);
  registerDelivery(register, delivery);
  registerOutbox(register, () => delivery()?.outbox);
  register.gauge({
    name: "fedmsg_certificate_days_left",
    help: "Days until a certificate, or the list of revoked ones, is no longer valid; below 0 afterwards.",
    labels: ["certificate"],
    values: () =>
      certificates().map(({ name, notAfter }) => [{ certificate: name }, (notAfter - Date.now()) / 86_400_000]),
  });
  register.gauge({
    name: "fedmsg_build_info",
    help: "1, with the versions of fedmsg and of Node.",
    labels: ["version", "node"],
    values: () => [[{ version, node: process.versions.node }, 1]],
  });
  const stop = registerProcessMetrics(registry);
  let asked: { readonly at: number; readonly text: Promise<string> } | undefined;
  return {
    contentType: registry.contentType,
    text: () => {
      const at = performance.now();
      if (asked === undefined || at - asked.at >= freshMs) asked = { at, text: registry.metrics() };
      return asked.text;
    },
    close: stop,
  };
}

/** Registers what only grows, and what goes up and down. */
interface Register {
  counter(definition: Definition): void;
  gauge(definition: Definition): void;
}

function counterIn(registry: Registry) {
  return ({ name, help, labels = [], values }: Definition) => {
    const collect = function (this: Counter) {
      this.reset();
      if (labels.length === 0) this.remove(); // Else it has a value where there is none.
      for (const [of, value] of values()) this.inc(of, value);
    };
    new Counter({ name, help, labelNames: labels, registers: [registry], collect });
  };
}

function gaugeIn(registry: Registry) {
  return ({ name, help, labels = [], values }: Definition) => {
    const collect = function (this: Gauge) {
      this.reset();
      if (labels.length === 0) this.remove(); // Else it has a value where there is none.
      for (const [of, value] of values()) this.set(of, value);
    };
    new Gauge({ name, help, labelNames: labels, registers: [registry], collect });
  };
}

function registerConsumers({ counter, gauge }: Register, consumers: () => readonly ConsumerStats[]): void {
  const labels = ["consumer"];
  const each = (read: (consumer: ConsumerStats) => number) => () =>
    consumers().map((consumer): Value => [{ consumer: consumer.name }, read(consumer)]);
  const of = (name: string, help: string, read: (consumer: ConsumerStats) => number) => ({
    name: `fedmsg_consumer_${name}`,
    help,
    labels,
    values: each(read),
  });
  counter({
    name: "fedmsg_consumer_messages_total",
    help: "Messages that are done with: handled, or dead letters.",
    labels: ["consumer", "result"],
    values: () =>
      consumers().flatMap(({ name, done, deadLetters }): Value[] => [
        [{ consumer: name, result: "handled" }, done - deadLetters],
        [{ consumer: name, result: "dead_letter" }, deadLetters],
      ]),
  });
  counter({
    name: "fedmsg_consumer_attempts_failed_total",
    help: "Attempts that failed: with an error, or because they took too long.",
    labels: ["consumer", "reason"],
    values: () =>
      consumers().flatMap(({ name, failures, timeouts }): Value[] => [
        [{ consumer: name, reason: "error" }, failures - timeouts],
        [{ consumer: name, reason: "timeout" }, timeouts],
      ]),
  });
  counter(of("messages_received_total", "Messages that were given to it.", ({ received }) => received));
  counter(of("retries_total", "Attempts that were not the first.", ({ retries }) => retries));
  counter(of("dead_letters_refused_total", "Tries to write a dead letter that failed.", (c) => c.letterFailures));
  counter(of("messages_dropped_total", "Messages that it missed live, because it did not keep up.", (c) => c.dropped));
  counter(of("messages_replayed_total", "Messages that were fetched from journals.", ({ replayed }) => replayed));
  counter(of("messages_missing_total", "Messages that cannot be had any more, at least.", ({ gaps }) => gaps));
  counter(of("busy_seconds_total", "Seconds that all attempts took together.", ({ busySeconds }) => busySeconds));
  gauge(of("messages_waiting", "Messages that wait to be worked on.", ({ waiting }) => waiting));
  gauge(of("messages_in_hand", "Messages that are being worked on.", ({ inHand }) => inHand));
  gauge(of("messages_retrying", "Messages that failed, and wait to be tried again.", ({ retrying }) => retrying));
  gauge(of("dead_letters_unwritten", "Messages whose dead letters are not written yet.", (c) => c.unwritten));
  gauge(of("lag_seconds", "Seconds since the oldest message in its hands was published.", (c) => c.lagSeconds));
  gauge(of("running", "1 where it takes messages, else 0.", ({ isRunning }) => Number(isRunning)));
}

function registerProducers({ counter, gauge }: Register, producers: () => readonly ProducerStats[]): void {
  const of = (name: string, help: string, read: (producer: ProducerStats) => number) => ({
    name: `fedmsg_producer_${name}`,
    help,
    labels: ["producer"],
    values: () => producers().map((producer): Value => [{ producer: producer.name }, read(producer)]),
  });
  counter(of("polls_total", "How often it was polled.", ({ polls }) => polls));
  counter(of("failures_total", "Polls that failed.", ({ failures }) => failures));
  gauge(of("last_run_timestamp_seconds", "When its last poll began; 0 before the first.", (p) => p.lastRanAt));
  gauge(of("running", "1 where it is polled, else 0.", ({ isRunning }) => Number(isRunning)));
}

function registerHub({ counter, gauge }: Register, stats: () => HubStats): void {
  counter({
    name: "fedmsg_messages_invalid_total",
    help: "Messages that were refused, all consumers together.",
    labels: ["reason"],
    values: () => byReason(stats().invalid),
  });
  const single = (name: string, help: string, read: (hub: HubStats) => number) => ({
    name,
    help,
    values: (): readonly Value[] => [[{}, read(stats())]],
  });
  counter(single("fedmsg_messages_published_total", "Messages that it published.", ({ published }) => published));
  counter(single("fedmsg_messages_duplicate_total", "Messages that came a second time.", (hub) => hub.duplicates));
  gauge(
    single("fedmsg_hub_plugins_failed", "Plugins that could not be loaded or started.", (hub) => hub.failures.length),
  );
  gauge(single("fedmsg_hub_start_timestamp_seconds", "When the hub began.", ({ startedAt }) => startedAt));
}

/** Of a hub that publishes to no relay that confirms nothing here has a value; without an outbox nothing of the outbox has. */
function registerDelivery({ counter, gauge }: Register, delivery: () => Delivery | undefined): void {
  const of = (name: string, help: string, read: (from: Delivery) => number) => ({
    name: `fedmsg_confirm_messages_${name}`,
    help,
    values: () => toValues(delivery(), (from): Value[] => [[{}, read(from)]]),
  });
  gauge(of("in_flight", "Messages that wait for the relay's answer, sent or not.", ({ inFlight }) => inFlight));
  counter(of("confirmed_total", "Messages that a relay has.", ({ confirmed }) => confirmed));
  counter(of("retried_total", "How often a message was sent once more.", ({ retried }) => retried));
  counter({
    name: "fedmsg_confirm_messages_refused_total",
    help: "How often a relay did not take a message.",
    labels: ["reason"],
    values: () => toValues(delivery(), ({ refused }) => byReason(refused)),
  });
  gauge({
    name: "fedmsg_confirm_relay_connected",
    help: "1 where there is a connection to it, else 0; of several relays one is used at a time.",
    labels: ["relay"],
    values: () =>
      toValues(delivery(), ({ relays }) => relays.map(({ relay, isConnected }) => [{ relay }, Number(isConnected)])),
  });
}

function registerOutbox({ counter, gauge }: Register, outbox: () => OutboxState | undefined): void {
  const of = (name: string, help: string, read: (from: OutboxState) => number | undefined) => ({
    name: `fedmsg_outbox_${name}`,
    help,
    values: () => toValues(outbox(), (from): Value[] => toValues(read(from), (value): Value[] => [[{}, value]])),
  });
  gauge(of("messages_waiting", "Messages that no relay has confirmed yet.", ({ waiting }) => waiting));
  gauge(of("waiting_bytes", "Bytes of topics and bodies of these.", ({ waitingBytes }) => waitingBytes));
  gauge(of("oldest_age_seconds", "Seconds since the oldest of these was published.", (from) => from.oldestSeconds));
  gauge(of("working", "1 where it takes messages and can be read, else 0.", (from) => Number(!from.problem)));
  counter({
    name: "fedmsg_outbox_messages_given_up_total",
    help: "Messages that no relay confirmed, and that are not tried any more.",
    labels: ["reason"],
    values: () => toValues(outbox(), ({ givenUp }) => byReason(givenUp)),
  });
  counter({
    name: "fedmsg_outbox_messages_rejected_total",
    help: "Messages that publish rejected, because the outbox is full or cannot be written.",
    labels: ["reason"],
    values: () => toValues(outbox(), ({ rejected }) => byReason(rejected)),
  });
}

/** Nothing of nothing. */
function toValues<T>(from: T | undefined, read: (from: T) => Value[]): Value[] {
  return from === undefined ? [] : read(from);
}

function byReason(counts: Readonly<Record<string, number>>): Value[] {
  return Object.entries(counts).map(([reason, count]) => [{ reason }, count]);
}
