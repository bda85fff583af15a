import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg config schema`: what editors need to know. */
const configSchema: CommandDefinition = {
  name: "config schema",
  description:
    "Prints a JSON Schema of the configuration: editors that read it complete keys, explain them, and mark what is wrong.",
  examples: [
    [
      "fedmsg config schema > fedmsg.d/.schema.json",
      "where the sample's files look for it; names with a dot are not read",
    ],
  ],
  run: async () => (await import("../run/config-schema.ts")).run(),
};

export default configSchema;
