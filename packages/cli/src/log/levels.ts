/** Levels, as Python's `logging` has them: numbers, of which some have names. */

/** Our levels, with Python's numbers. */
export const levels = { debug: 10, info: 20, warn: 30, error: 40 } as const;

/** One of our levels. */
export type Level = keyof typeof levels;

/** What Python calls our levels, for `%(levelname)s`. */
export const pythonNames: Readonly<Record<Level, string>> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARNING",
  error: "ERROR",
};

const numbers: Readonly<Record<string, number>> = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  WARNING: 30,
  ERROR: 40,
  FATAL: 50,
  CRITICAL: 50,
};

/** Parses a level: a name in any case, or a number of 0 or more. 0 is "not set". @returns nothing for anything else */
export function parseLevel(value: unknown): number | undefined {
  if (typeof value === "string") {
    const text = value.trim().toUpperCase();
    return Object.hasOwn(numbers, text) ? numbers[text] : /^\d+$/.test(text) ? Number(text) : undefined;
  }
  return Number.isFinite(value) && (value as number) >= 0 ? (value as number) : undefined;
}
