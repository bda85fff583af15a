import type { CommandContext } from "fedmsg/command";
import type { CommandTable } from "../command-entry.ts";
import { bashParts } from "../completion/bash.ts";
import { fishParts } from "../completion/fish.ts";
import { completionModel } from "../completion/model.ts";
import { fillTemplate } from "../completion/template.ts";
import { zshParts } from "../completion/zsh.ts";
import { loadOwnCommands } from "../own-commands.ts";

const shells = { bash: bashParts, zsh: zshParts, fish: fishParts };

/** Prints the script for a shell. */
export async function run(context: CommandContext, table: CommandTable): Promise<number> {
  const {
    arguments: [shell],
    config,
    log,
  } = context;
  const own = await loadOwnCommands(config, table);
  for (const text of own.warnings) log.warn(text);
  for (const { message } of own.failures) log.warn(`left out: ${message}`);
  const parts = shells[shell as keyof typeof shells](await completionModel(table, own));
  process.stdout.write(await fillTemplate(shell as string, parts));
  return 0;
}
