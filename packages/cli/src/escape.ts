/**
 * Makes text from the bus harmless on a terminal: control characters, with which a message could move the cursor or
 * change the window's title, are written as escapes; so are the marks that reverse the direction of text. Line feeds
 * and tabs stay.
 */
export function escapeControls(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** As {@link escapeControls}, for text that must stay one line: a message cannot make up lines of its own. */
export function escapeLine(text: string): string {
  return escapeControls(text).replaceAll("\n", "\\n");
}
