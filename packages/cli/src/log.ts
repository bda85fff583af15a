import type { Log } from "fedmsg/command";
import type { Config } from "fedmsg/config";
import type { Level } from "./log/levels.ts";
import { openRoute, type Route } from "./log/route.ts";

/** The log of a command. */
export interface CommandLog extends Log {
  /** Notes in the log's files what the command failed of; stderr has it already. */
  failed(reason: string): void;
}

/**
 * Makes the log of a command. What `logging` asks for is looked up, and files are opened, when there is something to
 * write: most commands have nothing to say. See `docs/logging.md`.
 *
 * @param name the logger, with a dot between its words: `fedmsg.relay`
 * @param logging of the configuration; null for a log that writes nothing
 */
export function createLog(name: string, logging: Config["logging"]): CommandLog {
  let route: Route | undefined;
  const write = (level: Level, message: string, isOnStderr?: boolean) => {
    if (logging === null) return;
    route ??= openRoute(name, logging);
    route({ time: new Date(), level, name, message }, isOnStderr);
  };
  return {
    debug: (text) => write("debug", text),
    info: (text) => write("info", text),
    warn: (text) => write("warn", text),
    error: (text) => write("error", text),
    failed: (reason) => write("error", reason, true),
  };
}
