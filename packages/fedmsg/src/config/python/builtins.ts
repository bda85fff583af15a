/** Python's own functions, as far as they make data. */

import { boundInteger, integerDigitsMax } from "./bounds.ts";
import { type Call, take, takeOne } from "./call.ts";
import { lengthOf } from "./characters.ts";
import { isTrue, numberOf, order, sizeOf, sortSlots } from "./compare.ts";
import { takeKeyword, updateDict } from "./item-methods.ts";
import { operate } from "./operators.ts";
import { integerOf, slotsOf, textOf, walk } from "./sequences.ts";
import { show, showExactly } from "./show.ts";
import { Trouble } from "./trouble.ts";
import { known, PyDict, PyList, PyRange, PySet, PyTuple, type Slot, typeName, type Value } from "./values.ts";

type Builtin = (call: Call) => Value;

/** By name. What Python 3 makes lazy, such as `zip`, is a list, as it was in Python 2. */
export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ["abs", (call) => absolute(takeOne(call))],
  ["all", (call) => itemsOf(call).every(({ value }) => isTrue(value))],
  ["any", (call) => itemsOf(call).some(({ value }) => isTrue(value))],
  ["bool", (call) => isTrue(takeOr(call, false))],
  ["dict", (call) => makeDict(call)],
  ["enumerate", (call) => enumerate(call)],
  ["float", (call) => toFloat(takeOr(call, 0n))],
  ["int", (call) => toInteger(call)],
  ["len", (call) => measure(takeOne(call), call)],
  ["list", (call) => new PyList(itemsOf(call), call.origin)],
  ["max", (call) => extreme(call, 1)],
  ["min", (call) => extreme(call, -1)],
  ["print", () => null],
  ["range", (call) => makeRange(call)],
  ["repr", (call) => showExactly(takeOne(call), call.budget)],
  ["reversed", (call) => new PyList(walk(takeOne(call), call.budget, call.origin).reverse(), call.origin)],
  ["set", (call) => new PySet(itemsOf(call), call.origin)],
  ["frozenset", (call) => new PySet(itemsOf(call), call.origin)],
  ["sorted", (call) => sorted(call)],
  ["str", (call) => show(takeOr(call, ""), call.budget)],
  ["sum", (call) => sum(call)],
  ["tuple", (call) => new PyTuple(itemsOf(call), call.origin)],
  ["unicode", (call) => show(takeOr(call, ""), call.budget)],
  ["xrange", (call) => makeRange(call)],
  ["zip", (call) => zip(call)],
]);

/** The only argument, or what stands for it. */
function takeOr(call: Call, otherwise: Value): Value {
  const [value = otherwise] = take(call, ["/value"], 0);
  return value;
}

/** The items of the only argument, or none. */
function itemsOf(call: Call): Slot[] {
  const [value] = take(call, ["/items"], 0);
  return value === undefined ? [] : walk(value, call.budget, call.origin);
}

function makeDict(call: Call): PyDict {
  const dict = new PyDict(call.origin);
  updateDict(dict, call);
  return dict;
}

function absolute(value: Value): Value {
  const number = numberOf(known(value));
  if (number === undefined) throw new Trouble("fails", `${typeName(value)} is no number`);
  return typeof number === "number" ? Math.abs(number) : number < 0n ? -number : number;
}

function enumerate(call: Call): PyList {
  const [items, start = 0n] = take(call, ["iterable", "start"], 1);
  const first = integerOf(start);
  const pairs = walk(items!, call.budget, call.origin).map((slot, n) => ({
    value: new PyTuple([{ value: first + BigInt(n), origin: slot.origin }, slot], slot.origin),
    origin: slot.origin,
  }));
  return new PyList(pairs, call.origin);
}

function zip(call: Call): PyList {
  const columns = take(
    call,
    call.args.map((_, n) => `/${n}`),
  ).map((items) => walk(items!, call.budget, call.origin));
  const length = columns.reduce((least, column) => Math.min(least, column.length), columns[0]?.length ?? 0);
  call.budget.items(length * columns.length);
  const rows = Array.from({ length }, (_, n) => columns.map((column) => column[n]!));
  return new PyList(
    rows.map((row) => ({ value: new PyTuple(row, row[0]!.origin), origin: row[0]!.origin })),
    call.origin,
  );
}

function toFloat(value: Value): number {
  const number = numberOf(known(value));
  if (number !== undefined) return Number(number);
  const text = textOf(value)
    .trim()
    .replace(/(?<=\d)_(?=\d)/g, "");
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return Number(text);
  const [, sign, word] = /^([-+]?)(inf|infinity|nan)$/i.exec(text) ?? [];
  if (word === undefined) throw new Trouble("fails", `${JSON.stringify(text.slice(0, 30))} is no number`);
  return (sign === "-" ? -1 : 1) * (word.toLowerCase() === "nan" ? Number.NaN : Number.POSITIVE_INFINITY);
}

const prefixes: ReadonlyMap<bigint, string> = new Map([
  [2n, "0b"],
  [8n, "0o"],
  [10n, ""],
  [16n, "0x"],
]);

function toInteger(call: Call): bigint {
  const [value = 0n, base] = take(call, ["/value", "base"], 0);
  const number = numberOf(known(value));
  if (number !== undefined && base === undefined) {
    if (!Number.isFinite(Number(number)) && typeof number === "number")
      throw new Trouble("fails", `${number} is no int`);
    return typeof number === "bigint" ? number : BigInt(Math.trunc(number));
  }
  const text = textOf(value)
    .trim()
    .replace(/(?<=[\da-z])_(?=[\da-z])/gi, "");
  if (text.length > integerDigitsMax) throw new Trouble("integer");
  const radix = base === undefined ? 10n : integerOf(base);
  const prefix = prefixes.get(radix);
  if (prefix === undefined) throw new Trouble("arguments", `\`int\` with base ${radix} is not read`);
  const [, sign, digits] = /^([-+]?)(?:0[xob])?([\da-f]+)$/i.exec(text) ?? [];
  const isDecimal = radix !== 10n || /^[-+]?\d+$/.test(text);
  try {
    if (digits === undefined || !isDecimal) throw new SyntaxError("no digits");
    const size = boundInteger(BigInt(prefix + digits));
    return sign === "-" ? -size : size;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Trouble("fails", `${JSON.stringify(text.slice(0, 30))} is no int`);
  }
}

function measure(value: Value, { budget }: Call): bigint {
  const items = known(value);
  if (typeof items === "string") {
    budget.text(items.length);
    return BigInt(lengthOf(items));
  }
  if (items instanceof PyRange) return items.length;
  if (items instanceof PyList || items instanceof PyTuple || items instanceof PySet || items instanceof PyDict) {
    return BigInt(sizeOf(items));
  }
  throw new Trouble("fails", `${typeName(items)} has no length`);
}

function extreme(call: Call, sign: 1 | -1): Value {
  const otherwise = takeKeyword(call, "default");
  const values =
    call.args.length === 1 ? walk(call.args[0]!, call.budget, call.origin) : slotsOf(call.args, call.origin);
  let best: Value | undefined;
  for (const { value } of values) {
    if (best === undefined || order(value, best, call.budget) === sign) best = known(value);
  }
  if (best !== undefined) return best;
  if (otherwise === undefined) throw new Trouble("fails", "there is no item to choose");
  return otherwise;
}

function makeRange(call: Call): PyRange {
  const [first, second, third = 1n] = take(call, ["/start", "/stop", "/step"], 1);
  const [start, stop] = second === undefined ? [0n, integerOf(first!)] : [integerOf(first!), integerOf(second)];
  const step = integerOf(third);
  if (step === 0n) throw new Trouble("fails", "the step of a range is 0");
  return new PyRange(start, stop, step, call.origin);
}

function sorted(call: Call): PyList {
  const isReversed = isTrue(takeKeyword(call, "reverse") ?? false);
  const items = walk(takeOne({ ...call, named: new Map() }), call.budget, call.origin);
  return new PyList(sortSlots(items, isReversed, call.budget), call.origin);
}

function sum(call: Call): Value {
  const [items, start = 0n] = take(call, ["/items", "start"], 1);
  if (typeof start === "string") throw new Trouble("fails", 'texts are joined with `"".join(...)`');
  const add = (total: Value, { value }: Slot) => operate("+", total, value, call);
  return walk(items!, call.budget, call.origin).reduce<Value>(add, start);
}
