/** Strings: their order, their escapes, and bytes that must be UTF-8. */

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const beyondAscii = /[\x7f-\uffff]/g;
const surrogate = /[\ud800-\udfff]/;

/** How much of a long string is escaped at once. More would have millions of short strings in memory at a time. */
const escapeUnits = 4096;

/** From how many units on a text is long for {@link joinTexts}. */
const longUnits = 4096;

/**
 * Quotes a string as Python's `json` does with `ensure_ascii`: `\uXXXX` in lower case for U+007F and everything above,
 * surrogates one by one (so a lone one survives), `/` as it is.
 */
export function quote(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  const quoted = JSON.stringify(text);
  if (quoted.length <= escapeUnits) return quoted.replace(beyondAscii, escapeUnit);
  let escaped = "";
  for (let at = 0; at < quoted.length; at += escapeUnits) {
    escaped += quoted.slice(at, at + escapeUnits).replace(beyondAscii, escapeUnit);
  }
  return escaped;
}

/** A {@link quote} for texts of which most are the one before. */
export function createQuoter(): typeof quote {
  let last = "";
  let quoted = '""';
  return (text) => {
    if (text !== last) {
      quoted = quote(text);
      last = text;
    }
    return quoted;
  };
}

/** Keys that were quoted, as they are written before a value; none of them needs an escape. Bounded in number and length. */
const plainKeys = new Map<string, string>();
const plainKeysMax = 1000;
const plainKeyUnits = 64;

/**
 * A key with its colon, where it is plain: the same few keys come in every message. Such keys sort alike by code unit and by
 * code point.
 */
export function plainKey(key: string): string | undefined {
  const known = plainKeys.get(key);
  if (known !== undefined || key.length > plainKeyUnits || !plain.test(key)) return known;
  const text = `"${key}":`;
  if (plainKeys.size < plainKeysMax) plainKeys.set(key, text);
  return text;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * Joins texts as `texts.join(separator)` does, but without a copy of the long ones. Whoever puts a nested text together
 * from the inside would otherwise copy all of it again at every level.
 */
export function joinTexts(texts: readonly string[], separator: string): string {
  let joined = "";
  let from = 0;
  for (let n = 0; n < texts.length; n++) {
    const text = texts[n] as string;
    if (text.length < longUnits) continue;
    joined += [...texts.slice(from, n), ""].join(separator) + text;
    from = n + 1;
    if (from < texts.length) joined += separator;
  }
  return joined + (from > 0 ? texts.slice(from) : texts).join(separator);
}

/**
 * Sorts keys in place by code point, as Python compares strings. JavaScript compares UTF-16 units, which puts U+FFFF
 * behind every character above it; only keys with surrogates can tell the difference.
 */
export function sortKeys(keys: string[]): string[] {
  if (!isAscending(keys)) keys.sort();
  for (const key of keys) if (surrogate.test(key)) return keys.sort(compareCodePoints);
  return keys;
}

/** Faster than sorting what is sorted, which keys often are. */
export function isAscending(keys: readonly string[]): boolean {
  for (let n = 1; n < keys.length; n++) if ((keys[n - 1] as string) > (keys[n] as string)) return false;
  return true;
}

/** Compares two strings by code point: negative, zero or positive. A lone surrogate counts as its own number. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === length) return a.length - b.length;
  // The first difference may lie in the second half of a pair: step back to where the character begins.
  const from = at > 0 && isPairAt(a, at - 1) !== isPairAt(b, at - 1) ? at - 1 : at;
  return (a.codePointAt(from) as number) - (b.codePointAt(from) as number);
}

function isPairAt(text: string, at: number): boolean {
  return (text.codePointAt(at) as number) > 0xffff;
}

const decoders = new Map<string, InstanceType<typeof TextDecoder>>();

/**
 * Decodes bytes strictly: what is not valid in the encoding throws a `TypeError`, a byte order mark is kept.
 *
 * @param encoding a label of the WHATWG Encoding Standard; an unknown one throws a `RangeError`
 */
export function decodeText(bytes: Uint8Array, encoding = "utf-8"): string {
  let decoder = decoders.get(encoding);
  if (!decoder) {
    decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
    decoders.set(encoding, decoder);
  }
  return decoder.decode(bytes);
}

const encoder = new TextEncoder();

/** Encodes text as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}
