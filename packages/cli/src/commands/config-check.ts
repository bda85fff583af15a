import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg config check`: everything that is wrong with the configuration, at once. */
const configCheck: CommandDefinition = {
  name: "config check",
  description:
    "Reads the configuration and names every problem with file, line and key. Exit code 0: nothing is wrong; 1: something is, or, with --strict, something deserves a look.",
  options: [{ flags: "--strict", description: "what deserves a look counts as wrong" }],
  examples: [
    ["fedmsg config check", "checks what commands on this machine would use"],
    ["fedmsg config check --config-filename fedmsg.d --strict", "checks a folder before it is rolled out"],
  ],
  run: async (context) => (await import("../run/config-check.ts")).run(context),
};

export default configCheck;
