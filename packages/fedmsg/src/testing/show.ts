/** Texts for error messages: bounded, in one line, and without anything that a terminal would obey. */

import { inspect } from "node:util";

/** Control characters, and marks that reverse the direction of text. */
const unprintable = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A text as one line of at most so many characters. */
export function toLine(text: string, lengthMax = 300): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
  return cut.replace(unprintable, (character) => {
    const code = character.charCodeAt(0);
    if (character === "\n") return "\\n";
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** A value in one short line. Never throws, whatever it is. */
export function show(value: unknown, lengthMax = 300): string {
  const bounds = { depth: 4, maxArrayLength: 20, maxStringLength: 200, customInspect: false } as const;
  try {
    return toLine(inspect(value, { ...bounds, breakLength: Number.POSITIVE_INFINITY, compact: true }), lengthMax);
  } catch {
    return "something that cannot be shown";
  }
}

/** What was thrown, in one line. Never throws itself. */
export function describeThrown(thrown: unknown): string {
  try {
    return thrown instanceof Error ? toLine(String(thrown.message)) : show(thrown);
  } catch {
    return "something that cannot be described";
  }
}
