import type { CommandDefinition } from "fedmsg/command";
import type { CommandTable } from "../command-entry.ts";

/** `fedmsg new command`: the beginning of one's own. */
export function createNewCommand(table: CommandTable): CommandDefinition {
  return {
    name: "new command",
    description:
      "Writes a command of one's own that works as it stands, with its test, and says what to do next. No file is ever overwritten.",
    arguments: [{ syntax: "<name>", description: "what it is called: small letters, digits and hyphens" }],
    options: [
      {
        flags: "--folder <folder>",
        description: "where to write; it is made where there is none",
        default: "commands",
      },
      { flags: "--typescript", description: "write TypeScript, which the command runs as it is" },
    ],
    examples: [
      [
        "fedmsg new command hello",
        "commands/hello.js and commands/hello.test.js (.mjs where package.json has no module)",
      ],
      ["fedmsg new command hello --typescript --folder src/commands", "the same in TypeScript, elsewhere"],
    ],
    run: async (context) => (await import("../run/new-command.ts")).run(context, table),
  };
}
