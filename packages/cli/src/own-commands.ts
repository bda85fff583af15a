/**
 * One's own commands: those of the modules that the configuration lists under `commands`. Loading a module runs it, so
 * this happens only where somebody asks for a command that `fedmsg` itself does not have, or for a list of all.
 */

import { FedmsgError } from "fedmsg";
import type { CommandDefinition } from "fedmsg/command";
import { type Config, configOrigin } from "fedmsg/config";
import { loadModule, moduleFolder } from "fedmsg/plugin";
import { commandProblems, show } from "./check-command.ts";
import type { CommandTable } from "./command-entry.ts";

/** A command, and the module that it comes from. */
export interface OwnCommand {
  readonly definition: CommandDefinition;
  /** As the configuration names it. */
  readonly module: string;
}

/** What the modules hold. */
export interface OwnCommands {
  /** By name. Those that another command hides are not among them. */
  readonly commands: ReadonlyMap<string, OwnCommand>;
  /** What is wrong with modules that could not be used, each with its place in the configuration. */
  readonly failures: readonly FedmsgError[];
  /** What deserves a look: names that were there already. */
  readonly warnings: readonly string[];
}

/** Loads every module that the configuration lists. What is wrong with one of them does not keep others from loading. */
export async function loadOwnCommands(config: Partial<Config>, builtIn: CommandTable): Promise<OwnCommands> {
  const commands = new Map<string, OwnCommand>();
  const failures: FedmsgError[] = [];
  const warnings: string[] = [];
  for (const [index, module] of (config.commands ?? []).entries()) {
    const origin = configOrigin(config, "commands", index) ?? "option";
    try {
      for (const definition of await loadCommands(module, moduleFolder(origin))) {
        const { name } = definition;
        const hidden = hiddenBy(name, builtIn, commands);
        if (hidden !== undefined) warnings.push(`${module}: ${name}: ${hidden}, which wins; choose another name`);
        else commands.set(name, { definition, module });
      }
    } catch (error) {
      const { message, code } = FedmsgError.from(error, "FEDMSG_MODULE");
      failures.push(new FedmsgError(code, `${origin}: ${message}`, { cause: error }));
    }
  }
  return { commands, failures, warnings };
}

async function loadCommands(module: string, from: string): Promise<readonly CommandDefinition[]> {
  const { default: exported } = (await loadModule(module, { from })) as { default?: unknown };
  const listed: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  if (listed.length === 0 || listed.some((item) => typeof item !== "object" || item === null)) {
    const found = exported === undefined ? "there is no default export" : `the default export is ${show(exported)}`;
    throw new FedmsgError("FEDMSG_MODULE", `${module}: ${found}; wanted defineCommand(…), or a list of such`);
  }
  const problems = listed.flatMap((item, n) => {
    return commandProblems(item).map((problem) => `${module}: ${listed.length > 1 ? `[${n}].` : ""}${problem}`);
  });
  if (problems.length > 0) throw new FedmsgError("FEDMSG_MODULE", problems.join("\n"));
  return listed as readonly CommandDefinition[];
}

/** Who has a name already. `fedmsg config x` is `fedmsg config`, so the first word alone counts, too. */
function hiddenBy(name: string, builtIn: CommandTable, commands: ReadonlyMap<string, OwnCommand>): string | undefined {
  const same = [name, name.split(" ")[0] as string].find((word) => Object.hasOwn(builtIn, word));
  if (same !== undefined) return `fedmsg itself has ${JSON.stringify(same)}`;
  const other = commands.get(name);
  return other && `${other.module} has it, too`;
}
