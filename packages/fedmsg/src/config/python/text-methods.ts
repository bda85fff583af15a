/** The methods of texts. */

import { boundText } from "./bounds.ts";
import { type Call, take, takeOne } from "./call.ts";
import { characterAt, isSpace, lengthOf } from "./characters.ts";
import { formatBraces } from "./format-braces.ts";
import { integerOf, slotsOf, textOf, walk } from "./sequences.ts";
import { Trouble } from "./trouble.ts";
import { PyList, PyTuple, type Value } from "./values.ts";

type TextMethod = (text: string, call: Call) => Value;

const none =
  (method: (text: string) => Value): TextMethod =>
  (text, call) => {
    take(call, []);
    return method(text);
  };

/** By name. */
export const textMethods: ReadonlyMap<string, TextMethod> = new Map<string, TextMethod>([
  ["capitalize", none(capitalize)],
  ["count", (text, call) => count(text, textOf(takeOne(call)))],
  ["decode", recode],
  ["encode", recode],
  ["endswith", (text, call) => affixes(call).some((end) => text.endsWith(end))],
  ["find", (text, call) => BigInt(characterAt(text, text.indexOf(textOf(takeOne(call)))))],
  ["format", (text, call) => formatBraces(text, call, call.budget)],
  ["isdigit", none((text) => /^\p{Nd}+$/u.test(text))],
  ["join", join],
  ["lower", none((text) => text.toLowerCase())],
  ["lstrip", (text, call) => text.slice(stripped(text, call).from)],
  ["partition", (text, call) => cut(text, call, false)],
  ["replace", replace],
  ["rfind", (text, call) => BigInt(characterAt(text, text.lastIndexOf(textOf(takeOne(call)))))],
  ["rpartition", (text, call) => cut(text, call, true)],
  ["rsplit", (text, call) => split(text, call, true)],
  ["rstrip", (text, call) => text.slice(0, stripped(text, call).to)],
  ["split", (text, call) => split(text, call, false)],
  ["splitlines", (text, call) => new PyList(slotsOf(splitLines(text, call), call.origin), call.origin)],
  ["startswith", (text, call) => affixes(call).some((start) => text.startsWith(start))],
  ["strip", (text, call) => strip(text, call)],
  [
    "swapcase",
    none((text) => text.replace(/\p{L}/gu, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()))),
  ],
  ["title", none((text) => text.toLowerCase().replace(/\p{L}[\p{L}\p{M}]*/gu, (word) => word.replace(/^./u, titled)))],
  ["upper", none((text) => text.toUpperCase())],
  ["zfill", zfill],
]);

/** A letter at the start of a word. */
function titled(letter: string): string {
  return letter.toUpperCase();
}

function capitalize(text: string): string {
  return text.toLowerCase().replace(/^[\s\S]/u, titled);
}

/** Of texts that are plain ASCII or UTF-8, the bytes and the text are the same here. */
function recode(text: string, call: Call): string {
  const [encoding] = take(call, ["encoding", "errors"], 0);
  const name = encoding === undefined ? "utf-8" : textOf(encoding).toLowerCase().replaceAll("_", "-");
  if (!["utf-8", "utf8", "ascii", "us-ascii"].includes(name)) {
    throw new Trouble("arguments", `the encoding ${JSON.stringify(name.slice(0, 20))} is not read`);
  }
  if (/[^\x00-\x7f]/.test(text) && name.includes("ascii")) throw new Trouble("binary");
  return text;
}

/** `startswith` and `endswith` take a text or a tuple of them. */
function affixes(call: Call): string[] {
  const given = takeOne(call);
  if (!(given instanceof PyTuple)) return [textOf(given)];
  return walk(given, call.budget, call.origin).map(({ value }) => textOf(value));
}

function join(text: string, call: Call): string {
  const texts = walk(takeOne(call), call.budget, call.origin).map(({ value }) => textOf(value));
  call.budget.text(texts.reduce((sum, { length }) => sum + length + text.length, 0));
  return texts.join(text);
}

function replace(text: string, call: Call): string {
  const [from, to, times] = take(call, ["/old", "/new", "count"], 2);
  const [old, made] = [textOf(from!), textOf(to!)];
  const parts = old === "" ? ["", ...text, ""] : text.split(old);
  const most = times === undefined ? -1n : integerOf(times);
  call.budget.spend(parts.length);
  boundText(text.length + parts.length * made.length);
  if (most < 0n || most >= parts.length) return parts.join(made);
  const head = parts.slice(0, Number(most) + 1).join(made);
  return [head, ...parts.slice(Number(most) + 1)].join(old);
}

function count(text: string, part: string): bigint {
  return BigInt(part === "" ? lengthOf(text) + 1 : text.split(part).length - 1);
}

function zfill(text: string, call: Call): string {
  const missing = Number(integerOf(takeOne(call))) - lengthOf(text);
  if (missing <= 0) return text;
  call.budget.text(missing + text.length);
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function cut(text: string, call: Call, atLast: boolean): PyTuple {
  const between = textOf(takeOne(call));
  if (between === "") throw new Trouble("fails", "the separator is empty");
  const at = atLast ? text.lastIndexOf(between) : text.indexOf(between);
  const whole = atLast ? ["", "", text] : [text, "", ""];
  const parts = at < 0 ? whole : [text.slice(0, at), between, text.slice(at + between.length)];
  return new PyTuple(slotsOf(parts, call.origin), call.origin);
}

/** What remains of a text where characters are taken off both ends. */
function stripped(text: string, call: Call): { from: number; to: number } {
  const [given] = take(call, ["/chars"], 0);
  const chars = given === undefined || given === null ? undefined : new Set(textOf(given));
  const isOff = (char: string) => (chars ? chars.has(char) : isSpace(char));
  const all = [...text];
  let [from, to] = [0, text.length];
  for (const char of all) {
    if (!isOff(char)) break;
    from += char.length;
  }
  for (let n = all.length - 1; n >= 0 && isOff(all[n]!); n--) to -= all[n]!.length;
  return { from, to };
}

function strip(text: string, call: Call): string {
  const { from, to } = stripped(text, call);
  return text.slice(from, Math.max(from, to));
}

function splitLines(text: string, call: Call): string[] {
  take(call, []);
  const lines = text.split(/\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/);
  if (lines.at(-1) === "") lines.pop();
  call.budget.spend(lines.length);
  return lines;
}

function split(text: string, call: Call, fromEnd: boolean): PyList {
  const [given, times] = take(call, ["sep", "maxsplit"], 0);
  const between = given === undefined || given === null ? undefined : textOf(given);
  if (between === "") throw new Trouble("fails", "the separator is empty");
  const most = times === undefined ? -1 : Number(integerOf(times));
  const parts = between === undefined ? splitSpaces(text, most, fromEnd) : splitBy(text, between, most, fromEnd);
  call.budget.spend(parts.length);
  return new PyList(slotsOf(parts, call.origin), call.origin);
}

function splitBy(text: string, between: string, most: number, fromEnd: boolean): string[] {
  // From the end, separators that overlap are found in another order.
  const parts = fromEnd ? reverse(text).split(reverse(between)).map(reverse).reverse() : text.split(between);
  if (most < 0 || parts.length <= most + 1) return parts;
  if (!fromEnd) return [...parts.slice(0, most), parts.slice(most).join(between)];
  const cutAt = parts.length - most;
  return [parts.slice(0, cutAt).join(between), ...parts.slice(cutAt)];
}

function reverse(text: string): string {
  return [...text].reverse().join("");
}

function splitSpaces(text: string, most: number, fromEnd: boolean): string[] {
  if (fromEnd && most >= 0) return splitSpaces(reverse(text), most, false).map(reverse).reverse();
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++;
    if (at >= text.length) return parts;
    const from = at;
    if (most >= 0 && parts.length >= most) return [...parts, text.slice(from)];
    while (at < text.length && !isSpace(text[at]!)) at++;
    parts.push(text.slice(from, at));
  }
}
