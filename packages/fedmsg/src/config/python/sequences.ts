/** Walking, indexing and slicing. */

import type { Budget } from "./bounds.ts";
import { characters, sliceText } from "./characters.ts";
import { sizeOf } from "./compare.ts";
import { type Origin, Trouble } from "./trouble.ts";
import { known, PyDict, PyList, PyRange, PySet, PyTuple, type Slot, typeName, type Value } from "./values.ts";

/** Values that stand at one place, as those that a function makes. */
export function slotsOf(values: Iterable<Value>, origin: Origin): Slot[] {
  return Array.from(values, (value) => ({ value, origin }));
}

/** What `for` walks over. The items are taken at once, so a list may change meanwhile. */
export function walk(value: Value, budget: Budget, origin: Origin): Slot[] {
  const items = known(value);
  if (typeof items === "string") {
    budget.items(items.length);
    return slotsOf(characters(items), origin);
  }
  if (items instanceof PyRange) return writeRange(items, budget);
  if (items instanceof PyList || items instanceof PyTuple || items instanceof PySet || items instanceof PyDict) {
    budget.items(sizeOf(items));
    return [...items.items];
  }
  throw new Trouble("fails", `${typeName(items)} has no items`);
}

function writeRange({ start, step, length, origin }: PyRange, budget: Budget): Slot[] {
  budget.items(Number(length));
  return Array.from({ length: Number(length) }, (_, n) => ({ value: start + BigInt(n) * step, origin }));
}

/** `from:to:step`, as given. */
export interface Slice {
  readonly from: Value;
  readonly to: Value;
  readonly step: Value;
}

/** `value[index]` of a text, list, tuple or range. */
export function itemAt(value: Value, index: Value, budget: Budget): Value {
  const items = known(value);
  if (typeof items === "string") {
    budget.text(items.length);
    const all = characters(items);
    return all[place(index, all.length)]!;
  }
  if (items instanceof PyRange) return items.start + BigInt(place(index, Number(items.length))) * items.step;
  if (items instanceof PyList || items instanceof PyTuple) return items.items[place(index, items.items.length)]!.value;
  throw new Trouble("fails", `${typeName(items)} has no item of this name or number`);
}

/** The place that an index means, counted from the end where it is negative. */
export function place(index: Value, length: number): number {
  const at = integerOf(index);
  const from = at < 0n ? at + BigInt(length) : at;
  if (from < 0n || from >= BigInt(length)) throw new Trouble("fails", `there is no item ${at} in ${length}`);
  return Number(from);
}

const nowhere: Origin = { from: 0, to: 0, line: 0 };

/** The places of `range(length)[slice]`. */
export function places({ from, to, step }: Slice, length: number): { from: number; step: number; count: number } {
  const stride = step === null ? 1n : integerOf(step);
  if (stride === 0n) throw new Trouble("fails", "the step of a slice is 0");
  const [low, high] = stride > 0n ? [0n, BigInt(length)] : [-1n, BigInt(length) - 1n];
  const bound = (value: Value, otherwise: bigint) => {
    if (value === null) return otherwise;
    const at = integerOf(value);
    const whole = at < 0n ? at + BigInt(length) : at;
    return whole < low ? low : whole > high ? high : whole;
  };
  const first = bound(from, stride > 0n ? low : high);
  const last = bound(to, stride > 0n ? high : low);
  const { length: count } = new PyRange(first, last, stride, nowhere);
  return { from: Number(first), step: count > 1n ? Number(stride) : 1, count: Number(count) };
}

/** `value[from:to:step]`. */
export function sliceOf(value: Value, slice: Slice, budget: Budget, origin: Origin): Value {
  const items = known(value);
  if (typeof items === "string") return sliceString(items, slice, budget);
  if (items instanceof PyRange) return sliceRange(items, slice);
  if (!(items instanceof PyList || items instanceof PyTuple)) {
    throw new Trouble("fails", `${typeName(items)} has no slices`);
  }
  const { from, step, count } = places(slice, items.items.length);
  budget.items(count);
  const slots = Array.from({ length: count }, (_, n) => items.items[from + n * step]!);
  return items instanceof PyList ? new PyList(slots, origin) : new PyTuple(slots, origin);
}

function sliceString(text: string, slice: Slice, budget: Budget): string {
  budget.text(text.length);
  const all = characters(text);
  const { from, step, count } = places(slice, all.length);
  if (step === 1) return sliceText(text, from, from + count);
  budget.spend(count);
  return Array.from({ length: count }, (_, n) => all[from + n * step]).join("");
}

function sliceRange(range: PyRange, slice: Slice): PyRange {
  if (range.length > BigInt(Number.MAX_SAFE_INTEGER)) throw new Trouble("items");
  const { from, step, count } = places(slice, Number(range.length));
  const start = range.start + BigInt(from) * range.step;
  const stride = range.step * BigInt(step);
  return new PyRange(start, start + stride * BigInt(count), stride, range.origin);
}

/** An int, or a bool that stands for one. */
export function integerOf(value: Value): bigint {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "bigint") return value;
  throw new Trouble("fails", `an int is wanted here, not ${typeName(known(value))}`);
}

/** A text. */
export function textOf(value: Value): string {
  if (typeof value === "string") return value;
  throw new Trouble("fails", `a text is wanted here, not ${typeName(known(value))}`);
}
