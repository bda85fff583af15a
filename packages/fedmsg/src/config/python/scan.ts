/**
 * A first look at the source, character by character: what must be known before the parser may see it. Whoever reads
 * this: a text in quotes may hold brackets and numbers, so texts and comments are passed over.
 */

/** What {@link scanSource} finds. */
export interface Scanned {
  /** Where the first bracket stands that is nested deeper than allowed. */
  readonly deepest: number | undefined;
  /** The source with its numbers as the parser knows them: without the `L` of Python 2's `10L`, `1.0` for `1.`. */
  readonly parsable: string;
}

/** A number that ends in `L`, or in a point with no digit after it. */
const unusual = /(?:0[xX][\da-fA-F_]+|0[bBoO][\d_]+|\d[\d_]*)(?:[lL](?!\w)|\.(?=[eE][-+]?\d|[jJ](?!\w))|\.(?![\w.]))/y;

/** Looks through the source. */
export function scanSource(source: string, depthMax: number): Scanned {
  const parts: string[] = [];
  let [copied, depth] = [0, 0];
  for (let at = 0; at < source.length; ) {
    const char = source[at]!;
    if (char === "#") at = endOfLine(source, at);
    else if (char === '"' || char === "'") at = endOfText(source, at);
    else if (isDigit(char) && !isWord(source[at - 1])) {
      unusual.lastIndex = at;
      const found = unusual.exec(source);
      at += found?.[0].length ?? 1;
      if (!found) continue;
      // Of the same length, so that all places stay.
      parts.push(source.slice(copied, at - 1), source[at - 1] === "." ? "0" : " ");
      copied = at;
    } else {
      if ("([{".includes(char) && ++depth > depthMax) return { deepest: at, parsable: source };
      if (")]}".includes(char)) depth = Math.max(0, depth - 1);
      at++;
    }
  }
  return { deepest: undefined, parsable: parts.join("") + source.slice(copied) };
}

function endOfLine(source: string, from: number): number {
  const end = source.indexOf("\n", from);
  return end < 0 ? source.length : end;
}

/** Where a text ends that begins here: after its quotes, or where one that lacks them has to end. */
function endOfText(source: string, from: number): number {
  const quote = source[from]!;
  const isTriple = source.startsWith(quote.repeat(3), from);
  for (let at = from + (isTriple ? 3 : 1); at < source.length; at++) {
    const char = source[at];
    if (char === "\\") at++;
    else if (isTriple ? source.startsWith(quote.repeat(3), at) : char === quote) return at + (isTriple ? 3 : 1);
    else if (char === "\n" && !isTriple) return at;
  }
  return source.length;
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}

function isWord(char: string | undefined): boolean {
  return char !== undefined && /[\w.]/.test(char);
}
