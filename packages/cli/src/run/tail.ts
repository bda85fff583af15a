import { type Bus, connect, type Received, type StatusEvent } from "fedmsg";
import type { CommandContext, Log } from "fedmsg/command";
import { completeConfig } from "fedmsg/config";
import { createReporter } from "../daemon.ts";
import { type Format, formatLine, formatPretty, formatQuery, formatReallyPretty } from "../format.ts";
import { Output } from "../output.ts";
import { onHangup } from "../signals.ts";
import { listSources } from "../sources.ts";
import { compileTopicFilter } from "../topic-filter.ts";

/** Prints messages until `--limit`, a signal, or the end of stdout. */
export async function run({ options, config, log, signal }: CommandContext): Promise<number> {
  const { limit, include, exclude, validate } = options as {
    limit?: number;
    include?: string;
    exclude: string;
    validate?: boolean;
  };
  const wanted = await compileTopicFilter({ include, exclude });
  const format = chooseFormat(options);
  const output = new Output();
  const reporter = createReporter(log);
  const addresses = listSources(config);
  const keys = { mute: true, ...(validate !== undefined && { validate_signatures: validate }) };
  const bus = await connect({ config: completeConfig(keys, config), signal });
  // On a terminal that signal says that the terminal is gone.
  const stopHearing = process.stdout.isTTY ? undefined : onHangup(() => void bus.refresh());
  const listening = listen(bus.status(), addresses, log, reporter.onEvent);
  let left = limit ?? Number.POSITIVE_INFINITY;
  try {
    for await (const { received, done } of subscribe(bus, options)) {
      if (!wanted(received.topic)) continue;
      const flushed = output.line(format(received));
      if (done) await output.flush().then(done);
      else if (flushed) await flushed;
      if (--left <= 0) break;
    }
  } finally {
    stopHearing?.();
    await output.flush();
    await bus.close();
    await listening;
    reporter.stop();
  }
  return 0;
}

interface Item {
  readonly received: Received;
  /** Keeps that it was printed; only where there is a name to keep it under. */
  readonly done?: () => Promise<unknown>;
}

async function* subscribe(bus: Bus, options: CommandContext["options"]): AsyncGenerator<Item, void, void> {
  const { topic, durable, from } = options as { topic: string; durable?: string; from: "head" | "first" | Date };
  const wanted = { topics: [topic], from };
  if (durable === undefined) {
    for await (const received of bus.subscribe(wanted)) yield { received };
    return;
  }
  for await (const received of bus.subscribe({ ...wanted, durable })) {
    yield { received, done: () => received.commit() };
  }
}

/** Later ones win, as they always did. */
function chooseFormat(options: CommandContext["options"]): Format {
  if (typeof options.query === "string") return formatQuery(options.query);
  if (options.reallyPretty) return formatReallyPretty(process.stdout.isTTY === true && !process.env.NO_COLOR);
  if (options.pretty) return formatPretty;
  return formatLine;
}

const patienceMs = 2000;

/** Reports what happens; says so where after two seconds nobody is there to listen to. */
async function listen(
  events: AsyncIterable<StatusEvent>,
  addresses: readonly string[],
  log: Log,
  onEvent: (event: StatusEvent) => void,
): Promise<void> {
  const timer = setTimeout(() => {
    const more = addresses.length > 5 ? `, … (${addresses.length})` : "";
    log.info(`nobody publishes at ${addresses.slice(0, 5).join(", ")}${more} yet; waiting`);
  }, patienceMs);
  timer.unref();
  for await (const event of events) {
    if (event.type === "connected") clearTimeout(timer);
    onEvent(event);
  }
  clearTimeout(timer);
}
