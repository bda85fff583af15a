/** Texts that others wrote, made fit for a line of a log: what a plugin throws, topics, values that were found. */

import { inspect } from "node:util";
import { FedmsgError, type FedmsgErrorCode } from "fedmsg";
import { toLine } from "fedmsg/plugin";

/** The first place in a stack that is a file. */
const placeForm = /\n\s+at [^\n]*?((?:file:\/\/)?\/[^\s()]+:\d+:\d+)/;

/** A value that was found where another was wanted, in one short line. */
export function show(value: unknown): string {
  try {
    return toLine(inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, compact: true }), 100);
  } catch {
    return "something that cannot be shown";
  }
}

/** What was thrown, in one line, with the place in the plugin where it is known. Never throws itself. */
export function describeThrown(thrown: unknown): string {
  const text = textOf(thrown, ({ name, message, stack }) => {
    if (name === "FedmsgError") return message; // It says itself what it is about.
    const place = placeForm.exec(`\n${String(stack ?? "").slice(0, 4000)}`)?.[1];
    return `${name === "Error" ? "" : `${name}: `}${String(message).slice(0, 1000)}${place ? ` (${place})` : ""}`;
  });
  return toLine(text, 1500);
}

/** What was thrown, with its stack, in at most so many characters. Never throws itself. */
export function stackOf(thrown: unknown, lengthMax: number): string {
  return textOf(thrown, ({ name, message, stack }) => String(stack || `${name}: ${message}`)).slice(0, lengthMax);
}

/** Anything can be thrown, and anything in it can throw in turn. */
function textOf(thrown: unknown, describe: (error: Error) => string): string {
  try {
    if (thrown instanceof Error) return String(describe(thrown));
    return typeof thrown === "string" ? thrown : inspect(thrown, { depth: 1 }).slice(0, 10_000);
  } catch {
    return "something was thrown that cannot be described";
  }
}

/** Whether something that was thrown is ours, with this code. It may be anything, and throw when it is looked at. */
export function hasCode(error: unknown, code: FedmsgErrorCode): boolean {
  try {
    return error instanceof FedmsgError && error.code === code;
  } catch {
    return false;
  }
}
