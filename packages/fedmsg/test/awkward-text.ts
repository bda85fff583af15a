/** Text on which UTF-16 and code points disagree, or which JSON has to escape, for property tests. */

import fc from "fast-check";

/** Halves of pairs, characters around them in one order or the other, and what JSON escapes. */
const units = [
  "\ud83d",
  "\ude00",
  "\ud834",
  "\uffff",
  "\ue000",
  "\u007f",
  "\u0000",
  "\n",
  '"',
  "\\",
  "/",
  "a",
  "\u2028",
  "é",
];

/** Texts of a few such units, in any order: pairs may come together, and halves stay alone. */
export const awkwardTexts = fc.array(fc.constantFrom(...units), { maxLength: 8 }).map((some) => some.join(""));
