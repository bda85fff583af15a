/** What there is to complete, for any shell: made from the definitions of the commands, and plain data from there on. */

import { readFile } from "node:fs/promises";
import { Option } from "commander";
import type { ArgumentDefinition, CommandDefinition, OptionDefinition } from "fedmsg/command";
import type { CommandTable } from "../command-entry.ts";
import { commonOptions } from "../common-options.ts";
import type { OwnCommands } from "../own-commands.ts";

/** What may stand somewhere: one of some words, the path of a file or folder, or anything. */
export interface Value {
  readonly kind: "words" | "files" | "folders" | "text";
  /** Of the kind `words`; empty for the others. */
  readonly words: readonly string[];
  /** What it is called: `path`. */
  readonly name: string;
}

/** One flag. */
export interface Flag {
  /** `-h` and `--help`, the short one first. */
  readonly names: readonly string[];
  readonly description: string;
  /** Absent for a switch. */
  readonly value?: Value;
  /** Whether the value may be left out. */
  readonly isOptional: boolean;
}

/** What stands without a flag before it. */
export interface Place extends Value {
  /** Whether any number of them may follow. */
  readonly isVariadic: boolean;
}

/** One command, its flags without the common ones. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly places: readonly Place[];
}

/** Everything that a shell has to know. */
export interface CompletionModel {
  readonly commands: readonly CompletedCommand[];
  /** The flags of every command. */
  readonly commonFlags: readonly Flag[];
  /** Programs that stand for `fedmsg` and a command: `fedmsg-tail` for `tail`. */
  readonly aliases: readonly { readonly program: string; readonly command: string }[];
}

/** Collects all commands, for which it loads each one's definition. */
export async function completionModel(table: CommandTable, own: OwnCommands): Promise<CompletionModel> {
  const builtIn = await Promise.all(
    Object.values(table).map(async ({ summary, load }) => toCommand(await load(), summary)),
  );
  const others = [...own.commands.values()].map(({ definition }) => toCommand(definition, definition.description));
  const help: Flag = { names: ["-h", "--help"], description: "print this help, and exit", isOptional: false };
  return {
    commands: [...builtIn, ...others],
    commonFlags: [help, ...commonOptions.map(toFlag)],
    aliases: await listAliases(table),
  };
}

/** The first words of commands, or those that may follow one, each with what it means. */
export function nextWords(commands: readonly CompletedCommand[], before = ""): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, summary } of commands) {
    const [first = "", second] = name.split(" ");
    const word = before === "" ? first : first === before && second;
    // What a word means alone counts before what it means with another one behind it.
    if (word && (before !== "" || second === undefined || !found.has(word))) found.set(word, summary);
  }
  return found;
}

/** The first words that others may follow. */
export function wordsWithNext(commands: readonly CompletedCommand[]): readonly string[] {
  return [...new Set(commands.flatMap(({ name }) => (name.includes(" ") ? [name.split(" ")[0] as string] : [])))];
}

async function listAliases(table: CommandTable): Promise<CompletionModel["aliases"]> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const { bin } = JSON.parse(text) as { bin: Record<string, string> };
  const names = new Map(Object.keys(table).map((name) => [`fedmsg-${name.replaceAll(" ", "-")}`, name]));
  return Object.keys(bin).flatMap((program) => {
    const command = names.get(program);
    return command === undefined ? [] : [{ program, command }];
  });
}

function toCommand({ name, options = [], arguments: args = [] }: CommandDefinition, summary: string): CompletedCommand {
  return { name, summary: oneLine(summary), flags: options.map(toFlag), places: args.map(toPlace) };
}

function toFlag({ flags, description, choices }: OptionDefinition): Flag {
  const { short, long, required, optional } = new Option(flags);
  const names = [short, long].filter((name) => name !== undefined);
  const value = /[<[]([^>\]]+)/.exec(flags)?.[1];
  return {
    names,
    description: oneLine(description),
    ...((required || optional) && value !== undefined && { value: toValue(value, choices) }),
    isOptional: optional,
  };
}

function toPlace({ syntax, choices }: ArgumentDefinition): Place {
  const name = syntax.slice(1, -1);
  return { ...toValue(name.replace(/\.\.\.$/, ""), choices), isVariadic: name.endsWith("...") };
}

function toValue(name: string, choices: readonly string[] | undefined): Value {
  if (choices) return { kind: "words", words: choices, name };
  if (/^(?:path|file|filename)s?$/.test(name)) return { kind: "files", words: [], name };
  if (/^(?:folder|directory|dir)$/.test(name)) return { kind: "folders", words: [], name };
  return { kind: "text", words: [], name };
}

/** Descriptions of one's own commands may hold anything; a menu has one line for each. */
function oneLine(text: string): string {
  return text.replace(/[\s\x00-\x1f\x7f-\x9f]+/g, " ").trim();
}
