/**
 * What `logging` says about one logger, by Python's rules: names are dotted, and what is said about `fedmsg` holds for
 * `fedmsg.relay` until something is said about that. The level is that of the nearest; the handlers of all of them
 * count, up to the first with `propagate: false`; `root` is above everything.
 */

import { inspect } from "node:util";
import { parseLevel } from "./levels.ts";

/** A mapping of the configuration, of which nothing is known. */
export type Members = Readonly<Record<string, unknown>>;

/** Told what is wrong: `path: found this; wanted that`. */
export type Warn = (text: string) => void;

/** What holds for one logger. */
export interface LoggerSettings {
  /** Entries below this are not written. */
  readonly level: number;
  /** The names of its handlers, the nearest logger's first. */
  readonly handlers: readonly string[];
}

/** What Python's root logger lets through where nobody sets a level. */
const rootLevel = 30;

/** Finds out what holds for the logger `name`. What is wrong goes to `warn`, and counts as if it were not there. */
export function resolveLogger(name: string, logging: Members, warn: Warn): LoggerSettings {
  const loggers = membersOf(logging.loggers, "logging.loggers", warn);
  let level: number | undefined;
  const handlers: string[] = [];
  for (const logger of ancestry(name)) {
    const path = `logging.loggers[${JSON.stringify(logger)}]`;
    const settings = membersOf(memberOf(loggers, logger), path, warn);
    level ??= levelOf(settings.level, `${path}.level`, warn);
    handlers.push(...namesOf(settings.handlers, `${path}.handlers`, warn));
    if (isFalse(settings.propagate)) return { level: level ?? rootOf(logging, warn).level, handlers };
  }
  const root = rootOf(logging, warn);
  return { level: level ?? root.level, handlers: [...handlers, ...root.handlers] };
}

/** A member of its own. */
export function memberOf(members: Members, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

/** The mapping at `path`; an empty one, and a warning, where something else is. */
export function membersOf(value: unknown, path: string, warn: Warn): Members {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Members;
  warn(`${path}: found ${show(value)}; wanted a mapping`);
  return {};
}

/** The level at `path`; nothing for "not set", and for what is none, with a warning. */
export function levelOf(value: unknown, path: string, warn: Warn): number | undefined {
  if (value === undefined || value === null) return undefined;
  const level = parseLevel(value);
  if (level === undefined) {
    warn(`${path}: found ${show(value)}; wanted DEBUG, INFO, WARNING, ERROR, CRITICAL, NOTSET or a number`);
  }
  return level || undefined;
}

/** `a.b.c`, `a.b`, `a` */
function ancestry(name: string): readonly string[] {
  const words = name.split(".");
  return words.map((_, n) => words.slice(0, words.length - n).join("."));
}

function rootOf(logging: Members, warn: Warn): LoggerSettings {
  const settings = membersOf(logging.root, "logging.root", warn);
  return {
    level: levelOf(settings.level, "logging.root.level", warn) ?? rootLevel,
    handlers: namesOf(settings.handlers, "logging.root.handlers", warn),
  };
}

function namesOf(value: unknown, path: string, warn: Warn): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  if (typeof value === "string") return [value];
  warn(`${path}: found ${show(value)}; wanted a list of names of handlers`);
  return [];
}

/** Python takes 0 for `False`; our files may have it as text, as everywhere in the configuration. */
function isFalse(value: unknown): boolean {
  return value === false || value === 0 || (typeof value === "string" && value.toLowerCase() === "false");
}

/** A value, short enough for a message. */
export function show(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, compact: true });
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
