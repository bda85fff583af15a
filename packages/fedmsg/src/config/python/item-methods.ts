/** The methods of lists, tuples, dicts and sets, as far as they make data or change it. */

import { type Call, take, takeOne } from "./call.ts";
import { isEqual, isTrue, sizeOf, sortSlots } from "./compare.ts";
import { integerOf, place, walk } from "./sequences.ts";
import { Trouble } from "./trouble.ts";
import { known, PyDict, PyList, PySet, PyTuple, type Slot, type Value } from "./values.ts";

type Method<T> = (self: T, call: Call) => Value;

/** By name. */
export const listMethods: ReadonlyMap<string, Method<PyList>> = new Map<string, Method<PyList>>([
  ["append", (list, call) => insert(list, list.items.length, argument(call, takeOne(call), 0), call)],
  ["copy", (list, call) => copyList(list, call, take(call, []))],
  ["count", (list, call) => countItem(list, call)],
  ["extend", (list, call) => extend(list, walk(takeOne(call), call.budget, call.origin), call)],
  ["index", (list, call) => indexOf(list, call)],
  ["insert", (list, call) => insertAt(list, call)],
  ["pop", (list, call) => popItem(list, call)],
  ["remove", (list, call) => removeItem(list, call)],
  ["reverse", (list, call) => setItems(list, walk(list, call.budget, call.origin).reverse(), take(call, []))],
  ["sort", (list, call) => sort(list, call)],
]);

/** By name. */
export const tupleMethods: ReadonlyMap<string, Method<PyTuple>> = new Map<string, Method<PyTuple>>([
  ["count", (tuple, call) => countItem(tuple, call)],
  ["index", (tuple, call) => indexOf(tuple, call)],
]);

/** By name. */
export const setMethods: ReadonlyMap<string, Method<PySet>> = new Map<string, Method<PySet>>([
  ["add", (set, call) => addToSet(set, [argument(call, takeOne(call), 0)], call)],
  ["copy", (set, call) => copySet(set, call, take(call, []))],
  ["update", (set, call) => addToSet(set, walk(takeOne(call), call.budget, call.origin), call)],
]);

/** By name. */
export const dictMethods: ReadonlyMap<string, Method<PyDict>> = new Map<string, Method<PyDict>>([
  ["copy", (dict, call) => copyDict(dict, call, take(call, []))],
  ["get", (dict, call) => getItem(dict, call)],
  ["has_key", (dict, call) => dict.get(takeOne(call)) !== undefined],
  ["items", (dict, call) => pairs(dict, call, take(call, []))],
  ["iteritems", (dict, call) => pairs(dict, call, take(call, []))],
  ["keys", (dict, call) => copyList(dict, call, take(call, []))],
  ["pop", (dict, call) => popKey(dict, call)],
  ["setdefault", (dict, call) => setDefault(dict, call)],
  ["update", (dict, call) => updateDict(dict, call)],
  ["values", (dict, call) => values(dict, call, take(call, []))],
]);

/** An argument becomes an item that stands where it was written. */
function argument({ origins, origin }: Call, value: Value, n: number): Slot {
  return { value, origin: origins[n] ?? origin };
}

/** `dict.update(...)`, and what `dict(...)` does to a new one: a dict or pairs first, and then keywords. */
export function updateDict(dict: PyDict, call: Call): null {
  const [given] = take({ ...call, named: new Map() }, ["/items"], 0);
  if (given !== undefined) for (const [key, slot] of readPairs(given, call)) dict.set(key, slot);
  call.budget.items(call.named.size);
  for (const [key, slot] of call.named) dict.set(key, slot);
  return null;
}

function readPairs(given: Value, { budget, origin }: Call): [Value, Slot][] {
  if (given instanceof PyDict) {
    budget.items(sizeOf(given));
    return [...given.entries.values()].map((entry) => [entry.key, entry]);
  }
  return walk(given, budget, origin).map((item) => {
    const pair = walk(item.value, budget, origin);
    if (pair.length !== 2) throw new Trouble("fails", "a dict is made of pairs");
    return [known(pair[0]!.value), { value: pair[1]!.value, origin: pair[0]!.origin }];
  });
}

function insert(list: PyList, at: number, slot: Slot, { budget }: Call): null {
  budget.items(list.items.length - at + 1);
  list.items.splice(at, 0, slot);
  return null;
}

function insertAt(list: PyList, call: Call): null {
  const [index, value] = take(call, ["/index", "/value"]);
  const at = integerOf(index!);
  const size = BigInt(list.items.length);
  const whole = at < 0n ? at + size : at;
  return insert(list, Number(whole < 0n ? 0n : whole > size ? size : whole), argument(call, value!, 1), call);
}

function extend(list: PyList, items: readonly Slot[], { budget }: Call): null {
  budget.items(items.length);
  for (const item of items) list.items.push(item);
  return null;
}

function setItems(list: PyList, items: Slot[], _checked: unknown): null {
  list.items = items;
  return null;
}

function sort(list: PyList, call: Call): null {
  return setItems(list, sortSlots(list.items, isTrue(takeKeyword(call, "reverse") ?? false), call.budget), undefined);
}

/** `reverse=...` of `sort` and `sorted`; a `key` is a function. */
export function takeKeyword(call: Call, name: string): Value | undefined {
  const [value] = take({ ...call, args: [] }, [name], 0);
  return value;
}

function popItem(list: PyList, call: Call): Value {
  const [index = -1n] = take(call, ["/index"], 0);
  const at = place(index, list.items.length);
  call.budget.items(list.items.length - at);
  return list.items.splice(at, 1)[0]!.value;
}

function removeItem(list: PyList, call: Call): null {
  const at = Number(indexOf(list, call));
  call.budget.items(list.items.length - at);
  list.items.splice(at, 1);
  return null;
}

function indexOf({ items }: PyList | PyTuple, call: Call): bigint {
  const wanted = takeOne(call);
  const at = items.findIndex(({ value }) => isEqual(value, wanted, call.budget));
  if (at < 0) throw new Trouble("fails", "the value is not in the list");
  return BigInt(at);
}

function countItem({ items }: PyList | PyTuple, call: Call): bigint {
  const wanted = takeOne(call);
  return BigInt(items.filter(({ value }) => isEqual(value, wanted, call.budget)).length);
}

function addToSet(set: PySet, items: readonly Slot[], { budget }: Call): null {
  budget.items(items.length);
  for (const item of items) set.add(item);
  return null;
}

function getItem(dict: PyDict, call: Call): Value {
  const [key, otherwise = null] = take(call, ["/key", "/default"], 1);
  const entry = dict.get(known(key!));
  return entry ? entry.value : otherwise;
}

function popKey(dict: PyDict, call: Call): Value {
  const [key, otherwise] = take(call, ["/key", "/default"], 1);
  const entry = dict.get(known(key!));
  const value = entry ? entry.value : otherwise;
  if (value === undefined) throw new Trouble("fails", "the dict has no such key");
  dict.delete(key!);
  return value;
}

function setDefault(dict: PyDict, call: Call): Value {
  const [key, otherwise = null] = take(call, ["/key", "/default"], 1);
  if (!dict.get(known(key!))) dict.set(key!, argument(call, otherwise, 0));
  return dict.get(key!)!.value;
}

function copyList(items: PyList | PyDict, { budget, origin }: Call, _checked: unknown): PyList {
  return new PyList(walk(items, budget, origin), origin);
}

function copySet(set: PySet, { budget, origin }: Call, _checked: unknown): PySet {
  return new PySet(walk(set, budget, origin), origin);
}

function copyDict(dict: PyDict, { budget, origin }: Call, _checked: unknown): PyDict {
  budget.items(sizeOf(dict));
  return new PyDict(origin, dict.entries);
}

function pairs(dict: PyDict, { budget, origin }: Call, _checked: unknown): PyList {
  budget.items(sizeOf(dict));
  const items = [...dict.entries.values()].map((entry) => {
    const pair = [{ value: entry.key, origin: entry.origin }, entry];
    return { value: new PyTuple(pair, entry.origin), origin: entry.origin };
  });
  return new PyList(items, origin);
}

function values(dict: PyDict, { budget, origin }: Call, _checked: unknown): PyList {
  budget.items(sizeOf(dict));
  return new PyList([...dict.entries.values()], origin);
}
