/** A message as it is checked: its signed text, and those of its members that say who signed it. */

import { isAscii } from "node:buffer";
import { canonicalize } from "../wire/canonical.ts";
import { writeJson } from "../wire/json-writer.ts";
import { decodeText, quote } from "../wire/text.ts";
import { clip, type Refusal, refuse, wordsOf } from "./reasons.ts";
import { type MemberName, type Scanned, scanMessage } from "./scan.ts";

/**
 * A message in any form: a body as it arrived (bytes, or its text), or a parsed one.
 *
 * Bytes and texts are checked as they are written. An object is written first, so it holds only as far as it keeps what
 * was signed: values of `JSON.parse` have lost `1.0` and big integers, those of `loads(text, lossless)` have not.
 */
export type SignedInput = Uint8Array | string | object;

/** What says who signed, and how. */
const credentialNames = ["certificate", "crypto", "signature"] as const;

type Credentials = { readonly [Name in (typeof credentialNames)[number]]?: string };

/** A message that is not canonical, of which only the credentials are known until somebody asks for the rest. */
interface Unread {
  readonly text: string;
  readonly credentials: Credentials;
}

/**
 * A message taken apart, once, for whoever asks several things about it: `check`, `messageKey` and a replay guard take
 * it in place of the message.
 */
export class MessageParts {
  #scanned: Scanned | undefined;
  readonly #unread: Unread | undefined;

  constructor(found: Scanned | Unread) {
    if ("signed" in found) this.#scanned = found;
    else this.#unread = found;
  }

  /** The canonical text of everything but the top-level `certificate` and `signature`. ASCII. */
  get signed(): string {
    return this.#read().signed;
  }

  /** The JSON text of a member; absent where the message has none. All but the two credentials are canonical. */
  token(name: MemberName): string | undefined {
    if (!this.#scanned && isCredential(name)) return this.#unread?.credentials[name];
    return this.#read().tokens[name];
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

  #read(): Scanned {
    if (this.#scanned) return this.#scanned;
    const scanned = scanMessage(canonicalize((this.#unread as Unread).text));
    if (!scanned) throw new Error("a parser made an object of what is none");
    this.#scanned = scanned;
    return scanned;
  }
}

function isCredential(name: MemberName): name is keyof Credentials {
  return (credentialNames as readonly string[]).includes(name);
}

/**
 * Takes a message apart. Never throws: what is no message is a refusal.
 *
 * @param parsed what `decodeMessage` made of the same bytes, where somebody has asked it. Then a text that is not
 *   canonical is rewritten only when what was signed is asked for, which is no stranger's to bring about
 */
export function readParts(message: SignedInput, parsed?: object): MessageParts | Refusal {
  if (message instanceof MessageParts) return message;
  const text = toText(message);
  if (typeof text !== "string") return text;
  const canonical = scanMessage(text);
  if (canonical) return new MessageParts(canonical);
  if (parsed) return new MessageParts({ text, credentials: credentialsOf(parsed) });
  let rewritten: string;
  try {
    rewritten = canonicalize(text);
  } catch (error) {
    return refuse("not-json", wordsOf(error).replace(/^not JSON: /, ""));
  }
  const scanned = scanMessage(rewritten);
  return scanned ? new MessageParts(scanned) : refuse("not-an-object", `found ${clip(rewritten.slice(0, 40))}`);
}

/** As far as they are texts they are spelt as in the canonical text; whatever else they are is refused for that. */
function credentialsOf(parsed: object): Credentials {
  const credentials: { -readonly [Name in keyof Credentials]: string } = {};
  for (const name of credentialNames) {
    if (!Object.hasOwn(parsed, name)) continue;
    const value = (parsed as Record<string, unknown>)[name];
    credentials[name] = typeof value === "string" ? quoteBase64(value) : "null";
  }
  return credentials;
}

/** What `quote` gives, in a third of the time for what credentials mostly are. */
function quoteBase64(text: string): string {
  return base64Lines.test(text) ? `"${text.replaceAll("\n", "\\n")}"` : quote(text);
}

const base64Lines = /^[A-Za-z0-9+/=\n]*$/;

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
