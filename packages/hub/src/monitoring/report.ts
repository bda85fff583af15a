/**
 * What a hub says about itself on its monitoring socket: one JSON text, as `moksha.hub.monitoring` writes it, so that whoever
 * reads a Python hub reads ours. Counters begin anew with each report.
 */

import { dumps, Float } from "fedmsg/encoding";
import type { ConsumerStats, HubStats, ProducerStats } from "../stats.ts";

/** What a consumer had done when it was last reported. */
interface Reported {
  readonly received: number;
  readonly done: number;
  readonly failures: number;
}

const nothing: Reported = { received: 0, done: 0, failures: 0 };

/** Writes reports, one after the other. */
export class Reporter {
  #consumers = new Map<string, Reported>();
  #producers = new Map<string, number>();
  readonly #seconds: number;

  /** @param seconds from one report to the next */
  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** The text of a report of what happened since the one before. */
  write(stats: HubStats): string {
    const consumers = stats.consumers.map((consumer) => toRow(consumer, this.#consumers.get(consumer.name) ?? nothing));
    const producers = stats.producers.map((producer) =>
      toProducerRow(producer, this.#producers.get(producer.name) ?? 0),
    );
    this.#consumers = new Map(
      stats.consumers.map(({ name, received, done, failures }) => [name, { received, done, failures }]),
    );
    this.#producers = new Map(stats.producers.map(({ name, failures }) => [name, failures]));
    return writePython({ consumers, producers: [...producers, ownRow(this.#seconds)] });
  }
}

function toRow(consumer: ConsumerStats, before: Reported) {
  const { name, module, topics, isRunning, isDecoded, waiting, retrying } = consumer;
  return {
    name,
    module,
    topic: toTopic(topics),
    initialized: isRunning,
    exceptions: since(consumer.failures, before.failures),
    jsonify: isDecoded,
    backlog: isRunning ? waiting + retrying : null,
    headcount_out: since(consumer.done, before.done),
    headcount_in: since(consumer.received, before.received),
    times: consumer.takeTimes().map((seconds) => new Float(seconds)),
  };
}

function toProducerRow({ name, module, isRunning, failures, every, now, lastRanAt }: ProducerStats, before: number) {
  return {
    name,
    module,
    initialized: isRunning,
    exceptions: since(failures, before),
    frequency: every ?? null,
    now,
    last_ran: lastRanAt > 0 ? new Float(lastRanAt) : null,
  };
}

/** Python's hub lists what writes the report among its producers, and checks ask for it by this name. */
function ownRow(every: number) {
  const lastRanAt = Date.now() / 1000;
  const own = { name: "MonitoringProducer", module: "fedmsg", isRunning: true, polls: 1, failures: 0, lastRanAt };
  return toProducerRow({ ...own, every, now: false }, 0);
}

/** A text where there is one, a list where there are several; `*` for everything. */
function toTopic(topics: readonly string[]): string | readonly string[] {
  if (topics.length === 0 || topics.some((topic) => topic === "" || topic === "#" || topic === "*")) return "*";
  return topics.length === 1 ? (topics[0] as string) : topics;
}

/** A consumer that was started anew under its name counts from 0 again. */
function since(count: number, before: number): number {
  return count >= before ? count - before : count;
}

/** JSON with the spaces and in the order of Python's `json.dumps`. */
function writePython(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writePython).join(", ")}]`;
  if (typeof value !== "object" || value === null || value instanceof Float) return dumps(value);
  const members = Object.entries(value).map(([key, member]) => `${dumps(key)}: ${writePython(member)}`);
  return `{${members.join(", ")}}`;
}
