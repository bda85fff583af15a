import type { CommandDefinition } from "fedmsg/command";
import { printOptions } from "./config.ts";

/** `fedmsg config show`: the configuration as YAML, and where each value comes from. */
const configShow: CommandDefinition = {
  name: "config show",
  description: "Prints the configuration as YAML, as it could stand in a file; with --origin also who gave each value.",
  arguments: [{ syntax: "[keys...]", description: "only these keys" }],
  options: [
    { flags: "--origin", description: "behind each value, the file and line that it comes from" },
    ...printOptions,
  ],
  examples: [
    ["fedmsg config show --origin --disable-defaults", "what was configured, and where"],
    ["fedmsg config show endpoints --origin", "who publishes at which address, and which file says so"],
  ],
  run: async (context) => (await import("../run/config-show.ts")).run(context),
};

export default configShow;
