import type { Daemon } from "@fedmsg/hub";
import type { StatusEvent } from "fedmsg";
import { type CommandContext, countOf, type Log } from "fedmsg/command";
import type { FramesCounts } from "fedmsg/plugin";
import { aborted, onHangup } from "./signals.ts";

/**
 * Runs a daemon until a signal comes: one line when it listens, one when it has ended. At SIGHUP it reads its keys and
 * certificates again.
 */
export async function runDaemon(
  { log, signal }: Pick<CommandContext, "log" | "signal">,
  start: (onEvent: (event: StatusEvent) => void) => Promise<Daemon>,
): Promise<number> {
  const reporter = createReporter(log);
  const daemon = await start(reporter.onEvent);
  const stopHearing = onHangup(() => {
    log.info("SIGHUP: reads keys and certificates again");
    void daemon.refresh();
  });
  const confirm = daemon.confirm === undefined ? "" : `, confirm ${daemon.confirm.join(", ")}`;
  const replay = daemon.replay === undefined ? "" : `, replay ${daemon.replay}`;
  log.info(`in ${daemon.inbound.join(", ") || "(nothing)"}, out ${daemon.outbound}${replay}${confirm}`);
  try {
    await Promise.race([aborted(signal), daemon.done]);
    await daemon.drain();
  } finally {
    stopHearing();
    reporter.stop();
  }
  log.info(`drained; ${formatCounts(daemon.counts)}`);
  return 0;
}

/** `12 forwarded, 0 dropped, 3 refused (frame-count 2, bad-utf8 1)` */
export function formatCounts({ forwarded, dropped, refused }: FramesCounts): string {
  const reasons = Object.entries(refused);
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  const detail = reasons.map(([reason, count]) => `${reason} ${count}`).join(", ");
  return `${forwarded} forwarded, ${dropped} dropped, ${total} refused${detail && ` (${detail})`}`;
}

const reportMs = 5000;

/**
 * Logs what a bus or daemon tells. Bad messages come by the thousand where they come at all: the first is named, the
 * rest are counted, every five seconds.
 */
export function createReporter(log: Log): { onEvent(event: StatusEvent): void; stop(): void } {
  const more = new Map<string, number>();
  const report = () => {
    for (const [text, count] of more) if (count > 0) log.warn(`${text}: ${count} more`);
    more.clear();
  };
  const timer = setInterval(report, reportMs);
  timer.unref();
  const onEvent = (event: StatusEvent) => {
    if (event.type === "dropped") {
      const { subscription, endpoint, count } = event;
      const who = subscription === undefined ? `subscribers of ${endpoint} do` : `${subscription} does`;
      log.warn(`${who} not keep up and lost ${countOf(count, "message")}`);
    } else if (event.type === "disconnected" && event.detail !== undefined) {
      countOrTell(`${event.name}: ${event.endpoint} is not reachable yet`, `: ${event.detail}`);
    } else if (event.type === "gap") {
      const range = event.to === undefined ? `from ${event.from} on` : `${event.from} to ${event.to}`;
      log.warn(`${event.name}: messages ${range} of journal ${event.journal} cannot be had any more: ${event.detail}`);
    } else if (event.type === "replayed") {
      log.info(
        `${event.name}: fetched ${countOf(event.count, "message that did not come by itself", "messages that did not come by themselves")}`,
      );
    } else if (event.type === "warning") {
      countOrTell(`${event.name}: ${event.detail}`, "");
    } else if (event.type === "endpoints") {
      const changes = [
        ...event.added.map((address) => `+ ${address}`),
        ...event.removed.map((address) => `- ${address}`),
      ];
      log.info(`${event.name}: the DNS lists other endpoints now: ${changes.join(", ").slice(0, 300)}`);
    } else if (event.type === "trust") {
      const text = `${event.location}: ${event.detail}`;
      if (event.state === "loaded") log.info(text);
      else countOrTell(text, "");
    } else if (event.type === "credentials") {
      countOrTell(`${event.path}: ${event.detail}`, "");
    } else if (event.type === "duplicate") {
      countOrTell(`${event.name}: a message came a second time`, ` on ${event.topic}`);
    } else if (event.type === "invalid") {
      countOrTell(
        `refused messages from ${event.name} (${event.reason})`,
        `: ${event.detail} on ${event.topic || "no topic"}`,
      );
    }
  };
  const countOrTell = (text: string, detail: string) => {
    const count = more.get(text);
    if (count === undefined) log.warn(text + detail.slice(0, 300));
    if (count !== undefined || more.size < 1000) more.set(text, (count ?? -1) + 1);
  };
  return {
    onEvent,
    stop: () => {
      clearInterval(timer);
      report();
    },
  };
}
