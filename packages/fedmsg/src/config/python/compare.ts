/** Truth, equality and order as Python has them. */

import { type Budget, valueDepthMax } from "./bounds.ts";
import { Trouble } from "./trouble.ts";
import {
  type Items,
  keyOf,
  known,
  Named,
  Opaque,
  PyDict,
  PyList,
  PyRange,
  PySet,
  PyTuple,
  type Slot,
  typeName,
  type Value,
} from "./values.ts";

/** `bool(value)`. */
export function isTrue(value: Value): boolean {
  if (value === null || typeof value === "boolean") return value === true;
  if (typeof value === "bigint") return value !== 0n;
  if (typeof value === "number") return value !== 0;
  if (typeof value === "string") return value !== "";
  if (value instanceof PyRange) return value.length > 0n;
  if (value instanceof PyDict) return value.entries.size > 0;
  if (value instanceof PySet) return value.slots.size > 0;
  if (value instanceof PyList || value instanceof PyTuple) return value.items.length > 0;
  // A module or function is true, but so would one be that is not there.
  throw new Trouble("object", typeName(known(value)));
}

/** A number or a bool as a number, and `undefined` for everything else. */
export function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === "boolean") return value ? 1n : 0n;
  return typeof value === "bigint" || typeof value === "number" ? value : undefined;
}

/** `left == right`. */
export function isEqual(left: Value, right: Value, budget: Budget, depth = 0): boolean {
  if (depth > valueDepthMax) throw new Trouble("nesting");
  budget.spend();
  const [a, b] = [known(left), known(right)];
  const [x, y] = [numberOf(a), numberOf(b)];
  // biome-ignore lint/suspicious/noDoubleEquals: an int equals a float of the same value.
  if (x !== undefined && y !== undefined) return x == y;
  if (a instanceof Named && b instanceof Named) return a.path === b.path;
  if (a instanceof Opaque || b instanceof Opaque || a instanceof Named || b instanceof Named) {
    throw new Trouble("operator", "==");
  }
  if (a instanceof PyDict && b instanceof PyDict) return areDictsEqual(a, b, budget, depth);
  if (a instanceof PySet && b instanceof PySet) {
    budget.items(a.slots.size);
    return a.slots.size === b.slots.size && [...a.slots.keys()].every((key) => b.slots.has(key));
  }
  if (a instanceof PyRange && b instanceof PyRange) throw new Trouble("operator", "==");
  if ((a instanceof PyList && b instanceof PyList) || (a instanceof PyTuple && b instanceof PyTuple)) {
    return (
      a.items.length === b.items.length &&
      a.items.every((item, n) => isEqual(item.value, b.items[n]!.value, budget, depth + 1))
    );
  }
  if (typeof a === "string" && typeof b === "string") budget.text(Math.min(a.length, b.length));
  return a === b;
}

function areDictsEqual(a: PyDict, b: PyDict, budget: Budget, depth: number): boolean {
  if (a.entries.size !== b.entries.size) return false;
  return [...a.entries].every(([key, { value }]) => {
    const other = b.entries.get(key);
    return other !== undefined && isEqual(value, other.value, budget, depth + 1);
  });
}

/** `left is right`, for what has an identity of its own. */
export function isSame(left: Value, right: Value): boolean {
  const [a, b] = [known(left), known(right)];
  const isKind = (value: Value) => value === null || typeof value === "boolean" || typeof value === "object";
  if (isKind(a) && isKind(b)) return a === b;
  if (a === null || b === null) return false;
  throw new Trouble("operator", "is");
}

/** `-1`, `0` or `1` as `left` comes before, with or after `right`; `undefined` where one is no number. */
export function order(left: Value, right: Value, budget: Budget, depth = 0): -1 | 0 | 1 | undefined {
  if (depth > valueDepthMax) throw new Trouble("nesting");
  budget.spend();
  const [a, b] = [known(left), known(right)];
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined)
    return x < y ? -1 : x > y ? 1 : Number.isNaN(Number(x) + Number(y)) && !isInfinite(x, y) ? undefined : 0;
  if (typeof a === "string" && typeof b === "string") return orderTexts(a, b, budget);
  if ((a instanceof PyList && b instanceof PyList) || (a instanceof PyTuple && b instanceof PyTuple)) {
    return orderItems(a, b, budget, depth);
  }
  throw new Trouble("fails", `${typeName(a)} and ${typeName(b)} have no order`);
}

function isInfinite(x: bigint | number, y: bigint | number): boolean {
  return [x, y].every((value) => typeof value === "bigint" || !Number.isNaN(value));
}

function orderTexts(a: string, b: string, budget: Budget): -1 | 0 | 1 {
  budget.text(Math.min(a.length, b.length));
  if (a === b) return 0;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  // By characters: as units, those beyond U+FFFF would come too early.
  const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) ? -1 : 1;
  const rank = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);
  return rank(x) < rank(y) ? -1 : 1;
}

function orderItems(a: PyList | PyTuple, b: PyList | PyTuple, budget: Budget, depth: number): -1 | 0 | 1 | undefined {
  for (const [n, { value }] of a.items.entries()) {
    const other = b.items[n];
    if (!other) return 1;
    if (!isEqual(value, other.value, budget, depth + 1)) return order(value, other.value, budget, depth + 1);
  }
  return a.items.length < b.items.length ? -1 : 0;
}

/** Sorts as `sorted` does: stable, and reversed without changing the order of equals. */
export function sortSlots(slots: readonly Slot[], isReversed: boolean, budget: Budget): Slot[] {
  budget.items(slots.length);
  const sign = isReversed ? -1 : 1;
  return slots.toSorted((a, b) => sign * (order(a.value, b.value, budget) ?? 0));
}

/** `item in container`. */
export function contains(container: Value, item: Value, budget: Budget): boolean {
  const within = known(container);
  if (typeof within === "string") {
    if (typeof known(item) !== "string") throw new Trouble("fails", `${typeName(item)} cannot be in a text`);
    budget.text(within.length);
    return within.includes(item as string);
  }
  if (within instanceof PyDict) return within.entries.has(keyOf(item));
  if (within instanceof PySet) return within.slots.has(keyOf(item));
  if (within instanceof PyRange) return isInRange(within, known(item));
  if (within instanceof PyList || within instanceof PyTuple) {
    return within.items.some(({ value }) => isEqual(value, item, budget));
  }
  throw new Trouble("fails", `${typeName(within)} holds nothing`);
}

function isInRange({ start, step, length }: PyRange, item: Value): boolean {
  const number = numberOf(item);
  if (number === undefined || (typeof number === "number" && !Number.isInteger(number))) return false;
  const distance = BigInt(number) - start;
  return distance % step === 0n && distance / step >= 0n && distance / step < length;
}

/** How many items a list, tuple, set or dict has. */
export function sizeOf(items: Items): number {
  if (items instanceof PyDict) return items.entries.size;
  return items instanceof PySet ? items.slots.size : items.items.length;
}
