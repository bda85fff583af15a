import { dumps } from "../wire/dumps.ts";
import { loads, lossless } from "../wire/loads.ts";
import { Float } from "../wire/number.ts";
import { encodeText } from "../wire/text.ts";

/**
 * Takes from a message what the history service added to it, so that its signature holds again
 * (`fedmsg/crypto/utils.py`, `fix_datagrepper_message`). Only where both `source_name` and `source_version` are there:
 * they go, `headers` goes where it is empty, and the timestamp becomes a whole number.
 *
 * What goes in comes out: bytes as bytes, a text as a text, an object as a copy. Numbers of bytes and texts keep what a
 * signature covers of their spelling. Whatever is no such message comes back as it is. Never throws.
 *
 * @example
 * ```ts
 * await validator.validate(fixDatagrepperMessage(body));
 * ```
 */
export function fixDatagrepperMessage<M extends Uint8Array | string | object>(message: M): M {
  try {
    if (typeof message !== "string" && !(message instanceof Uint8Array)) return fixObject(message) as M;
    const before = loads(message, lossless);
    const after = before instanceof Map ? fixMap(before) : before;
    if (after === before) return message;
    const text = dumps(after);
    return (typeof message === "string" ? text : encodeText(text)) as M;
  } catch {
    return message; // Not JSON. Whoever validates it says so.
  }
}

function fixObject(message: object): object {
  if (message instanceof Map) return fixMap(message);
  if (Array.isArray(message)) return message;
  const before = new Map<unknown, unknown>(Object.entries(message));
  const after = fixMap(before);
  return after === before ? message : Object.fromEntries(after as Map<string, unknown>);
}

function fixMap(message: Map<unknown, unknown>): Map<unknown, unknown> {
  if (!message.has("source_name") || !message.has("source_version")) return message;
  const fixed = new Map(message);
  fixed.delete("source_name");
  fixed.delete("source_version");
  if (isFalsy(fixed.get("headers"))) fixed.delete("headers");
  if (fixed.has("timestamp")) fixed.set("timestamp", toInt(fixed.get("timestamp")));
  return fixed;
}

/** What Python calls false. */
function isFalsy(value: unknown): boolean {
  if (value instanceof Float) return value.value === 0;
  if (value instanceof Map) return value.size === 0;
  if (typeof value === "number") return value === 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return !value;
}

/** Python's `int()`; what that refuses stays. */
function toInt(value: unknown): unknown {
  const number = value instanceof Float ? value.value : value;
  if (typeof number === "boolean") return Number(number);
  if (typeof number === "number" && Number.isFinite(number)) return BigInt(Math.trunc(number));
  if (typeof number === "string" && /^\s*[-+]?\d+(?:_\d+)*\s*$/.test(number))
    return BigInt(number.replace(/[_\s+]/g, ""));
  return value;
}
