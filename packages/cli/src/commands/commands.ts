import type { CommandDefinition } from "fedmsg/command";
import type { CommandTable } from "../command-entry.ts";

/** `fedmsg commands`: what there is, one's own included. */
export function createCommands(table: CommandTable): CommandDefinition {
  return {
    name: "commands",
    description:
      "Lists all commands: those of fedmsg, and those of the modules that the configuration names under commands, which it loads. Exit code 1 where one of them cannot be used.",
    examples: [["fedmsg commands", "every command with what it does, one's own with the module they come from"]],
    run: async (context) => (await import("../run/commands.ts")).run(context, table),
  };
}
