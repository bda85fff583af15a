import type { CommandDefinition, OptionDefinition } from "fedmsg/command";

const nameArgument = { syntax: "<name>", description: "what it is called: small letters, digits and hyphens" };

/** `fedmsg new consumer`: the beginning of one's own. */
export const newConsumer: CommandDefinition = {
  name: "new consumer",
  description:
    "Writes a consumer that works as it stands, with its test, and says what to do next: how to list it, and how to run it in fedmsg-hub. No file is ever overwritten.",
  arguments: [nameArgument],
  options: optionsFor("consumers"),
  examples: [
    [
      "fedmsg new consumer audit",
      "consumers/audit.js and consumers/audit.test.js (.mjs where package.json has no module)",
    ],
    ["fedmsg new consumer audit --typescript --folder src", "the same in TypeScript, elsewhere"],
  ],
  run: async (context) => (await import("../run/new-plugin.ts")).run(context, "consumer"),
};

/** `fedmsg new producer`: the same for what is done every so often. */
export const newProducer: CommandDefinition = {
  name: "new producer",
  description:
    "Writes a producer, which fedmsg-hub calls every so often, that works as it stands, with its test, and says what to do next. No file is ever overwritten.",
  arguments: [nameArgument],
  options: optionsFor("producers"),
  examples: [["fedmsg new producer disk-space", "producers/disk-space.js and producers/disk-space.test.js"]],
  run: async (context) => (await import("../run/new-plugin.ts")).run(context, "producer"),
};

function optionsFor(folder: string): readonly OptionDefinition[] {
  return [
    { flags: "--folder <folder>", description: "where to write; it is made where there is none", default: folder },
    { flags: "--typescript", description: "write TypeScript, which the hub runs as it is" },
  ];
}
