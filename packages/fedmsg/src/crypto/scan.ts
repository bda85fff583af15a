/**
 * Takes a signed message apart without parsing it.
 *
 * ```
 * {"certificate":"LS0t…","crypto":"x509","i":1,"msg":{…},…,"signature":"Y29…","timestamp":1,"topic":"a.b"}
 *  └────── cut ───────┘                                   └───── cut ─────┘
 * {"crypto":"x509","i":1,"msg":{…},…,"timestamp":1,"topic":"a.b"}            ← what was signed
 * ```
 *
 * The scanner takes a text only where it is canonical: keys in order (so none is there twice), no space, escapes and
 * numbers spelled as Python spells them. Then what remains is exactly what Python would hash, and the members found are
 * those that any parser finds. Anything else is for `canonicalize`, whose result always passes here. So a message costs
 * one verification, whether it holds or not, and an answer never depends on how a relay spaced the text.
 *
 * Rejected: to hash whatever arrived, and the canonical text only when that fails. A forged message would cost two
 * verifications, and a text that a signer signed uncanonically would hold here and nowhere else. Also rejected: to look
 * for `"signature":` as a substring, which finds the one inside `msg`.
 *
 * What is cut is only skipped: it is not signed, so its spelling is of no matter. Whoever uses a token parses it.
 */

import { nestingDepthMax } from "../wire/json-reader.ts";
import { formatFloat, intDigitsMax } from "../wire/number.ts";
import { compareCodePoints } from "../wire/text.ts";

/** The members of a message that somebody asks for. */
export type MemberName = "certificate" | "crypto" | "msg_id" | "signature" | "timestamp" | "topic";

/** A message taken apart. The texts are slices: they keep the whole message in memory. */
export interface Scanned {
  /** The canonical text of everything but the top-level members `certificate` and `signature`. ASCII. */
  readonly signed: string;
  /** The JSON text of a member, absent where the message has none of that name. */
  readonly tokens: { readonly [Name in MemberName]?: string };
}

/** Takes a message apart, if it is an object and canonical but for the two members to be cut. Never throws. */
export function scanMessage(text: string): Scanned | undefined {
  return new Scanner(text).scanMessage();
}

const names: ReadonlySet<string> = new Set<MemberName>([
  "certificate",
  "crypto",
  "msg_id",
  "signature",
  "timestamp",
  "topic",
]);
const floatToken = /-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;

class Scanner {
  readonly #text: string;
  #at = 0;
  /** Whether the last key was written with escapes. */
  #escaped = false;

  constructor(text: string) {
    this.#text = text;
  }

  scanMessage(): Scanned | undefined {
    const tokens: { [Name in MemberName]?: string } = {};
    const kept: string[] = [];
    let from = 1;
    const read = (key: string, start: number): boolean => {
      const valueAt = this.#at;
      const isCut = key === "certificate" || key === "signature";
      if (!(isCut ? this.#skipValue() : this.#value(1))) return false;
      if (names.has(key)) tokens[key as MemberName] = this.#text.slice(valueAt, this.#at);
      if (isCut) {
        if (start > from) kept.push(this.#text.slice(from, start - 1));
        from = this.#at + 1;
      }
      return true;
    };
    if (this.#text.charCodeAt(0) !== 0x7b || !this.#members(read) || this.#at < this.#text.length) return undefined;
    if (this.#at > from + 1) kept.push(this.#text.slice(from, this.#at - 1));
    return { signed: `{${kept.join(",")}}`, tokens };
  }

  /** Passes over an object, in which keys must ascend. `read` takes each value. */
  #members(read: (key: string, start: number) => boolean): boolean {
    this.#at++;
    if (this.#take(0x7d)) return true;
    let previous: string | undefined;
    for (;;) {
      const start = this.#at;
      const key = this.#key();
      if (key === undefined || (previous !== undefined && !this.#ascends(previous, key))) return false;
      previous = key;
      if (!this.#take(0x3a) || !read(key, start)) return false;
      if (this.#take(0x7d)) return true;
      if (!this.#take(0x2c)) return false;
    }
  }

  #key(): string | undefined {
    const start = this.#at;
    if (this.#text.charCodeAt(start) !== 0x22 || !this.#string()) return undefined;
    const key = this.#text.slice(start + 1, this.#at - 1);
    this.#escaped = key.includes("\\");
    return this.#escaped ? (JSON.parse(`"${key}"`) as string) : key;
  }

  /** Whether a key comes behind the one before it. Only keys with escapes can hold a surrogate, which `<` misjudges. */
  #ascends(previous: string, key: string): boolean {
    return this.#escaped ? compareCodePoints(previous, key) < 0 : previous < key;
  }

  #value(depth: number): boolean {
    const unit = this.#text.charCodeAt(this.#at);
    if (unit === 0x22) return this.#string();
    if (unit === 0x7b) return depth < nestingDepthMax && this.#members(() => this.#value(depth + 1));
    if (unit === 0x5b) return depth < nestingDepthMax && this.#array(depth);
    if (unit === 0x2d || (unit >= 0x30 && unit <= 0x39)) return this.#number();
    return (
      this.#word("true") || this.#word("false") || this.#word("null") || this.#word("NaN") || this.#word("Infinity")
    );
  }

  /** Passes over a value that will be cut: a string whatever is in it, anything else only if it is canonical. */
  #skipValue(): boolean {
    if (this.#text.charCodeAt(this.#at) !== 0x22) return this.#value(1);
    for (let end = this.#text.indexOf('"', this.#at + 1); end >= 0; end = this.#text.indexOf('"', end + 1)) {
      let slashes = 0;
      while (this.#text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
      this.#at = end + 1;
      if (slashes % 2 === 0) return true;
    }
    return false;
  }

  #array(depth: number): boolean {
    this.#at++;
    if (this.#take(0x5d)) return true;
    for (;;) {
      if (!this.#value(depth + 1)) return false;
      if (this.#take(0x5d)) return true;
      if (!this.#take(0x2c)) return false;
    }
  }

  #string(): boolean {
    const text = this.#text;
    for (let at = this.#at + 1; ; at++) {
      const unit = text.charCodeAt(at);
      if (unit === 0x22) {
        this.#at = at + 1;
        return true;
      }
      if (unit === 0x5c) {
        this.#at = at;
        if (!this.#escape()) return false;
        at = this.#at - 1;
      } else if (!(unit >= 0x20 && unit <= 0x7e)) return false;
    }
  }

  /** Passes over an escape as `quote` writes it: the short one where there is one, else four lower-case digits. */
  #escape(): boolean {
    const letter = this.#text[this.#at + 1] ?? "";
    if (letter !== "u") {
      this.#at += 2;
      return letter !== "" && '"\\bfnrt'.includes(letter);
    }
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    this.#at += 6;
    return (
      /^(?:000[0-7be-f]|001[0-9a-f]|007f|00[89a-f].|0[1-9a-f]..|[1-9a-f]...)$/.test(digits) &&
      /^[0-9a-f]{4}$/.test(digits)
    );
  }

  #number(): boolean {
    const start = this.#at;
    const negative = this.#take(0x2d);
    const first = this.#text.charCodeAt(this.#at);
    if (negative && first === 0x49) return this.#word("Infinity");
    const digitsAt = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
    const digits = this.#at - digitsAt;
    const next = this.#text.charCodeAt(this.#at);
    if (next === 0x2e || next === 0x65 || next === 0x45) return this.#float(start);
    // `-0` is an int to Python, and written `0`.
    return first === 0x30 ? digits === 1 && !negative : digits > 0 && digits <= intDigitsMax;
  }

  #float(start: number): boolean {
    floatToken.lastIndex = start;
    const token = floatToken.exec(this.#text)?.[0];
    if (token === undefined || formatFloat(Number(token)) !== token) return false;
    this.#at = start + token.length;
    return true;
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #take(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false;
    this.#at++;
    return true;
  }
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}
