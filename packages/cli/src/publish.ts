/** Publishing through the relay, as commands do it that have something to say and then end. */

import { type Bus, connect, FedmsgError } from "fedmsg";
import type { CommandContext, Log } from "fedmsg/command";
import { type Config, completeConfig } from "fedmsg/config";

/** Messages under way at the same time: enough to keep the socket busy, little to hold in memory. */
const windowMessages = 500;

/** What is published. */
export interface Publication {
  readonly topic: string;
  readonly modname: string;
  /** The bodies, one after the other; none are asked for once `signal` has fired. What it throws counts as not sent. */
  messages(signal: AbortSignal): AsyncIterable<unknown>;
}

/**
 * Publishes through the relay, which is waited for: as long as it takes, or for the seconds of `--timeout`. Says on the
 * log what was not sent.
 *
 * @returns the exit code: 1 where a message was not sent
 */
export async function publishThroughRelay(
  { options, config: given, log, signal }: CommandContext,
  publication: Publication,
): Promise<number> {
  // Without the flag it waits as long as it takes; `timeout` of the configuration is about other things.
  const { timeout = 0 } = options as { timeout?: number };
  const config = completeConfig({ active: true, publish_timeout: timeout }, given);
  const bus = await connect({ config, signal });
  void tellStatus(bus, log);
  const failures = await publishAll(bus, publication, signal);
  const [first] = failures;
  if (first) log.error(`${countMessages(failures.length)} not sent: ${explain(first, config, signal)}`);
  await bus.drain();
  return first ? 1 : 0;
}

/** Says once that the relay is waited for, and what is wrong with the key to sign with. */
async function tellStatus(bus: Bus, log: Log): Promise<void> {
  let waiting = false;
  for await (const event of bus.status()) {
    if (event.type === "credentials") log.warn(`${event.path}: ${event.detail}`);
    if (event.type !== "waiting" || waiting) continue;
    waiting = true;
    log.info(`waiting for the relay at ${event.endpoint} (relay_inbound); Ctrl-C gives up`);
  }
}

/** Publishes until there is no more, or something fails. @returns what became of messages that were not sent */
async function publishAll(
  bus: Bus,
  { topic, modname, messages }: Publication,
  signal: AbortSignal,
): Promise<FedmsgError[]> {
  const failed = new AbortController();
  const failures: FedmsgError[] = [];
  const fail = (error: unknown) => {
    failures.push(FedmsgError.from(error));
    failed.abort(); // What could not be sent once would only fail a thousand times.
  };
  const underWay: Promise<unknown>[] = [];
  try {
    for await (const msg of messages(AbortSignal.any([signal, failed.signal]))) {
      underWay.push(bus.publish({ topic, modname, msg }).catch(fail));
      if (underWay.length >= windowMessages) await underWay.shift();
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(underWay);
  return failures;
}

function countMessages(count: number): string {
  return count === 1 ? "the message was" : `${count} messages were`;
}

function explain({ code, message }: FedmsgError, config: Config, signal: AbortSignal): string {
  const relay = `the relay at ${config.relay_inbound.join(", ")} (relay_inbound)`;
  if (code === "FEDMSG_TIMEOUT") return `${relay} did not take it within ${config.publish_timeout} s (--timeout)`;
  if (code === "FEDMSG_CLOSED" && signal.aborted) return `interrupted while waiting for ${relay}`;
  return message;
}
