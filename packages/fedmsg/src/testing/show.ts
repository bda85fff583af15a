/** Values for error messages: bounded, in one line, and without anything that a terminal would obey. */

import { inspect } from "node:util";
import { toLine } from "../wire/escape.ts";

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
    return thrown instanceof Error ? toLine(String(thrown.message), 300) : show(thrown);
  } catch {
    return "something that cannot be described";
  }
}
