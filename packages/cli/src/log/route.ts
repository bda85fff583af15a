/** The way of a logger's entries: through its handlers to stderr and to files. */

import type { Entry, Format } from "./entry.ts";
import { createLogFile } from "./file.ts";
import { compileTemplate, defaultTemplate, type Template } from "./formatter.ts";
import { type HandlerSettings, resolveHandler } from "./handlers.ts";
import { formatJson } from "./json.ts";
import { levels } from "./levels.ts";
import { type Members, resolveLogger } from "./settings.ts";

/** Writes an entry wherever it belongs; not to stderr where `isOnStderr` says that it stands there already. */
export type Route = (entry: Entry, isOnStderr?: boolean) => void;

/** What Python's last resort lets through: it is used where a logger has no handler at all. */
const lastResort: HandlerSettings = { level: levels.warn, destination: "stderr" };

/**
 * Finds the way for entries of the logger `name`. What is wrong with it is told on stderr, now or when a file cannot be
 * written to, once; such entries go to stderr themselves. However many handlers lead there, an entry does only once.
 */
export function openRoute(name: string, logging: Members): Route {
  const problems = new Set<string>();
  const warn = (text: string) => problems.add(text);
  const { level, handlers: names } = resolveLogger(name, logging, warn);
  const settings = [...new Set(names)].map((handler) => resolveHandler(handler, logging, warn));
  const handlers = (settings.length > 0 ? settings : [lastResort]).map(openHandler);
  const tellFormat = stderrFormat();
  const tell = (message: string) => writeStderr(tellFormat({ time: new Date(), level: "warn", name, message }));
  for (const problem of problems) tell(problem);
  return (entry, isOnStderr = false) => {
    const number = levels[entry.level];
    if (number < level) return;
    let isTold = isOnStderr;
    for (const handler of handlers.filter((one) => number >= one.level)) {
      if (handler.write(entry, tell)) continue;
      if (!isTold) writeStderr(handler.stderrFormat(entry));
      isTold = true;
    }
  };
}

interface Handler {
  readonly level: number;
  readonly stderrFormat: Format;
  /** @returns whether the entry is where it belongs; if not, it belongs on stderr */
  write(entry: Entry, tell: (problem: string) => void): boolean;
}

function openHandler({ level, destination, template }: HandlerSettings): Handler {
  const common = { level, stderrFormat: stderrFormat(template) };
  if (typeof destination === "string") return { ...common, write: () => destination === "nowhere" };
  const file = createLogFile(destination);
  const format = template ? compileTemplate(template).format : formatJson;
  let hasFailed = false;
  const write: Handler["write"] = (entry, tell) => {
    try {
      file.write(format(entry));
      hasFailed = false;
      return true;
    } catch (error) {
      if (!hasFailed)
        tell(`cannot write to ${destination.path}, so messages go to stderr: ${(error as Error).message}`);
      hasFailed = true;
      return false;
    }
  };
  return { ...common, write };
}

/** Text for a person, JSON for a program. */
function stderrFormat(template: Template = defaultTemplate): Format {
  return process.stderr.isTTY ? compileTemplate(template).format : formatJson;
}

/** It returns when the text is there: however the process ends, nothing is lost. */
function writeStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
