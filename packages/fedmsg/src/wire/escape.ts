/**
 * Text that others wrote, made harmless for a terminal and a log: control characters, with which a message could move the
 * cursor, change the window's title or make up lines of its own, are written as escapes; so are the marks that reverse the
 * direction of text.
 */

const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Escapes them: `\x1b`, `\u202e`. Line feeds and tabs stay. */
export function escapeControls(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** As {@link escapeControls}, for text that must stay one line. Tabs stay. */
export function escapeLine(text: string): string {
  return escapeControls(text).replaceAll("\n", "\\n");
}

/** A text as one line without tabs. Of a longer one the first `lengthMax` characters, counted before they are escaped, and `…`. */
export function toLine(text: string, lengthMax: number): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
  return escapeLine(cut).replaceAll("\t", "\\x09");
}
