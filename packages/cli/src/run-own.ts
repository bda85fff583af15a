/** `fedmsg NAME` where `fedmsg` itself has no such command: one's own, or a mistake. */

import { inspect } from "node:util";
import { FedmsgError } from "fedmsg";
import { escapeControls } from "fedmsg/command";
import { loadConfig, nearest } from "fedmsg/config";
import { nameSyntax } from "./check-command.ts";
import { findCommand } from "./command-entry.ts";
import { loadOwnCommands, type OwnCommand, type OwnCommands } from "./own-commands.ts";
import { runCommand } from "./program.ts";
import { builtInCommands } from "./table.ts";

/**
 * Runs the command that the words begin with. Modules are loaded only for a word that could be a command's name.
 *
 * @returns the exit code: that of the command, 1 where it cannot be looked for, 2 where there is none
 */
export async function runOwnCommand(words: readonly string[]): Promise<number> {
  const own = nameSyntax.test(words[0] ?? "") ? await findOwnCommands(words) : nothing;
  for (const text of own.warnings) tell(`warning: ${text}`);
  const name = findCommand(words, (known) => own.commands.has(known));
  if (name === undefined) return refuse(words[0] ?? "", own);
  for (const { message } of own.failures) tell(`warning: ${message}`);
  return runOne(own.commands.get(name) as OwnCommand, words.slice(name.split(" ").length));
}

const nothing: OwnCommands = { commands: new Map(), failures: [], warnings: [] };

async function findOwnCommands(words: readonly string[]): Promise<OwnCommands> {
  const named = namedConfig(words);
  try {
    const config = await loadConfig({ defaults: false, ...(named !== undefined && { files: [named] }) });
    return await loadOwnCommands(config, builtInCommands);
  } catch (error) {
    return { ...nothing, failures: [FedmsgError.from(error)] };
  }
}

/** What `--config-filename` says: which commands there are depends on it, and their flags are not known before. */
function namedConfig(words: readonly string[]): string | undefined {
  const flag = "--config-filename";
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const place = words.slice(0, end).findLastIndex((word) => word === flag || word.startsWith(`${flag}=`));
  return words[place] === flag ? words[place + 1] : words[place]?.slice(flag.length + 1);
}

function refuse(word: string, { commands, failures }: OwnCommands): number {
  const known = [...Object.keys(builtInCommands), ...commands.keys()];
  const meant = known.find((name) => name.startsWith(`${word} `)) ?? nearest(word, known);
  const hint = meant ? `did you mean ${JSON.stringify(meant)}?` : "fedmsg --help lists the commands";
  tell(`there is no command ${JSON.stringify(word)}; ${hint}`);
  if (failures.length === 0) return 2;
  tell("one's own commands could not all be looked at:");
  for (const { message } of failures) process.stderr.write(`${escapeControls(message)}\n`);
  return 1;
}

/** Where somebody else's code fails, its author needs the stack; a `FedmsgError` is for the user. */
async function runOne({ definition, module }: OwnCommand, args: readonly string[]): Promise<number> {
  const invokedAs = `fedmsg ${definition.name}`;
  try {
    const code: unknown = await runCommand(definition, invokedAs, args);
    if (Number.isInteger(code) && (code as number) >= 0 && (code as number) <= 255) return code as number;
    throw new TypeError(`run() of ${module} resolved to ${inspect(code)}; wanted an exit code, 0 to 255, or nothing`);
  } catch (error) {
    const { name, message } = Object(error) as Error;
    // The module may have brought a copy of the library of its own, with a class of its own.
    const text = name === "FedmsgError" ? message : `failed: ${typeof error === "string" ? error : inspect(error)}`;
    process.stderr.write(`${invokedAs}: ${escapeControls(text)}\n`);
    return 1;
  }
}

function tell(text: string): void {
  process.stderr.write(`fedmsg: ${escapeControls(text)}\n`);
}
