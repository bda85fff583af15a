/** The flags that set keys of the configuration, for every command and for programs that give their `argv` to `loadConfig`. */

import { parseArgs } from "node:util";
import { FedmsgError } from "../errors.ts";
import { nearest } from "./nearest.ts";
import type { ConfigName } from "./schema.ts";

/** One flag, as `fedmsg/commands/__init__.py` and `fedmsg/config.py` have it. */
export interface ConfigFlag {
  /** Without the hyphens: `topic-prefix`. */
  readonly name: string;
  /** What its value is called in a help text; absent for a switch. */
  readonly value?: string;
  /** What kind of number it takes, where it takes one; 0 or more in any case. */
  readonly number?: "whole" | "any";
  readonly description: string;
  /** The key that it sets; absent for the one that names the file to read. */
  readonly key?: ConfigName;
}

/** The flags of every command. Their defaults are the configuration's. */
export const configFlags = [
  {
    name: "config-filename",
    value: "path",
    description: "read this file or folder instead of the usual places",
  },
  {
    name: "print-config",
    description: "print the configuration that results as JSON, and exit",
    key: "print_config",
  },
  { name: "topic-prefix", value: "prefix", description: "what topics begin with", key: "topic_prefix" },
  {
    name: "timeout",
    value: "seconds",
    number: "any",
    description: "how long to wait, where the command waits for something",
    key: "timeout",
  },
  {
    name: "high-water-mark",
    value: "messages",
    number: "whole",
    description: "messages queued for each peer before it counts as full; 0 means no limit but the one in bytes",
    key: "high_water_mark",
  },
  {
    name: "linger",
    value: "ms",
    number: "whole",
    description: "how long messages may take to leave when a socket is closed",
    key: "zmq_linger",
  },
  {
    name: "post-init-sleep",
    value: "seconds",
    number: "any",
    description: "how long a publisher keeps its first messages for subscribers that are just connecting",
    key: "post_init_sleep",
  },
  {
    name: "io-threads",
    value: "n",
    number: "whole",
    description: "threads that carry the data, where the transport has any",
    key: "io_threads",
  },
] as const satisfies readonly ConfigFlag[];

/** What a command line says about the configuration. */
export interface FlagValues {
  /** The file or folder that `--config-filename` names. */
  readonly file?: string;
  /** Keys and their values, as texts where the flag takes one. */
  readonly overrides: Readonly<Record<string, string | boolean>>;
}

/**
 * Reads the flags of a command line that has no others.
 *
 * @param argv without the program's own name: `process.argv.slice(2)`
 * @throws FedmsgError FEDMSG_CONFIG_INVALID for anything else
 */
export function readFlags(argv: readonly string[]): FlagValues {
  const flags: readonly ConfigFlag[] = configFlags;
  const options = Object.fromEntries(
    flags.map(({ name, value }) => [name, { type: value === undefined ? ("boolean" as const) : ("string" as const) }]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const overrides: Record<string, string | boolean> = {};
  let file: string | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    const flag = token.kind === "option" ? flags.find(({ name }) => name === token.name) : undefined;
    if (token.kind === "positional" || !flag) throw unknownFlag(argv[token.index] as string);
    if (flag.value !== undefined && token.value === undefined) throw misused(flag, "needs a value");
    if (flag.value === undefined && token.value !== undefined) throw misused(flag, "takes no value");
    if (flag.key !== undefined) overrides[flag.key] = token.value ?? true;
    else file = token.value;
  }
  return { ...(file !== undefined && { file }), overrides };
}

function unknownFlag(word: string): FedmsgError {
  const meant = nearest(
    word,
    configFlags.map(({ name }) => `--${name}`),
  );
  const hint = meant ? `did you mean ${meant}?` : "give loadConfig only the flags that are its own";
  return new FedmsgError(
    "FEDMSG_CONFIG_INVALID",
    `option: ${JSON.stringify(word)} is no flag of the configuration; ${hint}`,
  );
}

function misused({ name, value }: ConfigFlag, what: string): FedmsgError {
  return new FedmsgError("FEDMSG_CONFIG_INVALID", `option: --${name} ${what}${value ? `: --${name} <${value}>` : ""}`);
}
