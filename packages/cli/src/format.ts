/** How messages look: for programs, for people, and as single fields. */

import type { Received } from "fedmsg";
import { escapeLine } from "fedmsg/command";
import { canonicalize, Float, loads, lossless, prettyDumps } from "fedmsg/encoding";
import picocolors from "picocolors";

/** Turns a message into what is printed for it, without the last line feed. */
export type Format = (received: Received) => string;

/** One line of JSON: the message itself, in its canonical form; numbers stay as they were spelt. */
export const formatLine: Format = ({ body }) => canonicalize(body);

/** JSON over several lines, keys in the order they came in, without signature and certificate. */
export function formatReallyPretty(colors: boolean): Format {
  return ({ body, trust }) => {
    const text = prettyDumps(withoutCredentials(body));
    return mark(trust) + (colors ? colorJson(text) : text);
  };
}

/** As {@link formatReallyPretty}, without colours and with the time in words, as C's `ctime` writes it. */
export const formatPretty: Format = ({ body, trust }) => {
  const message = withoutCredentials(body);
  const timestamp = message.get("timestamp");
  if (isNumber(timestamp)) message.set("timestamp", formatCtime(timestamp));
  return mark(trust) + prettyDumps(message);
};

/** Says of a message that nobody vouches for it, where others are only printed if somebody does. */
function mark(trust: Received["trust"]): string {
  return trust === "unsigned" ? "(unsigned)\n" : "";
}

/**
 * Single fields: dotted paths, separated by commas, give values separated by `, `. Texts stand as they are, what is
 * missing is `None`, booleans are `True` and `False`, as Python's `str` has them; the rest is JSON.
 */
export function formatQuery(query: string): Format {
  const paths = query.split(",").map((path) => path.trim().split("."));
  return ({ body }) => {
    const message = loads(body, lossless);
    return paths.map((path) => formatField(find(message, path))).join(", ");
  };
}

function withoutCredentials(body: Uint8Array): Map<string, unknown> {
  const message = loads(body, lossless) as Map<string, unknown>;
  message.delete("signature");
  message.delete("certificate");
  return message;
}

function find(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const step of path) {
    if (found instanceof Map) found = found.get(step);
    else if (Array.isArray(found) && /^\d+$/.test(step)) found = found[Number(step)];
    else return undefined;
  }
  return found;
}

function formatField(value: unknown): string {
  if (value === undefined || value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return escapeLine(value);
  if (isNumber(value)) return String(value);
  return prettyDumps(value).replace(/(,?)\n\s*/g, (_, comma) => (comma ? ", " : "")); // On one line.
}

function isNumber(value: unknown): value is number | bigint | Float {
  return typeof value === "number" || typeof value === "bigint" || value instanceof Float;
}

/** `Wed Aug  8 15:16:40 2012`, local time; what is no time comes back as it is. */
function formatCtime<T extends number | bigint | Float>(seconds: T): string | T {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return seconds;
  const [weekday, month, , year] = date.toDateString().split(" ");
  const day = String(date.getDate()).padStart(2);
  return `${weekday} ${month} ${day} ${date.toTimeString().slice(0, 8)} ${year}`;
}

const jsonToken = /("(?:[^"\\]|\\.)*")(:?)|(-?\d[\d.eE+-]*|-?Infinity|NaN)|(true|false|null)/g;

function colorJson(text: string): string {
  const { blue, cyan, green, magenta } = picocolors.createColors(true);
  return text.replace(jsonToken, (_, string, colon, number, word) => {
    if (string !== undefined) return colon ? blue(string) + colon : green(string);
    return number !== undefined ? cyan(number) : magenta(word);
  });
}
