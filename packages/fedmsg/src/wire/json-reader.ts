/**
 * A JSON reader that loses nothing.
 *
 * `JSON.parse` gives back values without their spelling: `1.0` becomes `1`, big integers are rounded, `NaN` is refused.
 * This one reads exactly what Python's `json.loads` reads and hands every token to a {@link Builder}, which makes of it
 * what it needs: values, or the canonical text. Where Python raises, it throws FEDMSG_DECODE with line and column.
 *
 * As in Python: `NaN`, `Infinity` and `-Infinity` are read; the last of duplicate keys wins; lone surrogate escapes stay;
 * control characters inside strings, a byte order mark, a number such as `+1`, `.5` or `5.` and an integer of more than
 * 4300 digits are errors. Nesting is bounded, as Python's recursion limit bounds it.
 */

import { FedmsgError } from "../errors.ts";
import { intDigitsMax } from "./number.ts";

/**
 * How deep arrays and objects may be nested. Python's own reader gives up just below 1,000, so no message that Python
 * could read is refused.
 */
export const nestingDepthMax = 1000;

/** Makes values of type `T` from the tokens that a {@link readJson} meets, innermost first. */
export interface Builder<T> {
  /** Keys in the order of the text, duplicates included; `values[n]` belongs to `keys[n]`. */
  object(keys: string[], values: T[]): T;
  array(values: T[]): T;
  string(value: string): T;
  /** The token as it stands: an optional minus and digits. */
  int(token: string): T;
  /** The token as it stands: with a point, an exponent or both. */
  float(token: string): T;
  constant(name: "NaN" | "Infinity" | "-Infinity"): T;
  literal(value: true | false | null): T;
}

/** Reads one JSON text. Throws FEDMSG_DECODE where Python's `json.loads` raises. */
export function readJson<T>(text: string, builder: Builder<T>): T {
  return new Reader(text, builder).readDocument();
}

const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const stringChunk = /[^"\\\x00-\x1f]*/y;
const fourHexDigits = /^[0-9a-fA-F]{4}$/;
const escapeLetter = /^["\\/bfnrt]$/;

class Reader<T> {
  readonly #text: string;
  readonly #builder: Builder<T>;
  #at = 0;
  #depth = 0;

  constructor(text: string, builder: Builder<T>) {
    this.#text = text;
    this.#builder = builder;
  }

  readDocument(): T {
    if (this.#text.charCodeAt(0) === 0xfeff) throw this.#error("a byte order mark", "JSON without one");
    this.#skipSpace();
    const value = this.#readValue();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected("the end of the text");
    return value;
  }

  #readValue(): T {
    const unit = this.#text.charCodeAt(this.#at);
    if (unit === 0x22) return this.#builder.string(this.#readString());
    if (unit === 0x7b) return this.#readObject();
    if (unit === 0x5b) return this.#readArray();
    if (unit === 0x2d || (unit >= 0x30 && unit <= 0x39)) return this.#readNumber();
    return this.#readWord();
  }

  #readObject(): T {
    this.#enter();
    const keys: string[] = [];
    const values: T[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take(0x7d)) return this.#leave(this.#builder.object(keys, values));
    for (;;) {
      if (this.#text.charCodeAt(this.#at) !== 0x22) throw this.#unexpected("a key in double quotation marks");
      keys.push(this.#readString());
      this.#skipSpace();
      if (!this.#take(0x3a)) throw this.#unexpected("':'");
      this.#skipSpace();
      values.push(this.#readValue());
      this.#skipSpace();
      if (this.#take(0x7d)) return this.#leave(this.#builder.object(keys, values));
      if (!this.#take(0x2c)) throw this.#unexpected("',' or '}'");
      this.#skipSpace();
    }
  }

  #readArray(): T {
    this.#enter();
    const values: T[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take(0x5d)) return this.#leave(this.#builder.array(values));
    for (;;) {
      values.push(this.#readValue());
      this.#skipSpace();
      if (this.#take(0x5d)) return this.#leave(this.#builder.array(values));
      if (!this.#take(0x2c)) throw this.#unexpected("',' or ']'");
      this.#skipSpace();
    }
  }

  #readString(): string {
    const start = ++this.#at;
    this.#skipChunk();
    if (this.#take(0x22)) return this.#text.slice(start, this.#at - 1);
    while (!this.#take(0x22)) {
      if (this.#text.charCodeAt(this.#at) !== 0x5c) {
        throw this.#unexpected("the end of the string (control characters must be escaped)");
      }
      this.#skipEscape();
      this.#skipChunk();
    }
    // It is known to be right by now. Put together here, a long one would take ten times the time and the memory.
    return JSON.parse(this.#text.slice(start - 1, this.#at)) as string;
  }

  #skipEscape(): void {
    const letter = this.#text[this.#at + 1] ?? "";
    if (letter === "u") {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!fourHexDigits.test(digits)) throw this.#unexpected("\\u and four hexadecimal digits");
      this.#at += 6;
    } else if (escapeLetter.test(letter)) {
      this.#at += 2;
    } else throw this.#unexpected('one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u');
  }

  #readNumber(): T {
    number.lastIndex = this.#at;
    const match = number.exec(this.#text);
    if (!match) {
      if (this.#takeWord("-Infinity")) return this.#builder.constant("-Infinity");
      throw this.#unexpected("a number");
    }
    const token = match[0];
    if (match[1] !== undefined || match[2] !== undefined) {
      this.#at += token.length;
      return this.#builder.float(token);
    }
    const digits = token.length - (token[0] === "-" ? 1 : 0);
    if (digits > intDigitsMax) throw this.#error(`an integer of ${digits} digits`, `at most ${intDigitsMax}`);
    this.#at += token.length;
    return this.#builder.int(token);
  }

  #readWord(): T {
    if (this.#takeWord("true")) return this.#builder.literal(true);
    if (this.#takeWord("false")) return this.#builder.literal(false);
    if (this.#takeWord("null")) return this.#builder.literal(null);
    if (this.#takeWord("NaN")) return this.#builder.constant("NaN");
    if (this.#takeWord("Infinity")) return this.#builder.constant("Infinity");
    throw this.#unexpected("a value");
  }

  #skipSpace(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #skipChunk(): void {
    stringChunk.lastIndex = this.#at;
    stringChunk.test(this.#text);
    this.#at = stringChunk.lastIndex;
  }

  #take(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false;
    this.#at++;
    return true;
  }

  #takeWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #enter(): void {
    if (++this.#depth > nestingDepthMax) throw this.#error("deeper nesting", `at most ${nestingDepthMax} levels`);
  }

  #leave(value: T): T {
    this.#depth--;
    return value;
  }

  #unexpected(wanted: string): FedmsgError {
    const found = this.#text[this.#at];
    return this.#error(found === undefined ? "the end of the text" : JSON.stringify(found), wanted);
  }

  #error(found: string, wanted: string): FedmsgError {
    let line = 1;
    let lineAt = 0;
    for (let at = this.#text.indexOf("\n"); at >= 0 && at < this.#at; at = this.#text.indexOf("\n", lineAt)) {
      line++;
      lineAt = at + 1;
    }
    const where = `line ${line}, column ${this.#at - lineAt + 1}`;
    return new FedmsgError("FEDMSG_DECODE", `not JSON: ${where}: found ${found}, expected ${wanted}`);
  }
}
