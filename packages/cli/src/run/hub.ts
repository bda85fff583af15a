import { type Hub, type HubStats, startHub } from "@fedmsg/hub";
import { FedmsgError } from "fedmsg";
import { type CommandContext, countOf, escapeLine, type Log } from "fedmsg/command";
import { createReporter } from "../daemon.ts";
import { allowForEnd, onHangup } from "../signals.ts";

/** How long the end may take behind `drain_timeout`: dead letters, and the `stop` of each plugin. */
const graceMs = 15_000;
/** How long a process may live on because a plugin left something open. */
const leftOpenMs = 1000;
/** As good as never: what keeps the process is that there is a timer. */
const aliveMs = 1_000_000_000;

/** Runs a hub until a signal comes, or nothing runs in it any more. */
export async function run({ config, options, log, signal }: CommandContext): Promise<number> {
  if (options.websocketServerPort !== undefined) {
    throw new FedmsgError(
      "FEDMSG_UNSUPPORTED",
      "--websocket-server-port: the hub of this version has no WebSocket server; leave the flag out",
    );
  }
  allowForEnd(config.drain_timeout * 1000 + graceMs);
  catchRejections(log);
  const reporter = createReporter(log);
  // A hub that only has producers holds no socket that does; nor does a module that waits for ever at its top level.
  const alive = setInterval(() => {}, aliveMs);
  try {
    const hub = await startHub({ config, log, signal, onEvent: reporter.onEvent, processName: "fedmsg-hub" });
    await runToEnd(hub, log);
  } catch (error) {
    if (!signal.aborted || FedmsgError.from(error).code !== "FEDMSG_CLOSED") throw error;
    log.info("was ended before anything was started");
  } finally {
    clearInterval(alive);
    reporter.stop();
    endSoon(log);
  }
  return 0;
}

async function runToEnd(hub: Hub, log: Log): Promise<void> {
  const stopHearing = onHangup(() => {
    log.info("SIGHUP: reads keys and certificates again");
    void hub.refresh();
  });
  log.info(`runs ${formatRunning(hub.stats())}`);
  try {
    await hub.done;
  } finally {
    stopHearing();
  }
  log.info(`drained; ${formatDone(hub.stats())}`);
}

/** `2 consumers (audit, mail), 1 producer (heartbeat); 1 could not be started` */
export function formatRunning({ consumers, producers, failures }: HubStats): string {
  const list = (noun: string, plugins: readonly { readonly name: string; readonly isRunning: boolean }[]) => {
    const names = plugins.filter(({ isRunning }) => isRunning).map(({ name }) => name);
    if (names.length === 0) return [];
    return [`${countOf(names.length, noun)} (${names.join(", ")})`];
  };
  const running = [...list("consumer", consumers), ...list("producer", producers)].join(", ");
  return failures.length === 0 ? running : `${running}; ${failures.length} could not be started`;
}

/** `120 messages received, 117 done, 3 come again, 1 dead letter, 3 failed attempts, 7 published, 0 refused` */
export function formatDone({ consumers, published, invalid }: HubStats): string {
  const sum = (count: "received" | "done" | "released" | "deadLetters" | "failures") =>
    consumers.reduce((total, consumer) => total + consumer[count], 0);
  const refused = Object.values(invalid).reduce((total, count) => total + count, 0);
  const parts = [
    `${countOf(sum("received"), "message")} received`,
    `${sum("done")} done`,
    ...(sum("released") > 0 ? [countOf(sum("released"), "comes again", "come again")] : []),
    countOf(sum("deadLetters"), "dead letter"),
    countOf(sum("failures"), "failed attempt"),
    `${published} published`,
    `${refused} refused`,
  ];
  return parts.join(", ");
}

/** A promise that a plugin forgot would end the process, and all other plugins with it; also while it is ending. */
function catchRejections(log: Log): void {
  const onRejection = (reason: unknown) => {
    let text = "something that cannot be described";
    try {
      text = reason instanceof Error ? String(reason.stack ?? reason.message) : String(reason);
    } catch {
      // Anything can be rejected with.
    }
    log.error(`a plugin did not catch what one of its promises was rejected with: ${escapeLine(text.slice(0, 1000))}`);
  };
  process.on("unhandledRejection", onRejection);
}

/** Ends the process where it does not end by itself. */
function endSoon(log: Log): void {
  const end = () => {
    log.warn("a plugin left something open: a timer, a connection; close it in stop()");
    process.exit();
  };
  setTimeout(end, leftOpenMs).unref();
}
