/** From a command's definition and the words on the command line to its exit code. */

import { inspect } from "node:util";
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type ArgumentDefinition, type CommandDefinition, escapeControls, type OptionDefinition } from "fedmsg/command";
import type { Config } from "fedmsg/config";
import { commonOptions } from "./common-options.ts";
import type { CommandLog } from "./log.ts";
import { stopOnSignals } from "./signals.ts";
import { UsageError } from "./usage-error.ts";

/** Exit code for a command line that cannot be understood, as of Python's argparse. */
const usageError = 2;
const commonGroup = "Options of every command:";

/**
 * Runs a command.
 *
 * @param invokedAs what the user typed, for help and errors: `fedmsg tail` or `fedmsg-tail`
 * @returns the exit code: 0, 1 where it failed, 2 where the command line is wrong
 */
export async function runCommand(
  definition: CommandDefinition,
  invokedAs: string,
  args: readonly string[],
): Promise<number> {
  const parsed = parseArguments(definition, invokedAs, args);
  if (typeof parsed === "number") return parsed;
  const { options } = parsed;
  const logging = import("./log.ts"); // While the configuration is read, which takes longer.
  const early: string[] = []; // What is said before the configuration tells where to.
  let log: CommandLog | undefined;
  try {
    const config = await readConfig(definition, options, (text) => early.push(text));
    log = (await logging).createLog(`fedmsg.${definition.name.replaceAll(" ", ".")}`, config.logging);
    for (const text of early.splice(0)) log.warn(text);
    if (options.printConfig) {
      const { maskSecrets } = await import("fedmsg/config");
      process.stdout.write(`${JSON.stringify(maskSecrets(config), null, 4)}\n`);
      return 0;
    }
    return (await definition.run({ ...parsed, config, log, signal: stopOnSignals() })) ?? 0;
  } catch (error) {
    const { FedmsgError } = await import("fedmsg");
    const tell = (text: string) => process.stderr.write(`${invokedAs}: ${escapeControls(text)}\n`);
    for (const text of early) tell(`warning: ${text}`);
    if (error instanceof UsageError) {
      tell(`error: ${error.message}\n\n(${invokedAs} --help lists what there is)`);
      return usageError;
    }
    log?.failed(error instanceof FedmsgError ? error.message : inspect(error));
    if (!(error instanceof FedmsgError)) throw error;
    tell(error.message);
    return 1;
  }
}

interface Parsed {
  readonly options: Readonly<Record<string, unknown>>;
  readonly arguments: readonly string[];
}

/** @returns the exit code where there is nothing to run: after `--help`, and where the words make no sense */
function parseArguments(definition: CommandDefinition, invokedAs: string, args: readonly string[]): Parsed | number {
  const command = new Command(invokedAs)
    .description(definition.description)
    .allowExcessArguments(true) // It is refused below, in words of our own.
    .configureOutput({ outputError: (text, write) => write(`${invokedAs}: ${text}`) })
    .showHelpAfterError(`(${invokedAs} --help lists what there is)`)
    .addHelpText("after", formatExamples(definition, invokedAs))
    .exitOverride();
  for (const argument of definition.arguments ?? []) command.addArgument(toArgument(argument));
  for (const option of definition.options ?? []) command.addOption(toOption(option));
  command.addHelpOption(new Option("-h, --help", "print this help, and exit").helpGroup(commonGroup));
  command.optionsGroup(commonGroup);
  for (const option of commonOptions) command.addOption(toOption(option));
  try {
    command.parse(args, { from: "user" });
    const known = command.registeredArguments;
    const excess = known.at(-1)?.variadic ? undefined : command.args[known.length];
    if (excess !== undefined) {
      const why = known.length > 0 ? `there is no place for it` : "a value needs a flag before it";
      command.error(`error: unexpected ${JSON.stringify(excess)}; ${why}`, { exitCode: 1 });
    }
    return { options: command.opts(), arguments: command.args };
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
    throw error;
  }
}

function toArgument({ syntax, description, choices }: ArgumentDefinition): Argument {
  const argument = new Argument(syntax, description);
  return choices ? argument.choices(choices) : argument;
}

function toOption({ flags, description, default: value, parse, choices }: OptionDefinition): Option {
  const option = new Option(flags, description);
  if (choices) option.choices(choices);
  if (value !== undefined) option.default(value);
  if (parse) {
    option.argParser((text) => {
      try {
        return parse(text);
      } catch (error) {
        throw new InvalidArgumentError((error as Error).message);
      }
    });
  }
  return option;
}

function formatExamples({ name, examples = [] }: CommandDefinition, invokedAs: string): string {
  if (examples.length === 0) return "";
  const lines = examples.flatMap(([line, effect]) => [
    `  $ ${line.replaceAll(`fedmsg-${name.replaceAll(" ", "-")}`, invokedAs)}`,
    `      ${effect}`,
  ]);
  return `\nExamples:\n${lines.join("\n")}`;
}

async function readConfig(
  definition: CommandDefinition,
  parsed: Readonly<Record<string, unknown>>,
  onWarning: (text: string) => void,
): Promise<Config> {
  const overrides: Record<string, unknown> = {};
  for (const option of [...commonOptions, ...(definition.options ?? [])]) {
    const value = parsed[toOption(option).attributeName()];
    if (option.key !== undefined && value !== undefined) overrides[option.key] = value;
  }
  const { loadConfig } = await import("fedmsg/config");
  const { configFilename } = parsed as { configFilename?: string };
  return loadConfig({ overrides, onWarning, ...(configFilename !== undefined && { files: [configFilename] }) });
}
