/** Texts as Python counts them: by characters of Unicode, where JavaScript counts UTF-16 units. */

const astral = /[\ud800-\udfff]/;

/** The characters of a text: itself where each is one unit, so that this costs nothing. */
export function characters(text: string): string | readonly string[] {
  return astral.test(text) ? [...text] : text;
}

/** How many characters a text has. */
export function lengthOf(text: string): number {
  return characters(text).length;
}

/** The characters from one place to another. */
export function sliceText(text: string, from: number, to?: number): string {
  const all = characters(text);
  return typeof all === "string" ? all.slice(from, to) : all.slice(from, to).join("");
}

/** The number of a character, for the place of a unit in the text; -1 stays. */
export function characterAt(text: string, unit: number): number {
  return unit < 0 ? unit : lengthOf(text.slice(0, unit));
}

/** What `str.strip` and `str.split` take for white space. */
export function isSpace(char: string): boolean {
  return /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/.test(char);
}
