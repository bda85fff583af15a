/**
 * How much work and memory a Python file may cost. A file of the current folder may be anybody's, and a few characters of
 * Python can ask for any amount of both: `"a" * 10**9`, `9**9**9`, or two nested loops. So every step of the evaluation,
 * and every item and character that an operation copies, is taken from one budget.
 */

import { Trouble } from "./trouble.ts";

/** The longest file, in UTF-16 units. The parser needs up to 3 seconds for a million of them. */
export const sourceCharsMax = 512 * 1024;

/** How deep the syntax tree may be. From a depth of about 1,300 on, the parser flattens it without a word. */
export const treeDepthMax = 500;

/** How deep brackets may be nested; Python itself has a limit of 200. */
export const bracketsMax = 150;

/** Steps of the evaluation: one for each expression, and for each item that is copied or looked at. */
export const stepsMax = 1_000_000;

/** The longest text that may be made, in UTF-16 units. */
export const textCharsMax = 1_000_000;

/** All texts of the result together, in UTF-16 units, each use of a shared one counted. */
export const resultCharsMax = 8 * 1024 * 1024;

/** The longest list, tuple, set or dict. */
export const itemsMax = 1_000_000;

/** The longest integer, in decimal digits. */
export const integerDigitsMax = 1000;

/** How deep lists and dicts may be nested where they are compared, shown or used as a key. */
export const valueDepthMax = 100;

/** The longest key of a dict, and the longest text in a set, in UTF-16 units. */
export const keyCharsMax = 4096;

/** How many problems of a file are told. */
export const problemsMax = 20;

/** How much of the source a problem quotes, in characters. */
export const quoteCharsMax = 60;

/** Characters that are copied for the price of one step. */
const charsPerStep = 64;

const integerMax = 10n ** BigInt(integerDigitsMax);

/** Counts the steps of one file. */
export class Budget {
  #left = stepsMax;

  /** @throws Trouble `steps`, which ends the reading */
  spend(steps = 1): void {
    this.#left -= steps;
    // Not `< 0`: whatever is not a number must end the reading too.
    if (!(this.#left >= 0)) throw new Trouble("steps");
  }

  /** To be called before a text of this length is made. */
  text(length: number): void {
    boundText(length);
    this.spend(Math.ceil(length / charsPerStep));
  }

  /** To be called before a list or dict of this length is made or walked. */
  items(length: number): void {
    if (length > itemsMax) throw new Trouble("items");
    this.spend(length);
  }
}

/** Checks the size of an integer that was made. */
export function boundInteger(value: bigint): bigint {
  if (value >= integerMax || value <= -integerMax) throw new Trouble("integer");
  return value;
}

/** Checks the length of a text that is about to be made, and whose parts are paid already. */
export function boundText(length: number): void {
  if (length > textCharsMax) throw new Trouble("text");
}
