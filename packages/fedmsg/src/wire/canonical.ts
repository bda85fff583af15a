import { type Builder, readJson } from "./json-reader.ts";
import { decodeStrictly } from "./loads.ts";
import { formatFloat } from "./number.ts";
import { joinTexts, quote, sortKeys } from "./text.ts";

/**
 * Rewrites a JSON text as Python's `dumps(loads(text))` of fedmsg does: keys sorted by code point, no space, ASCII only,
 * floats as `repr` spells them, the last of duplicate keys. This is the text that a Python validator hashes
 * (`fedmsg/encoding/__init__.py`, `fedmsg/crypto/x509.py`).
 *
 * @throws FedmsgError FEDMSG_DECODE where Python cannot read the text; bytes must be UTF-8
 * @example
 * ```ts
 * canonicalize('{"b": 1.0, "a": "é"}'); // '{"a":"\\u00e9","b":1.0}'
 * ```
 */
export function canonicalize(text: string | Uint8Array): string {
  return readJson(typeof text === "string" ? text : decodeStrictly(text), canonicalBuilder);
}

const canonicalBuilder: Builder<string> = {
  object(keys, values) {
    const members = new Map<string, string>();
    for (const [n, key] of keys.entries()) members.set(key, values[n] as string);
    const texts = sortKeys([...members.keys()]).map((key) => `${quote(key)}:${members.get(key)}`);
    return `{${joinTexts(texts, ",")}}`;
  },
  array: (values) => `[${joinTexts(values, ",")}]`,
  string: quote,
  int: (token) => (token === "-0" ? "0" : token),
  float: (token) => formatFloat(Number(token)),
  constant: (name) => name,
  literal: String,
};
