/** What `logging` says about one handler: where its entries go, from which level on, and how they look. */

import { homedir } from "node:os";
import { resolve } from "node:path";
import type { FileOptions } from "./file.ts";
import { compileTemplate, defaultTemplate, type Style, type Template } from "./formatter.ts";
import { levelOf, type Members, memberOf, membersOf, show, type Warn } from "./settings.ts";

/** One handler. */
export interface HandlerSettings {
  readonly level: number;
  readonly destination: "stderr" | "nowhere" | FileOptions;
  /** Its formatter, where it names one. */
  readonly template?: Template;
}

/** Finds out what a handler does. What is wrong goes to `warn`; entries for what we do not have go to stderr. */
export function resolveHandler(name: string, logging: Members, warn: Warn): HandlerSettings {
  const path = `logging.handlers[${JSON.stringify(name)}]`;
  const value = memberOf(membersOf(logging.handlers, "logging.handlers", warn), name);
  if (value === undefined) warn(`${path}: there is no such handler; its messages go to stderr`);
  const settings = membersOf(value, path, warn);
  const template = templateOf(settings.formatter, logging, path, warn);
  return {
    level: levelOf(settings.level, `${path}.level`, warn) ?? 0,
    destination: value === undefined ? "stderr" : destinationOf(settings, path, warn),
    ...(template && { template }),
  };
}

const fileClasses: readonly unknown[] = [
  "logging.FileHandler",
  "logging.handlers.WatchedFileHandler",
  "logging.handlers.RotatingFileHandler",
  "logging.handlers.TimedRotatingFileHandler",
];

function destinationOf(settings: Members, path: string, warn: Warn): HandlerSettings["destination"] {
  const given = settings.class;
  if (given === "logging.NullHandler") return "nowhere";
  if (fileClasses.includes(given)) return fileOf(settings, path, warn) ?? "stderr";
  if (given === "logging.StreamHandler") checkStream(settings.stream, path, warn);
  else warn(`${path}.class: ${refusal(given, settings)}; its messages go to stderr`);
  return "stderr";
}

/** stdout holds results, so both streams are our stderr. */
function checkStream(stream: unknown, path: string, warn: Warn): void {
  if ([undefined, null, "ext://sys.stdout", "ext://sys.stderr"].includes(stream as string)) return;
  warn(`${path}.stream: found ${show(stream)}; wanted ext://sys.stdout or ext://sys.stderr; its messages go to stderr`);
}

function refusal(given: unknown, settings: Members): string {
  if (Object.hasOwn(settings, "()")) return "a factory of one's own () cannot be used; use logging.StreamHandler";
  if (typeof given !== "string") return `found ${show(given)}; wanted a class such as logging.StreamHandler`;
  const advice = /journal/i.test(given)
    ? "use logging.StreamHandler, as systemd takes stderr to the journal by itself"
    : /syslog/i.test(given)
      ? "use logging.StreamHandler, and let systemd, or a pipe to logger(1), take stderr there"
      : "use logging.StreamHandler or logging.FileHandler, and let who reads that do the rest";
  return `${given} cannot be used; ${advice}`;
}

function fileOf(settings: Members, path: string, warn: Warn): FileOptions | undefined {
  const { filename, mode } = settings;
  if (typeof filename !== "string" || filename === "") {
    warn(`${path}.filename: found ${show(filename)}; wanted the path of a file; its messages go to stderr`);
    return undefined;
  }
  const rotates = settings.class === "logging.handlers.RotatingFileHandler";
  if (settings.class === "logging.handlers.TimedRotatingFileHandler") {
    warn(`${path}.class: files are not rotated by time; use logrotate, or logging.handlers.RotatingFileHandler`);
  }
  return {
    path: resolve(filename.replace(/^~(?=\/|$)/, process.env.HOME || homedir())),
    truncate: mode === "w" && !rotates,
    ...(rotates && {
      maxBytes: countOf(settings.maxBytes, `${path}.maxBytes`, warn),
      backupCount: countOf(settings.backupCount, `${path}.backupCount`, warn),
    }),
  };
}

function countOf(value: unknown = 0, path: string, warn: Warn): number {
  const count = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (Number.isInteger(count) && (count as number) >= 0) return count as number;
  warn(`${path}: found ${show(value)}; wanted a whole number of at least 0`);
  return 0;
}

function templateOf(name: unknown, logging: Members, handler: string, warn: Warn): Template | undefined {
  if (name === undefined || name === null) return undefined;
  const value = memberOf(membersOf(logging.formatters, "logging.formatters", warn), String(name));
  if (value === undefined) {
    warn(`${handler}.formatter: found ${show(name)}, which is not in logging.formatters`);
    return undefined;
  }
  const path = `logging.formatters[${JSON.stringify(name)}]`;
  const settings = membersOf(value, path, warn);
  if (Object.hasOwn(settings, "()") || (settings.class ?? "logging.Formatter") !== "logging.Formatter") {
    warn(`${path}: a class of one's own cannot be used; only its format is`);
  }
  const template = {
    format: textOf(settings.format ?? settings.fmt, defaultTemplate.format, `${path}.format`, warn),
    datefmt: textOf(settings.datefmt, "", `${path}.datefmt`, warn),
    style: styleOf(settings.style, `${path}.style`, warn),
  };
  const { unknown } = compileTemplate(template);
  if (unknown.length > 0) warn(`${path}.format: ${unknown.join(", ")}: not known here, and left as it stands`);
  return template;
}

function textOf(value: unknown, otherwise: string, path: string, warn: Warn): string {
  if (typeof value === "string") return value;
  if (value !== undefined && value !== null) warn(`${path}: found ${show(value)}; wanted a text`);
  return otherwise;
}

function styleOf(value: unknown, path: string, warn: Warn): Style {
  if (value === "{" || value === "$") return value;
  if (value !== undefined && value !== "%") warn(`${path}: found ${show(value)}; wanted %, { or $`);
  return "%";
}
