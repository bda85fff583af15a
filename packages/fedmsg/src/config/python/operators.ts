/** The operators between two values. */

import { compute } from "./arithmetic.ts";
import type { Budget } from "./bounds.ts";
import { contains, isEqual, isSame, numberOf, order, sizeOf } from "./compare.ts";
import { formatPercent } from "./format-percent.ts";
import { type Origin, Trouble } from "./trouble.ts";
import { known, PyDict, PyList, PySet, PyTuple, typeName, type Value } from "./values.ts";

/** Where an operator stands, and what it costs. */
export interface Operation {
  readonly budget: Budget;
  readonly origin: Origin;
}

/** `left operator right`. */
export function operate(operator: string, left: Value, right: Value, operation: Operation): Value {
  const [a, b] = [known(left), known(right)];
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) {
    const result = compute(operator, x, y);
    if (result === undefined) throw new Trouble("operator", operator);
    // Bits of bools are a bool.
    return typeof a === "boolean" && typeof b === "boolean" && "&|^".includes(operator) ? result !== 0n : result;
  }
  if (operator === "%" && typeof a === "string") return formatPercent(a, b, operation.budget);
  if (operator === "+") return add(a, b, operation);
  if (operator === "*") return x !== undefined ? repeat(b, x, operation) : repeat(a, y, operation);
  if (operator === "|" && a instanceof PyDict && b instanceof PyDict) return mergeDicts(a, b, operation);
  if (a instanceof PySet && b instanceof PySet) return combineSets(operator, a, b, operation);
  throw new Trouble("operator", operator);
}

function add(a: Value, b: Value, { budget, origin }: Operation): Value {
  if (typeof a === "string" && typeof b === "string") {
    budget.text(a.length + b.length);
    return a + b;
  }
  if (a instanceof PyList && b instanceof PyList) {
    budget.items(a.items.length + b.items.length);
    return new PyList([...a.items, ...b.items], origin);
  }
  if (a instanceof PyTuple && b instanceof PyTuple) {
    budget.items(a.items.length + b.items.length);
    return new PyTuple([...a.items, ...b.items], origin);
  }
  throw new Trouble("fails", `${typeName(b)} cannot be added to ${typeName(a)}`);
}

function repeat(value: Value, times: bigint | number | undefined, { budget, origin }: Operation): Value {
  if (typeof times !== "bigint") throw new Trouble("operator", "*");
  if (typeof value === "string") {
    const count = value === "" || times < 0n ? 0 : Number(times);
    budget.text(value.length * count);
    return value.repeat(count);
  }
  if (!(value instanceof PyList || value instanceof PyTuple)) throw new Trouble("operator", "*");
  const size = value.items.length;
  const count = size === 0 || times < 0n ? 0 : Number(times);
  budget.items(size * count);
  const items = Array.from({ length: size * count }, (_, n) => value.items[n % size]!);
  return value instanceof PyList ? new PyList(items, origin) : new PyTuple(items, origin);
}

function mergeDicts(a: PyDict, b: PyDict, { budget, origin }: Operation): PyDict {
  budget.items(sizeOf(a) + sizeOf(b));
  const merged = new PyDict(origin, a.entries);
  for (const entry of b.entries.values()) merged.set(entry.key, entry);
  return merged;
}

function combineSets(operator: string, a: PySet, b: PySet, { budget, origin }: Operation): PySet {
  budget.items(sizeOf(a) + sizeOf(b));
  const [inA, inB] = [[...a.slots], [...b.slots]];
  const outside = (set: PySet) => (entry: readonly [string, unknown]) => !set.slots.has(entry[0]);
  const slots = (entries: typeof inA) =>
    new PySet(
      entries.map(([, slot]) => slot),
      origin,
    );
  if (operator === "|") return slots([...inA, ...inB]);
  if (operator === "&") return slots(inA.filter(([key]) => b.slots.has(key)));
  if (operator === "-") return slots(inA.filter(outside(b)));
  if (operator === "^") return slots([...inA.filter(outside(b)), ...inB.filter(outside(a))]);
  throw new Trouble("operator", operator);
}

/** One comparison of a chain. */
export function compareBy(operator: string, left: Value, right: Value, budget: Budget): boolean {
  switch (operator) {
    case "==":
      return isEqual(left, right, budget);
    case "!=":
    case "<>":
      return !isEqual(left, right, budget);
    case "is":
      return isSame(left, right);
    case "is not":
      return !isSame(left, right);
    case "in":
      return contains(right, left, budget);
    case "not in":
      return !contains(right, left, budget);
    default:
      return isOrdered(operator, order(left, right, budget));
  }
}

function isOrdered(operator: string, found: -1 | 0 | 1 | undefined): boolean {
  if (found === undefined) return false;
  if (operator === "<") return found < 0;
  if (operator === "<=") return found <= 0;
  if (operator === ">") return found > 0;
  if (operator === ">=") return found >= 0;
  throw new Trouble("operator", operator);
}
