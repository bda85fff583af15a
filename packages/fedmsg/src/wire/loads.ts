import { FedmsgError } from "../errors.ts";
import { type Builder, readJson } from "./json-reader.ts";
import { Float } from "./number.ts";
import { decodeText } from "./text.ts";

/** What {@link loads} makes of the tokens it meets, as Python's `json.loads` takes it. */
export interface LoadsOptions {
  /** How bytes are encoded, a label of the WHATWG Encoding Standard. Default `utf-8`. */
  readonly encoding?: string;
  /** Called with each object, innermost first; what it returns takes the object's place (`object_hook`). */
  readonly object?: (value: Record<string, unknown>) => unknown;
  /** Called instead of `object` with all pairs in the order of the text, duplicates too (`object_pairs_hook`). */
  readonly pairs?: (pairs: [key: string, value: unknown][]) => unknown;
  /** Reads a number with a point or an exponent from its text (`parse_float`). Default `Number`. */
  readonly float?: (token: string) => unknown;
  /** Reads a whole number from its text (`parse_int`). Default: a number, or a bigint where a number would round it. */
  readonly int?: (token: string) => unknown;
  /** Reads `NaN`, `Infinity` or `-Infinity` (`parse_constant`). Default: the number of that name. */
  readonly constant?: (name: "NaN" | "Infinity" | "-Infinity") => unknown;
}

/**
 * Reads JSON as Python's `json.loads` does (`fedmsg/encoding/__init__.py`), `NaN` and `Infinity` included. Without
 * options the result is plain JavaScript, in which `1.0` is `1`; give {@link lossless} to keep the difference.
 *
 * @throws FedmsgError FEDMSG_DECODE where Python raises, with line and column; also for bytes that are not `encoding`
 * @example
 * ```ts
 * loads('{"price": 1.10}', { float: (token) => token }); // { price: "1.10" }
 * ```
 */
export function loads(text: string | Uint8Array, options: LoadsOptions = {}): unknown {
  const source = typeof text === "string" ? text : decodeStrictly(text, options.encoding);
  return readJson(source, valueBuilder(options));
}

/**
 * Options for {@link loads} that keep what plain values lose: whole floats as {@link Float}, big integers as bigint,
 * and objects as `Map`, whose keys stay in the order of the text. `dumps(loads(text, lossless))` is
 * `canonicalize(text)`.
 */
export const lossless = {
  pairs: (pairs) => new Map(pairs),
  float: (token) => new Float(Number(token)),
} as const satisfies LoadsOptions;

/** Decodes bytes, and says FEDMSG_DECODE where they are not what `encoding` allows. */
export function decodeStrictly(bytes: Uint8Array, encoding = "utf-8"): string {
  try {
    return decodeText(bytes, encoding);
  } catch (cause) {
    throw new FedmsgError("FEDMSG_DECODE", `the bytes are not ${encoding} text`, { cause });
  }
}

function valueBuilder(options: LoadsOptions): Builder<unknown> {
  const { object, pairs } = options;
  return {
    object(keys, values) {
      if (pairs) return pairs(keys.map((key, n) => [key, values[n]]));
      const record = toRecord(keys, values);
      return object ? object(record) : record;
    },
    array: (values) => values.slice(), // One that grew has room for many more.
    string: (value) => value,
    int: options.int ?? parseInteger,
    float: options.float ?? Number,
    constant: options.constant ?? Number,
    literal: (value) => value,
  };
}

/**
 * Where a key is special, members are there before their values are: an object to which `"1023"` is added gets room for all numbers
 * below it, 12 KB, which `JSON.parse` knows to avoid. To it `__proto__` is an ordinary key, too, which assignment alone would take
 * for the prototype. For all objects that would take three times as long.
 */
function toRecord(keys: string[], values: unknown[]): Record<string, unknown> {
  const record = keys.some(isSpecial) ? withMembers(keys) : {};
  for (let n = 0; n < keys.length; n++) record[keys[n] as string] = values[n];
  return record;
}

function isSpecial(key: string): boolean {
  const first = key.charCodeAt(0);
  return (first >= 0x30 && first <= 0x39) || key === "__proto__";
}

function withMembers(keys: string[]): Record<string, unknown> {
  const members = keys.map((key) => `${JSON.stringify(key)}:null`);
  return JSON.parse(`{${members.join(",")}}`) as Record<string, unknown>;
}

function parseInteger(token: string): number | bigint {
  const value = Number(token);
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  return BigInt(token);
}
