/**
 * The shape of a command: those of `fedmsg` itself, and one's own in modules that the configuration lists under
 * `commands`. A command is plain data and one function; flags, configuration, log and signals are done for it.
 */

import type { Config } from "../config/index.ts";

/** Where a command writes what it has to say about itself; its results go to stdout. */
export interface Log {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** One flag of a command. */
export interface OptionDefinition {
  /** As it is written on the command line: `--limit <n>`; without a value it is a switch. */
  readonly flags: string;
  readonly description: string;
  /** Its value where it is not given, as it is: `parse` does not see it. */
  readonly default?: string | number | boolean;
  /** Turns the text into a value; throws an `Error` that says what is wanted. */
  readonly parse?: (text: string) => unknown;
  /** The words that it takes, where there are only some. */
  readonly choices?: readonly string[];
  /** The key of the configuration that the flag sets, where it sets one. */
  readonly key?: string;
}

/** What a command takes without a flag before it, by its place. */
export interface ArgumentDefinition {
  /** `<file>` where it is needed, `[file]` where it is not, `<files...>` and `[files...]` for any number. */
  readonly syntax: string;
  readonly description: string;
  /** The words that it takes, where there are only some. */
  readonly choices?: readonly string[];
}

/** What a command is given to run with. */
export interface CommandContext {
  /** The flags, named in camel case: `--really-pretty` is `reallyPretty`. Absent ones without a default are missing. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What stood without a flag, in its order; that of `<files...>` follows as it came. */
  readonly arguments: readonly string[];
  /** The configuration, flags included. */
  readonly config: Config;
  /** Writes where `logging` says, on stderr unless told; stdout holds results only. */
  readonly log: Log;
  /** Fires at the first SIGINT or SIGTERM: finish what was begun, then return. */
  readonly signal: AbortSignal;
}

/** A command: what it is called, its flags, and what it does. */
export interface CommandDefinition {
  /** Words of small letters, digits and hyphens, with one space between them: `tail`, `config check`. */
  readonly name: string;
  /** What it is for, in one or two sentences. */
  readonly description: string;
  readonly options?: readonly OptionDefinition[];
  readonly arguments?: readonly ArgumentDefinition[];
  /** Command lines that work as they stand, each with what it does. */
  readonly examples?: readonly (readonly [commandLine: string, effect: string])[];
  /**
   * Does the work, for which it loads what it needs only now: `--help` shall not wait. Resolves to the exit code, 0 if
   * to nothing. A `FedmsgError` thrown ends the command with its message and exit code 1.
   */
  run(context: CommandContext): Promise<number | undefined> | Promise<void>;
}

/**
 * Defines a command: the default export of a module that the configuration lists under `commands`.
 *
 * @example
 * ```ts
 * export default defineCommand({
 *   name: "hello",
 *   description: "Says hello on the bus.",
 *   options: [{ flags: "--name <name>", description: "to whom", default: "world" }],
 *   async run({ options, config, log }) {
 *     log.info(`hello ${options.name}, from ${config.environment}`);
 *   },
 * });
 * ```
 */
export function defineCommand(definition: CommandDefinition): CommandDefinition {
  return definition;
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
