/** Whether what somebody's module exports is a command: found out by looking, as nobody may have checked its types. */

import { inspect } from "node:util";
import { Option } from "commander";
import type { OptionDefinition } from "fedmsg/command";
import { commonOptions } from "./common-options.ts";

/** What a command may be called. */
export const nameSyntax = /^[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)?$/;

const longFlag = /--[a-z][a-z0-9]*(?:-[a-z0-9]+)*/;
const flagsSyntax = new RegExp(
  `^(?:-[a-z0-9]|(?:-[a-z0-9](?:, *| +))?${longFlag.source})(?: (?:<[^<>[\\]]+>|\\[[^<>[\\]]+\\]))?$`,
  "i",
);
const argumentSyntax = /^(?:<[^<>[\]]+>|\[[^<>[\]]+\])$/;

/** Everything that is wrong with a command: `name: found 7; wanted …`, a line each. None: it is a `CommandDefinition`. */
export function commandProblems(value: unknown): readonly string[] {
  const { name, description, options = [], arguments: args = [], examples = [], run } = members(value);
  const wrongOptions = list("options", options, optionProblems);
  return [
    ...must(isMatch(name, nameSyntax), "name", name, "one or two words of small letters, digits and hyphens"),
    ...must(isText(description), "description", description, "a sentence"),
    ...wrongOptions,
    ...(wrongOptions.length > 0 ? [] : clashes(options as readonly OptionDefinition[])),
    ...list("arguments", args, argumentProblems),
    ...orderProblems(args),
    ...list("examples", examples, exampleProblems),
    ...must(typeof run === "function", "run", run, "a function"),
  ];
}

/** A value, short enough for a message. */
export function show(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, compact: true });
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function optionProblems(path: string, value: unknown): readonly string[] {
  const { flags, description, default: given, parse, choices, key } = members(value);
  return [
    ...must(isMatch(flags, flagsSyntax), `${path}.flags`, flags, 'a flag such as "--limit <n>", "-v, --verbose"'),
    ...must(typeof description === "string", `${path}.description`, description, "a text"),
    ...must(isDefault(given), `${path}.default`, given, "a text, a number, or true or false"),
    ...must(parse === undefined || typeof parse === "function", `${path}.parse`, parse, "a function"),
    ...must(choices === undefined || isTexts(choices), `${path}.choices`, choices, "a list of texts"),
    ...must(key === undefined || isText(key), `${path}.key`, key, "the name of a key of the configuration"),
  ];
}

function argumentProblems(path: string, value: unknown): readonly string[] {
  const { syntax, description, choices } = members(value);
  return [
    ...must(isMatch(syntax, argumentSyntax), `${path}.syntax`, syntax, "<file>, [file], <files...> or [files...]"),
    ...must(typeof description === "string", `${path}.description`, description, "a text"),
    ...must(choices === undefined || isTexts(choices), `${path}.choices`, choices, "a list of texts"),
  ];
}

function exampleProblems(path: string, value: unknown): readonly string[] {
  const isPair = Array.isArray(value) && value.length === 2 && isTexts(value);
  return must(isPair, path, value, "a pair: command line, effect");
}

/** Only the last argument can take any number of words, and one that may be missing ends those that may not. */
function orderProblems(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  const syntaxes = value.map((argument) => String(members(argument).syntax));
  return syntaxes.slice(0, -1).flatMap((syntax, n) => {
    const next = syntaxes[n + 1] as string;
    if (syntax.includes("..."))
      return [`arguments[${n}].syntax: found ${syntax} before ${next}; wanted it to be the last`];
    if (!syntax.startsWith("[") || !next.startsWith("<")) return [];
    return [`arguments[${n + 1}].syntax: found ${next} after ${syntax}; wanted [${next.slice(1, -1)}]`];
  });
}

/** Flags that another one has already: those of every command come first. */
function clashes(options: readonly OptionDefinition[]): readonly string[] {
  const taken = new Map([...commonOptions, { flags: "-h, --help" }].flatMap(({ flags }) => namesOf(flags, true)));
  const found: string[] = [];
  for (const [n, { flags }] of options.entries()) {
    const before = namesOf(flags, true).find(([name]) => taken.has(name));
    if (before) found.push(`options[${n}].flags: ${flags} clashes with ${taken.get(before[0])}; wanted another name`);
    for (const [name, owner] of namesOf(flags, false)) taken.set(name, owner);
  }
  return found;
}

/** A flag's names, each with the flag; with what it is called in `options`, too, where that must not be shared. */
function namesOf(flags: string, withAttribute: boolean): readonly (readonly [name: string, flags: string])[] {
  const option = new Option(flags);
  const names = [option.short, option.long, withAttribute ? option.attributeName() : undefined];
  return names.flatMap((name) => (name === undefined ? [] : [[name, flags] as const]));
}

function list(
  path: string,
  value: unknown,
  problemsOf: (path: string, item: unknown) => readonly string[],
): readonly string[] {
  if (!Array.isArray(value)) return must(false, path, value, "a list");
  return value.flatMap((item, n) => problemsOf(`${path}[${n}]`, item));
}

function must(holds: boolean, path: string, value: unknown, wanted: string): readonly string[] {
  return holds ? [] : [`${path}: found ${show(value)}; wanted ${wanted}`];
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isMatch(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

function isDefault(value: unknown): boolean {
  return ["undefined", "string", "number", "boolean"].includes(typeof value);
}
