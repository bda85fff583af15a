import { type CommandContext, escapeLine } from "fedmsg/command";
import type { CommandTable } from "../command-entry.ts";
import { loadOwnCommands } from "../own-commands.ts";

/** Lists every command. */
export async function run({ config, log }: CommandContext, table: CommandTable): Promise<number> {
  const { commands, failures, warnings } = await loadOwnCommands(config, table);
  const own = [...commands].map(([name, { definition, module }]) => [name, `${definition.description} (${module})`]);
  const builtIn = Object.entries(table).map(([name, { summary }]) => [name, summary]);
  const width = Math.max(...[...builtIn, ...own].map(([name = ""]) => name.length));
  for (const [name = "", summary = ""] of [...builtIn, ...own]) {
    process.stdout.write(`${name.padEnd(width)}  ${escapeLine(summary)}\n`);
  }
  for (const text of warnings) log.warn(text);
  for (const { message } of failures) for (const line of message.split("\n")) log.error(line);
  return failures.length > 0 ? 1 : 0;
}
