/** A message as it is checked: its signed text, and those of its members that say who signed it. */

import { isAscii } from "node:buffer";
import { canonicalize } from "../wire/canonical.ts";
import { writeJson } from "../wire/json-writer.ts";
import { decodeText } from "../wire/text.ts";
import { clip, type Refusal, refuse, wordsOf } from "./reasons.ts";
import { type MemberName, type Scanned, scanMessage } from "./scan.ts";

/**
 * A message in any form: a body as it arrived (bytes, or its text), or a parsed one.
 *
 * Bytes and texts are checked as they are written. An object is written first, so it holds only as far as it keeps what
 * was signed: values of `JSON.parse` have lost `1.0` and big integers, those of `loads(text, lossless)` have not.
 */
export type SignedInput = Uint8Array | string | object;

/**
 * A message taken apart, once, for whoever asks several things about it: `check`, `messageKey` and a replay guard take
 * it in place of the message.
 */
export class MessageParts {
  readonly #scanned: Scanned;

  constructor(scanned: Scanned) {
    this.#scanned = scanned;
  }

  /** The canonical text of everything but the top-level `certificate` and `signature`. ASCII. */
  get signed(): string {
    return this.#scanned.signed;
  }

  /** The JSON text of a member; absent where the message has none. All but the two credentials are canonical. */
  token(name: MemberName): string | undefined {
    return this.#scanned.tokens[name];
  }

  /** The value of a member, if it is a string. Also nothing for a credential that is no JSON. */
  text(name: MemberName): string | undefined {
    const token = this.token(name);
    if (token?.charCodeAt(0) !== 0x22) return undefined;
    if (!token.includes("\\") && name !== "certificate" && name !== "signature") return token.slice(1, -1);
    try {
      return JSON.parse(token) as string;
    } catch {
      return undefined;
    }
  }

  /** The message's own time in seconds, if it is a number. */
  get timestamp(): number | undefined {
    const token = this.token("timestamp");
    return token !== undefined && /^[-0-9]/.test(token) ? Number(token) : undefined;
  }
}

/** Takes a message apart. Never throws: what is no message is a refusal. */
export function readParts(message: SignedInput): MessageParts | Refusal {
  if (message instanceof MessageParts) return message;
  const text = toText(message);
  if (typeof text !== "string") return text;
  const canonical = scanMessage(text);
  if (canonical) return new MessageParts(canonical);
  let rewritten: string;
  try {
    rewritten = canonicalize(text);
  } catch (error) {
    return refuse("not-json", wordsOf(error).replace(/^not JSON: /, ""));
  }
  const scanned = scanMessage(rewritten);
  return scanned ? new MessageParts(scanned) : refuse("not-an-object", `found ${clip(rewritten.slice(0, 40))}`);
}

function toText(message: SignedInput): string | Refusal {
  if (typeof message === "string") return message;
  try {
    if (!(message instanceof Uint8Array)) return writeJson(message, { sort: "text", indent: 0, allowNan: true });
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    return isAscii(bytes) ? bytes.toString("latin1") : decodeText(bytes);
  } catch (error) {
    return message instanceof Uint8Array ? refuse("bad-utf8") : refuse("not-json", wordsOf(error));
  }
}
