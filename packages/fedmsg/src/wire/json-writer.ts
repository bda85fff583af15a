/**
 * Writes JavaScript values as fedmsg's JSON: what Python's encoder would give for the counterpart of each value.
 *
 * | JavaScript | written as |
 * | --- | --- |
 * | number | an int where it is whole and below 1e21, else a float as Python's `repr`; `-0` is `-0.0` |
 * | {@link Float}, bigint | always a float, always an int |
 * | `Date` | whole seconds since the epoch, as a float, rounded down (Python drops the microseconds) |
 * | `Map`, `Set` | object, array; keys of a `Map` may be strings, numbers, booleans or null |
 * | an object with `__json__()` or `toJSON()` | what the method returns |
 * | any other class instance | its own enumerable members, without functions and `undefined` |
 * | `undefined`, functions, symbols, bytes, promises, errors, regular expressions | FEDMSG_ENCODE |
 *
 * A plain object or array that contains itself is an error. A class instance that contains itself (the two ends of a
 * relation in an ORM) is cut: in place of the repetition stands its `id`, or null, as `fedmsg/encoding/sqla.py` does it.
 *
 * Nothing is tracked while all goes well; the path of an error is collected while it unwinds.
 */

import { FedmsgError } from "../errors.ts";
import { nestingDepthMax } from "./json-reader.ts";
import { Float, formatFloat, formatNumber, intDigitsMax } from "./number.ts";
import { isAscending, joinTexts, plainKey, quote, sortKeys } from "./text.ts";

/** Records with more members are written by joining. */
const smallRecordKeys = 64;

/** How a text is laid out. */
export interface WriteOptions {
  /**
   * `text` sorts keys by code point; `python` does too, but sorts the keys of a `Map` that are numbers by value, as
   * Python sorts before it writes (which is not canonical); `none` keeps their order.
   */
  readonly sort: "text" | "python" | "none";
  /** Spaces for each level, with a line for each member; 0 writes everything on one line without any space. */
  readonly indent: number;
  /** Whether `NaN` and the infinities are written, as Python does, or refused. */
  readonly allowNan: boolean;
}

/**
 * Writes a value. Throws FEDMSG_ENCODE, naming the path to what cannot be written.
 *
 * @param root what the path begins with, for instance `msg`
 * @param depth how many levels there are around it
 */
export function writeJson(value: unknown, options: WriteOptions, root = "", depth = 0): string {
  try {
    return new Writer(options).write(value, depth);
  } catch (error) {
    throw Failure.from(error).toFedmsgError(root);
  }
}

type PathStep = { readonly container: object; readonly key: unknown };

/** What cannot be written, and the containers around it, innermost first. Never leaves this file. */
class Failure {
  readonly #what: string;
  readonly #options: ErrorOptions | undefined;
  readonly #steps: PathStep[] = [];

  constructor(what: string, options?: ErrorOptions) {
    this.#what = what;
    this.#options = options;
  }

  /** Returns `error` itself if it is a `Failure`. All others come out of the caller's getters and methods. */
  static from(error: unknown): Failure {
    if (error instanceof Failure) return error;
    return new Failure(`reading the value failed: ${describe(error)}`, { cause: error });
  }

  within(container: object, key: unknown): this {
    this.#steps.push({ container, key });
    return this;
  }

  toFedmsgError(root: string): FedmsgError {
    const steps = this.#steps.toReversed();
    const seen = new Map<object, number>();
    for (const [n, { container }] of steps.entries()) {
      const first = seen.get(container);
      if (first !== undefined) {
        const where = formatPath(root, steps.slice(0, n));
        const again = `it is ${formatPath(root, steps.slice(0, first))} again`;
        return new FedmsgError("FEDMSG_ENCODE", `${where}: contains itself (${again})`, this.#options);
      }
      seen.set(container, n);
    }
    return new FedmsgError("FEDMSG_ENCODE", `${formatPath(root, steps)}: ${this.#what}`, this.#options);
  }
}

function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    return `a ${typeof error} that has no text`;
  }
}

function formatPath(root: string, steps: readonly PathStep[]): string {
  let path = root;
  for (const { key } of steps) {
    if (typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key)) path += path ? `.${key}` : key;
    else path += `[${typeof key === "string" ? JSON.stringify(key) : String(key)}]`;
    if (path.length > 500) return `${path}…`;
  }
  return path || "the value";
}

class Writer {
  readonly #options: WriteOptions;
  /** The class instances around the value being written. */
  readonly #instances: object[] = [];

  constructor(options: WriteOptions) {
    this.#options = options;
  }

  write(value: unknown, depth: number): string {
    switch (typeof value) {
      case "string":
        return quote(value);
      case "number":
        return this.#number(value, formatNumber);
      case "boolean":
        return value ? "true" : "false";
      case "bigint":
        return formatBigInt(value);
      case "object":
        return value === null ? "null" : this.#object(value, depth);
      default:
        throw new Failure(
          `${typeof value === "undefined" ? "undefined" : `a ${typeof value}`} cannot be written as JSON`,
        );
    }
  }

  #number(value: number, format: (value: number) => string): string {
    if (!Number.isFinite(value) && !this.#options.allowNan) {
      throw new Failure(`${value} is not JSON; leave it out, or send null or a text`);
    }
    return format(value);
  }

  #object(value: object, depth: number): string {
    if (Array.isArray(value)) return this.#array(value, value, depth);
    const json = (value as { __json__?: unknown }).__json__;
    if (typeof json === "function") return this.#converted(value, json.call(value), depth);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      const toJson = (value as { toJSON?: unknown }).toJSON;
      if (typeof toJson !== "function") return this.#record(value as Record<string, unknown>, depth);
    }
    return this.#special(value, depth);
  }

  #special(value: object, depth: number): string {
    if (value instanceof Float) return this.#number(value.value, formatFloat);
    if (value instanceof Date) return formatDate(value);
    if (value instanceof Map) return this.#map(value, depth);
    if (value instanceof Set) return this.#array(value, [...value], depth);
    if (value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt) {
      return this.write(value.valueOf(), depth);
    }
    const refused = refusedKind(value);
    if (refused) throw new Failure(refused);
    const toJson = (value as { toJSON?: unknown }).toJSON;
    return this.#converted(value, typeof toJson === "function" ? toJson.call(value, "") : value, depth);
  }

  /** Writes `result`, into which `value` turned itself, or the plain form of `value` where that is itself. */
  #converted(value: object, result: unknown, depth: number): string {
    if (this.#instances.includes(value)) return this.#identity(value);
    assertDepth(this.#instances.length - 1);
    this.#instances.push(value);
    const text = result === value ? this.#record(plainForm(value), depth) : this.write(result, depth);
    this.#instances.pop();
    return text;
  }

  #identity(value: object): string {
    const id = (value as { id?: unknown }).id;
    return typeof id === "string" || typeof id === "number" || typeof id === "bigint" ? this.write(id, 0) : "null";
  }

  #array(container: object, items: readonly unknown[], depth: number): string {
    assertDepth(depth);
    const texts: string[] = [];
    let n = 0;
    try {
      for (; n < items.length; n++) texts.push(this.write(items[n], depth + 1));
    } catch (error) {
      throw Failure.from(error).within(container, n);
    }
    return this.#join("[", texts, "]", depth);
  }

  #record(record: Readonly<Record<string, unknown>>, depth: number): string {
    assertDepth(depth);
    const keys = Object.keys(record);
    if (this.#options.indent === 0 && keys.length <= smallRecordKeys) {
      const text = this.#smallRecord(record, keys, depth);
      if (text !== undefined) return text;
    }
    if (this.#options.sort !== "none") sortKeys(keys);
    const colon = this.#options.indent ? ": " : ":";
    const texts: string[] = [];
    let key = "";
    try {
      for (key of keys) texts.push(quote(key) + colon + this.write(record[key], depth + 1));
    } catch (error) {
      throw Failure.from(error).within(record, key);
    }
    return this.#join("{", texts, "}", depth);
  }

  /** Most records: few members, on one line, whose keys need no escapes. Answers nothing for any other. */
  #smallRecord(record: Readonly<Record<string, unknown>>, keys: string[], depth: number): string | undefined {
    for (let n = 0; n < keys.length; n++) if (plainKey(keys[n] as string) === undefined) return undefined;
    if (this.#options.sort !== "none" && !isAscending(keys)) keys.sort();
    let text = "";
    let key = "";
    try {
      for (let n = 0; n < keys.length; n++) {
        key = keys[n] as string;
        text += `${n === 0 ? "{" : ","}${plainKey(key)}${this.write(record[key], depth + 1)}`;
      }
    } catch (error) {
      throw Failure.from(error).within(record, key);
    }
    return text === "" ? "{}" : `${text}}`;
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): string {
    assertDepth(depth);
    const entries = sortEntries(map, this.#options.sort);
    const colon = this.#options.indent ? ": " : ":";
    const texts: string[] = [];
    let key: unknown;
    try {
      for (const [text, of, value] of entries) {
        key = of;
        texts.push(quote(text) + colon + this.write(value, depth + 1));
      }
    } catch (error) {
      throw Failure.from(error).within(map, key);
    }
    return this.#join("{", texts, "}", depth);
  }

  #join(open: string, texts: readonly string[], close: string, depth: number): string {
    if (this.#options.indent === 0 || texts.length === 0) return open + joinTexts(texts, ",") + close;
    const inner = `\n${" ".repeat(this.#options.indent * (depth + 1))}`;
    const outer = `\n${" ".repeat(this.#options.indent * depth)}`;
    return open + inner + joinTexts(texts, `,${inner}`) + outer + close;
  }
}

/** Only what holds others is a level: a number inside a thousand arrays is not one more. */
function assertDepth(depth: number): void {
  if (depth >= nestingDepthMax) throw new Failure(`nested deeper than ${nestingDepthMax} levels`);
}

function formatBigInt(value: bigint): string {
  const text = value.toString();
  const digits = text.length - (value < 0n ? 1 : 0);
  if (digits > intDigitsMax) throw new Failure(`an integer of ${digits} digits; Python reads at most ${intDigitsMax}`);
  return text;
}

function formatDate(date: Date): string {
  const seconds = Math.floor(date.getTime() / 1000);
  if (Number.isNaN(seconds)) throw new Failure("an invalid Date");
  return formatFloat(seconds);
}

/** The members of a class instance that can be data. */
function plainForm(value: object): Record<string, unknown> {
  const members = Object.entries(value).filter(([, member]) => member !== undefined && typeof member !== "function");
  return Object.fromEntries(members);
}

function refusedKind(value: object): string | undefined {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return "bytes are not JSON; send them as base64 text";
  if (value instanceof Promise) return "a promise cannot be written as JSON; await it first";
  if (value instanceof Error || value instanceof RegExp) {
    return `an object of type ${value.constructor.name} cannot be written as JSON; send its text`;
  }
  if (value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) {
    return `an object of type ${value.constructor.name} cannot be written as JSON`;
  }
  return undefined;
}

type MapEntry = readonly [text: string, key: unknown, value: unknown];

function sortEntries(map: ReadonlyMap<unknown, unknown>, sort: WriteOptions["sort"]): MapEntry[] {
  const entries: MapEntry[] = Array.from(map, ([key, value]) => [keyText(key), key, value]);
  if (sort === "none") return entries;
  const byText = new Map(entries.map((entry) => [entry[0], entry]));
  if (byText.size < entries.length) throw new Failure("two keys of a Map are written alike");
  const strings = entries.filter(([, key]) => typeof key === "string").length;
  if (sort === "text" || strings === entries.length) {
    return sortKeys([...byText.keys()]).map((text) => byText.get(text) as MapEntry);
  }
  if (entries.length > 1 && (strings > 0 || map.has(null))) {
    throw new Failure("keys of different kinds cannot be sorted; Python refuses them too");
  }
  return entries.sort(([, a], [, b]) => compareNumbers(a as number, b as number));
}

/** By value, as `<` compares numbers, big integers, booleans and {@link Float} exactly with each other. */
function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : Number(a > b);
}

function keyText(key: unknown): string {
  if (typeof key === "string") return key;
  if (typeof key === "number") return formatNumber(key);
  if (typeof key === "boolean" || typeof key === "bigint" || key === null) return String(key);
  if (key instanceof Float) return formatFloat(key.value);
  throw new Failure(`a key of a Map is ${key === undefined ? "undefined" : `a ${typeof key}`}; use strings`);
}
