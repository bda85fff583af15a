/** Whether what a module exports is a consumer or a producer: found out by looking, as nobody may have checked its types. */

import { nearest } from "fedmsg/plugin";
import { show } from "./text.ts";

interface Rule {
  readonly holds: (value: unknown) => boolean;
  readonly wanted: string;
  readonly isNeeded?: boolean;
}

type Rules = Readonly<Record<string, Rule>>;

const isFunction = (value: unknown): boolean => typeof value === "function";
const isFlag = (value: unknown): boolean => typeof value === "boolean";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === "string");
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
/** The longest time that a timer can wait, in ms. */
const timerMsMax = 2 ** 31 - 1;
const isNumber = (least: number, most: number) => (value: unknown) =>
  typeof value === "number" && value >= least && value <= most;
const isWhole = (least: number, most: number) => (value: unknown) =>
  Number.isInteger(value) && isNumber(least, most)(value);

const name: Rule = {
  holds: (value) => typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(value),
  wanted: "up to 100 letters, digits, dots, hyphens and underscores",
  isNeeded: true,
};
const configKey: Rule = {
  holds: (value) => typeof value === "string" && value !== "",
  wanted: "the name of a key of the configuration",
};
const hook: Rule = { holds: isFunction, wanted: "a function" };
const timeoutMs: Rule = { holds: isNumber(1, timerMsMax), wanted: `a number of ms from 1 to ${timerMsMax}` };

const retryRules: Rules = {
  attempts: { holds: isWhole(1, 1_000_000), wanted: "a whole number from 1 to 1000000" },
  firstMs: { holds: isNumber(0, timerMsMax), wanted: `a number of ms from 0 to ${timerMsMax}` },
  mostMs: { holds: isNumber(0, timerMsMax), wanted: `a number of ms from 0 to ${timerMsMax}` },
};

const consumerRules: Rules = {
  name,
  configKey,
  topics: { holds: (value) => isTexts(value) || isFunction(value), wanted: "a list of texts, or a function" },
  filter: { holds: (value) => isObject(value) || isFunction(value), wanted: "a filter, or a function" },
  concurrency: { holds: isWhole(1, 10_000), wanted: "a whole number from 1 to 10000" },
  ordered: { holds: (value) => isFlag(value) || isFunction(value), wanted: "true, false or a function" },
  validateSignatures: { holds: isFlag, wanted: "true or false" },
  allowUnsigned: { holds: isTexts, wanted: "a list of texts" },
  durable: { holds: isFlag, wanted: "true or false" },
  from: {
    holds: (value) =>
      value === "head" || value === "first" || (value instanceof Date && !Number.isNaN(value.getTime())),
    wanted: '"head", "first" or a Date',
  },
  timeoutMs,
  retry: { holds: isObject, wanted: "attempts, firstMs and mostMs" },
  consume: { ...hook, isNeeded: true },
  start: hook,
  stop: hook,
};

const framesRules: Rules = { name, configKey, open: { ...hook, isNeeded: true } };

const producerRules: Rules = {
  name,
  configKey,
  every: {
    holds: isNumber(0.001, timerMsMax / 1000),
    wanted: `a number of seconds from 0.001 to ${timerMsMax / 1000}`,
  },
  cron: { holds: (value) => typeof value === "string", wanted: "five fields, or six with seconds: 0 3 * * *" },
  now: { holds: isFlag, wanted: "true or false" },
  timeoutMs,
  poll: { ...hook, isNeeded: true },
  start: hook,
  stop: hook,
};

/** Everything that is wrong with a consumer: `name: found 7; wanted …`. None: it is an `AnyConsumerDefinition`. */
export function consumerProblems(value: unknown): readonly string[] {
  const { open, consume, retry } = membersOf(value);
  if (open !== undefined && consume === undefined) return problems(value, framesRules);
  return [...problems(value, consumerRules), ...(isObject(retry) ? problems(retry, retryRules, "retry.") : [])];
}

/** Everything that is wrong with a producer. None: it is a `ProducerDefinition`, but for what `cron` says. */
export function producerProblems(value: unknown): readonly string[] {
  const { every, cron } = membersOf(value);
  const found = problems(value, producerRules);
  if (every === undefined && cron === undefined) return [...found, "every: missing; wanted seconds, or cron"];
  if (every !== undefined && cron !== undefined) return [...found, "cron: found beside every; wanted one of them"];
  return found;
}

function problems(value: unknown, rules: Rules, path = ""): readonly string[] {
  const members = membersOf(value);
  const wrong = Object.entries(rules).flatMap(([field, { holds, wanted, isNeeded }]) => {
    const found = members[field];
    if (found === undefined) return isNeeded ? [`${path}${field}: missing; wanted ${wanted}`] : [];
    return holds(found) ? [] : [`${path}${field}: found ${show(found)}; wanted ${wanted}`];
  });
  const unknown = Object.keys(members).filter((field) => !Object.hasOwn(rules, field) && members[field] !== undefined);
  return [...wrong, ...unknown.map((field) => `${path}${field}: is no field; ${hint(field, rules)}`)];
}

function hint(field: string, rules: Rules): string {
  const meant = nearest(field, Object.keys(rules));
  return meant ? `did you mean ${meant}?` : `there are ${Object.keys(rules).join(", ")}`;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
