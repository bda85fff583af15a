import { hostname } from "node:os";
import { type Bus, connect, FedmsgError } from "fedmsg";
import type { CommandContext } from "fedmsg/command";
import { type Config, completeConfig } from "fedmsg/config";
import { CategoryCounts } from "../category-counts.ts";
import { createReporter } from "../daemon.ts";
import { every } from "../every.ts";
import { listSources } from "../sources.ts";

/** Less would keep collectd busier than the bus does. In seconds. */
const intervalMin = 0.1;

/** Prints counts until a signal comes. Invalid messages are not counted. */
export async function run({ config, log, signal }: CommandContext): Promise<number> {
  const interval = intervalOf(config);
  const host = process.env.COLLECTD_HOSTNAME || hostname(); // collectd's exec plugin sets it.
  listSources(config); // Without any it would count nothing, for ever.
  const counts = new CategoryCounts();
  const reporter = createReporter(log);
  const bus = await connect({ config: completeConfig({ mute: true }, config), signal });
  const stop = every(interval * 1000, () => {
    const at = `interval=${interval} ${Math.floor(Date.now() / 1000)}`;
    const lines = counts.take().map(([category, count]) => {
      return `PUTVAL ${host}/fedmsg/fedmsg_wallboard-${category} ${at}:${count}\n`;
    });
    process.stdout.write(lines.join("")); // One write: collectd reads whole lines.
  });
  try {
    const reported = report(bus, reporter.onEvent);
    for await (const { topic } of bus.subscribe()) counts.add(topic);
    await reported;
  } finally {
    stop();
    reporter.stop();
    await bus.close();
  }
  return 0;
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

async function report(bus: Bus, onEvent: ReturnType<typeof createReporter>["onEvent"]): Promise<void> {
  for await (const event of bus.status()) onEvent(event);
}
