import type { Config } from "fedmsg/config";
import type { Log } from "./log.ts";

/** One flag of a command. */
export interface OptionDefinition {
  /** As it is written on the command line: `--limit <n>`; without a value it is a switch. */
  readonly flags: string;
  readonly description: string;
  readonly default?: string | boolean;
  /** Turns the text into a value; throws an `Error` that says what is wanted. */
  readonly parse?: (text: string) => unknown;
  /** The key of the configuration that the flag sets, where it sets one. */
  readonly key?: string;
}

/** What a command is given to run with. */
export interface CommandContext {
  /** The flags, named in camel case: `--really-pretty` is `reallyPretty`. Absent ones without a default are missing. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The configuration, flags included. */
  readonly config: Config;
  /** Writes to stderr, so that stdout holds results only. */
  readonly log: Log;
  /** Fires at the first SIGINT or SIGTERM: finish what was begun, then return. */
  readonly signal: AbortSignal;
}

/** A command: what it is called, its flags, and what it does. */
export interface CommandDefinition {
  readonly name: string;
  /** What it is for, in one or two sentences. */
  readonly description: string;
  readonly options: readonly OptionDefinition[];
  /** Command lines that work as they stand, each with what it does. */
  readonly examples: readonly (readonly [commandLine: string, effect: string])[];
  /** Does the work, for which it loads what it needs only now: `--help` shall not wait. Resolves to the exit code, 0 if to nothing. */
  run(context: CommandContext): Promise<number | undefined>;
}

/** Parses a flag's value as a number of at least `least`. */
export function atLeast(least: number, whole: "whole" | "any" = "any"): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    const fits = Number.isFinite(value) && value >= least && (whole === "any" || Number.isInteger(value));
    if (!fits) throw new Error(`expected a ${whole === "whole" ? "whole " : ""}number of at least ${least}`);
    return value;
  };
}
