/** Numbers and texts as Python writes them (The Python Language Reference, §2.4), those of Python 2 too. */

import { boundInteger, integerDigitsMax } from "./bounds.ts";
import { Trouble } from "./trouble.ts";

/** The value of a number: a `bigint` for an int, also Python 2's `0644`, and a `number` for a float. */
export function readNumber(literal: string): bigint | number {
  const digits = literal.replaceAll("_", "").toLowerCase();
  if (digits.endsWith("j")) throw new Trouble("complex");
  if (/^0[xob][\da-f]+$|^\d+$/.test(digits)) {
    if (digits.length > integerDigitsMax) throw new Trouble("integer");
    if (!/^0\d*[1-9]/.test(digits) || /^0[xob]/.test(digits)) return boundInteger(BigInt(digits));
    if (/[89]/.test(digits)) throw new Trouble("syntax", "an octal number has digits from 0 to 7");
    return BigInt(`0o${digits.slice(1)}`);
  }
  const value = Number(digits);
  if (Number.isNaN(value)) throw new Trouble("syntax", "no number that can be read");
  return value;
}

/** A text in quotes, split into what stands before, between and after them. */
export interface Quoted {
  readonly isRaw: boolean;
  readonly isBytes: boolean;
  /** How many characters stand before the text, and how many after it. */
  readonly before: number;
  readonly after: number;
}

/** Reads the prefix and the quotes of a text. */
export function readQuotes(literal: string): Quoted {
  const [start, prefix, quotes] = /^([a-zA-Z]*)("""|'''|"|')/.exec(literal) ?? [];
  if (start === undefined || quotes === undefined) throw new Trouble("syntax", "a text without quotes");
  if (literal.length < start.length + quotes.length || !literal.endsWith(quotes)) {
    throw new Trouble("syntax", "a text that does not end");
  }
  const letters = prefix!.toLowerCase();
  return {
    isRaw: letters.includes("r"),
    isBytes: letters.includes("b"),
    before: start.length,
    after: quotes.length,
  };
}

/** The value of a text in quotes. */
export function readText(literal: string): string {
  const quotes = readQuotes(literal);
  return readBetween(literal.slice(quotes.before, literal.length - quotes.after), quotes);
}

/** The value of what stands between quotes, or of a part of it. */
export function readBetween(content: string, { isRaw, isBytes }: Pick<Quoted, "isRaw" | "isBytes">): string {
  if (isBytes && /[^\x00-\x7f]/.test(content)) throw new Trouble("binary");
  if (isRaw || !content.includes("\\")) return content;
  const pattern = isBytes ? byteEscape : textEscape;
  const text = content.replace(pattern, (found) => readEscape(found, isBytes));
  if (isBytes && /[^\x00-\x7f]/.test(text)) throw new Trouble("binary");
  return text;
}

const byteEscape = /\\(?:[0-7]{1,3}|x[\da-fA-F]{0,2}|[\s\S])/gu;
const textEscape = /\\(?:[0-7]{1,3}|x[\da-fA-F]{0,2}|u[\da-fA-F]{0,4}|U[\da-fA-F]{0,8}|N(?:\{[^}]*\})?|[\s\S])/gu;

const singles = new Map(Object.entries({ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\n": "" }));

const hexLengths: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

function readEscape(written: string, isBytes: boolean): string {
  const letter = written[1]!;
  if (/[0-7]/.test(letter)) return codePoint(Number.parseInt(written.slice(1), 8), written);
  const single = singles.get(letter) ?? ("\\'\"".includes(letter) ? letter : undefined);
  if (single !== undefined) return single;
  // Python keeps the backslash of an written that it does not know.
  if (letter !== "x" && (isBytes || !"uUN".includes(letter))) return written;
  if (letter === "N") throw new Trouble("escape", `\`${written}\` names a character, and the names are not known here`);
  if (written.length !== hexLengths[letter]) throw new Trouble("escape", `\`${written}\` has too few digits`);
  return codePoint(Number.parseInt(written.slice(2), 16), written);
}

function codePoint(code: number, written: string): string {
  const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  if (!isCharacter) throw new Trouble("escape", `\`${written}\` is no character of Unicode`);
  return String.fromCodePoint(code);
}
