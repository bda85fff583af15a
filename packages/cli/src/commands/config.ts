import type { CommandDefinition, OptionDefinition } from "fedmsg/command";

/** Flags of those commands that print the configuration. */
export const printOptions: readonly OptionDefinition[] = [
  { flags: "--disable-defaults", description: "only what files and flags give" },
  { flags: "--secrets", description: "print passwords, too; without it they are masked" },
];

/** `fedmsg-config`: see `fedmsg/commands/config.py`. */
const config: CommandDefinition = {
  name: "config",
  description:
    "Prints the configuration that commands would use, as JSON. With --query only one value: a text as it is, a list with a line for each item.",
  options: [
    { flags: "--query <names>", description: "the names that lead to one value, with dots between them" },
    ...printOptions,
  ],
  examples: [
    ["fedmsg-config", "the whole configuration"],
    ["fedmsg-config --query endpoints.relay_outbound", "the addresses on which the relay publishes, one on a line"],
    ["fedmsg-config --disable-defaults", "what the files on this machine say, and no more"],
  ],
  run: async (context) => (await import("../run/config.ts")).run(context),
};

export default config;
