import { hostname } from "node:os";
import { startHub } from "@fedmsg/hub";
import { FedmsgError, type Received } from "fedmsg";
import type { CommandContext } from "fedmsg/command";
import { type Config, completeConfig } from "fedmsg/config";
import { defineConsumer, defineProducer } from "fedmsg/plugin";
import { CategoryCounts } from "../category-counts.ts";
import { createReporter } from "../daemon.ts";
import { aborted } from "../signals.ts";
import { listSources } from "../sources.ts";

/** Less would keep collectd busier than the bus does. In seconds. */
const intervalMin = 0.1;

/** Nothing else that the configuration lists for a hub runs here. */
const onlyOwn = { mute: true, explicit_hub_consumers: [], producers: [], "fedmsg.commands.collectd.enabled": true };

/** Prints counts until a signal comes: a hub with one consumer, and one producer. Invalid messages are not counted. */
export async function run({ config, log, signal }: CommandContext): Promise<number> {
  const interval = intervalOf(config);
  listSources(config); // Without any it would count nothing, for ever.
  const reporter = createReporter(log);
  try {
    const { onEvent } = reporter;
    const hub = await startHub({
      config: completeConfig(onlyOwn, config),
      ...plugins(interval),
      log,
      onEvent,
      monitoring: "none",
    });
    await Promise.race([aborted(signal), hub.done]).finally(() => hub.drain());
  } finally {
    reporter.stop();
  }
  return 0;
}

/** What counts, and what prints the counts. */
function plugins(interval: number) {
  const own = { name: "collectd", configKey: "fedmsg.commands.collectd.enabled" };
  const host = process.env.COLLECTD_HOSTNAME || hostname(); // collectd's exec plugin sets it.
  const counts = new CategoryCounts();
  const consumer = defineConsumer({
    ...own,
    consume: ({ topic }: Received) => {
      counts.add(topic);
    },
  });
  const producer = defineProducer({
    ...own,
    every: interval,
    poll: () => {
      const at = `interval=${interval} ${Math.floor(Date.now() / 1000)}`;
      const lines = counts.take().map(([category, count]) => {
        return `PUTVAL ${host}/fedmsg/fedmsg_wallboard-${category} ${at}:${count}\n`;
      });
      process.stdout.write(lines.join("")); // One write: collectd reads whole lines.
    },
  });
  return { consumers: [consumer], producers: [producer] };
}

/** A flag has become part of the configuration already; `COLLECTD_INTERVAL` is what collectd's exec plugin sets. */
function intervalOf({ collectd_interval: configured }: Config): number {
  if (configured !== undefined && configured < intervalMin) {
    const wanted = `wanted at least ${intervalMin} seconds`;
    throw new FedmsgError("FEDMSG_CONFIG_INVALID", `collectd_interval: found ${configured}; ${wanted}`);
  }
  const asked = Number(process.env.COLLECTD_INTERVAL);
  return configured ?? (asked >= intervalMin && asked <= 86_400 ? asked : 2);
}
