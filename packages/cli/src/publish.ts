/** Publishing through the relay, as commands do it that have something to say and then end. */

import { setTimeout as delay } from "node:timers/promises";
import { type Bus, connect, FedmsgError, type Receipt } from "fedmsg";
import type { CommandContext, Log } from "fedmsg/command";
import { type Config, completeConfig } from "fedmsg/config";

/** Messages under way at the same time: enough to keep the socket busy, little to hold in memory. */
const windowMessages = 500;
/** Pauses between looks whether the outbox is free, in ms: they double. */
const firstPauseMs = 50;
const pauseMsMax = 1000;

/** What is published. */
export interface Publication {
  readonly topic: string;
  readonly modname: string;
  /** Every message must be confirmed by the relay. Default false. */
  readonly confirm?: boolean;
  /** The bodies, one after the other; none are asked for once `signal` has fired. What it throws counts as not sent. */
  messages(signal: AbortSignal): AsyncIterable<unknown>;
}

/**
 * Publishes through the relay, which is waited for: as long as it takes, or for the seconds of `--timeout`. Says on the
 * log what was not sent. With an outbox it waits for the relay for `publish_timeout`, for one that is away only where all shall
 * be confirmed, and leaves the rest there; before that it
 * waits as long for whoever else has the outbox open.
 *
 * @returns the exit code: 1 where a message was not sent, or, where that is asked for, not confirmed
 * @throws FedmsgError FEDMSG_CONFIG_INVALID where all shall be confirmed and no relay is listed that does so; FEDMSG_JOURNAL where
 *   another process does not let go of the outbox
 */
export async function publishThroughRelay(
  { options, config: given, log, signal }: CommandContext,
  publication: Publication,
): Promise<number> {
  if (publication.confirm && given.relay_confirm.length === 0) {
    const detail = "--confirm: relay_confirm lists no address; add the one at which the relay confirms";
    throw new FedmsgError("FEDMSG_CONFIG_INVALID", detail);
  }
  // Without the flag it waits as long as it takes; `timeout` of the configuration is about other things.
  const { timeout = given.outbox === null ? 0 : given.publish_timeout } = options as { timeout?: number };
  const config = completeConfig({ active: true, publish_timeout: timeout }, given);
  const bus = await connectInTurn(config, log, signal);
  void tellStatus(bus, log);
  const { failures, counts } = await publishAll(bus, publication, signal);
  const [first] = failures;
  if (first) log.error(`${countMessages(failures.length)} not sent: ${explain(first, config, signal)}`);
  await bus.drain();
  const missing = publication.confirm ? describeMissing(counts) : [];
  for (const text of missing) log.error(text);
  return first || missing.length > 0 ? 1 : 0;
}

/** Commands have one outbox between them, as they are called the same: each waits for the one before. */
async function connectInTurn(config: Config, log: Log, signal: AbortSignal): Promise<Bus> {
  const { publish_timeout: timeout } = config;
  const untilMs = timeout === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout * 1000;
  let held: FedmsgError | undefined;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
    try {
      return await connect({ config, signal });
    } catch (error) {
      if (config.outbox === null) throw error;
      if ((await import("@fedmsg/store")).isLocked(error)) held = FedmsgError.from(error);
      else if (!held || !signal.aborted) throw error;
    }
    const left = untilMs - performance.now();
    const end = signal.aborted ? "interrupted while waiting for it" : `waited ${timeout} s for it (--timeout)`;
    if (signal.aborted || left <= 0) throw new FedmsgError(held.code, `${held.message}; ${end}`, { cause: held });
    if (pauseMs === firstPauseMs) log.info("waiting for the outbox, which another process has open; Ctrl-C gives up");
    await delay(Math.min(pauseMs, left), undefined, { signal }).catch(() => {});
  }
}

/** Says once that the relay is waited for, what is wrong with the key to sign with, and what becomes of the outbox. */
async function tellStatus(bus: Bus, log: Log): Promise<void> {
  let waiting = false;
  for await (const event of bus.status()) {
    if (event.type === "credentials") log.warn(`${event.path}: ${event.detail}`);
    if (event.type === "warning" && bus.config.relay_confirm.length > 0) log.warn(event.detail);
    if (event.type !== "waiting" || waiting) continue;
    waiting = true;
    log.info(`waiting for the relay at ${event.endpoint} (${relayKey(bus.config)}); Ctrl-C gives up`);
  }
}

/** The key of the configuration that lists the relays that are used. */
function relayKey(config: Config): "relay_confirm" | "relay_inbound" {
  return config.relay_confirm.length > 0 ? "relay_confirm" : "relay_inbound";
}

/** What became of messages. */
interface Outcome {
  readonly failures: readonly FedmsgError[];
  /** Goes on while confirmations come. `kept`: not confirmed yet, and in the outbox. */
  readonly counts: Counts;
}

interface Counts {
  sent: number;
  confirmed: number;
  kept: number;
}

/** Publishes until there is no more, or something fails. */
async function publishAll(bus: Bus, publication: Publication, signal: AbortSignal): Promise<Outcome> {
  const { topic, modname, messages, confirm: asks = false } = publication;
  const counts: Counts = { sent: 0, confirmed: 0, kept: 0 };
  const note = (receipt: Receipt) => {
    counts.sent++;
    if (!asks) return; // Each one that is asked for is remembered until its answer comes, which may take days.
    const count = (confirmation: unknown) => {
      if (confirmation) counts.confirmed++;
    };
    const noteMissing = (error: unknown) => {
      if (bus.config.outbox !== null && FedmsgError.from(error).code === "FEDMSG_CLOSED") counts.kept++;
    };
    receipt.confirmed.then(count, noteMissing);
  };
  const failed = new AbortController();
  const failures: FedmsgError[] = [];
  const fail = (error: unknown) => {
    failures.push(FedmsgError.from(error));
    failed.abort(); // What could not be sent once would only fail a thousand times.
  };
  const underWay: Promise<unknown>[] = [];
  try {
    for await (const msg of messages(AbortSignal.any([signal, failed.signal]))) {
      underWay.push(bus.publish({ topic, modname, msg }).then(note, fail));
      if (underWay.length >= windowMessages) await underWay.shift();
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(underWay);
  return { failures, counts };
}

function countMessages(count: number): string {
  return count === 1 ? "the message was" : `${count} messages were`;
}

function describeMissing({ sent, confirmed, kept }: Counts): readonly string[] {
  const lost = sent - confirmed - kept;
  const [it, goes] = kept === 1 ? ["it waits", "goes"] : ["they wait", "go"];
  return [
    ...(lost > 0 ? [`${countMessages(lost)} not confirmed by the relay`] : []),
    ...(kept > 0
      ? [`${countMessages(kept)} not confirmed by the relay yet; ${it} in the outbox and ${goes} out with the next run`]
      : []),
  ];
}

function explain({ code, message }: FedmsgError, config: Config, signal: AbortSignal): string {
  const key = relayKey(config);
  const relay = `the relay at ${config[key].join(", ")} (${key})`;
  if (code === "FEDMSG_TIMEOUT") return `${relay} did not take it within ${config.publish_timeout} s (--timeout)`;
  if (code === "FEDMSG_CLOSED" && signal.aborted) return `interrupted while waiting for ${relay}`;
  return message;
}
