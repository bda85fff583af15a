/**
 * Python's values in ours: None is `null`, an int a `bigint`, a float a `number`. Lists and dicts are objects of their
 * own, as two names may have the same one; a dict is a `Map`, as a file may name any key. Each item knows the place that
 * it was written at, and takes it along when it is copied.
 */

import { keyCharsMax, valueDepthMax } from "./bounds.ts";
import { type Origin, Trouble } from "./trouble.ts";

/** What an expression gives. */
export type Value = null | boolean | bigint | number | string | Items | PyRange | Named | Opaque | Unknown;

/** Everything that holds other values. */
export type Items = PyList | PyTuple | PySet | PyDict;

/** A value in a list or dict, and the place it was written at. */
export interface Slot {
  readonly value: Value;
  readonly origin: Origin;
}

/** An item of a dict; the origin is that of the key. */
export interface Entry extends Slot {
  readonly key: Value;
}

export class PyList {
  items: Slot[];
  readonly origin: Origin;

  constructor(items: Slot[], origin: Origin) {
    this.items = items;
    this.origin = origin;
  }
}

export class PyTuple {
  readonly items: readonly Slot[];
  readonly origin: Origin;

  constructor(items: readonly Slot[], origin: Origin) {
    this.items = items;
    this.origin = origin;
  }
}

/** A set keeps the order it was written in, as it becomes a list. */
export class PySet {
  readonly slots = new Map<string, Slot>();
  readonly origin: Origin;

  constructor(items: Iterable<Slot>, origin: Origin) {
    this.origin = origin;
    for (const item of items) this.add(item);
  }

  add(item: Slot): void {
    const key = keyOf(item.value);
    if (!this.slots.has(key)) this.slots.set(key, item);
  }

  get items(): Slot[] {
    return [...this.slots.values()];
  }
}

export class PyDict {
  readonly entries: Map<string, Entry>;
  readonly origin: Origin;

  constructor(origin: Origin, entries?: ReadonlyMap<string, Entry>) {
    this.origin = origin;
    this.entries = new Map(entries);
  }

  get(key: Value): Entry | undefined {
    return this.entries.get(keyOf(key));
  }

  /** As in Python, a key that is there keeps its place and its form (`1` or `True`). */
  set(key: Value, { value, origin }: Slot): void {
    const id = keyOf(key);
    this.entries.set(id, { key: this.entries.get(id)?.key ?? key, value, origin });
  }

  delete(key: Value): boolean {
    return this.entries.delete(keyOf(key));
  }

  /** The keys, each with its place. */
  get items(): Slot[] {
    return [...this.entries.values()].map(({ key, origin }) => ({ value: key, origin }));
  }
}

/** `range(...)`, which is not written out before it is walked. */
export class PyRange {
  readonly start: bigint;
  readonly step: bigint;
  readonly length: bigint;
  readonly origin: Origin;

  constructor(start: bigint, stop: bigint, step: bigint, origin: Origin) {
    const span = step > 0n ? stop - start : start - stop;
    const stride = step > 0n ? step : -step;
    this.start = start;
    this.step = step;
    this.length = span > 0n ? (span + stride - 1n) / stride : 0n;
    this.origin = origin;
  }
}

/** A module, or what is in one, by its full name: `os.path`. Those of Python itself are in `builtins`. */
export class Named {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/** An object of which one thing is known. */
export class Opaque {
  readonly kind: "engine" | "timedelta" | "uname";
  /** The URL of an engine; the seconds of a timedelta. */
  readonly content: string | number;

  constructor(kind: Opaque["kind"], content: string | number) {
    this.kind = kind;
    this.content = content;
  }
}

/** A value that could not be read. It may be carried about; who uses it gets the trouble. */
export class Unknown {
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    this.trouble = trouble;
  }
}

/** Whether a value can be changed by those it is given to. */
export function isMutable(value: Value): boolean {
  return value instanceof PyList || value instanceof PyDict || value instanceof PySet;
}

/** Throws the trouble of an unknown value, and returns every other. */
export function known<T extends Value | undefined>(value: T): Exclude<T, Unknown> {
  if (value instanceof Unknown) throw value.trouble;
  return value as Exclude<T, Unknown>;
}

/** A type's name as Python's messages have it. */
export function typeName(value: Value): string {
  if (value === null) return "None";
  if (value instanceof PyList) return "a list";
  if (value instanceof PyTuple) return "a tuple";
  if (value instanceof PySet) return "a set";
  if (value instanceof PyDict) return "a dict";
  if (value instanceof PyRange) return "a range";
  if (value instanceof Named) return `\`${value.path.replace(/^builtins\./, "")}\``;
  if (value instanceof Opaque) return `a ${value.kind}`;
  const names: Record<string, string> = { boolean: "a bool", bigint: "an int", number: "a float", string: "a text" };
  return names[typeof value] ?? "an unknown value";
}

/** What two equal keys have in common: `1`, `1.0` and `True` are the same key. */
export function keyOf(value: Value, depth = 0): string {
  if (depth > valueDepthMax) throw new Trouble("nesting");
  if (value === null) return "None";
  if (typeof value === "string") return boundKey(`s${value}`);
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isInteger(value) ? String(BigInt(value)) : `f${value}`;
  if (value instanceof PyTuple) return keyOfTuple(value, depth);
  if (value instanceof Named) return `n${value.path}`;
  throw new Trouble("fails", `${typeName(known(value))} cannot be a key`);
}

/** The length of each part tells where it ends. The bound holds for inner tuples too, which may be shared. */
function keyOfTuple({ items }: PyTuple, depth: number): string {
  let key = "t";
  for (const { value } of items) {
    const part = keyOf(value, depth + 1);
    key = boundKey(`${key}${part.length}:${part}`);
  }
  return key;
}

function boundKey(key: string): string {
  if (key.length > keyCharsMax) throw new Trouble("keyLength");
  return key;
}
