import type { ArgumentDefinition, CommandDefinition, OptionDefinition } from "fedmsg/command";

const consumer: ArgumentDefinition = { syntax: "<consumer>", description: "the consumer's name" };
const ids: ArgumentDefinition = { syntax: "[ids...]", description: "numbers of letters, as `list` shows them" };
const json: OptionDefinition = { flags: "--json", description: "one line of JSON for each" };

/** `fedmsg dead-letters list`. */
export const deadLettersList: CommandDefinition = {
  name: "dead-letters list",
  description:
    "Lists the messages that consumers failed on as often as they may, those of each consumer in the order in which they were written down; also while the hub runs.",
  options: [{ flags: "--consumer <name>", description: "only those of this consumer" }, json],
  examples: [
    ["fedmsg dead-letters list", "what failed, when, how often, and why"],
    ["fedmsg dead-letters list --json | jq -r .topic | sort | uniq -c", "how many there are of each topic"],
  ],
  run: async (context) => (await import("../run/dead-letters.ts")).list(context),
};

/** `fedmsg dead-letters show`. */
export const deadLettersShow: CommandDefinition = {
  name: "dead-letters show",
  description: "Prints one dead letter: where it came from, why it failed, and the message.",
  arguments: [consumer, { syntax: "<id>", description: "the letter's number, as `list` shows it" }],
  options: [{ flags: "--raw", description: "the exact bytes of the message, and nothing else" }],
  examples: [
    ["fedmsg dead-letters show builds 7", "the error with its stack, and the message in readable form"],
    ["fedmsg dead-letters show builds 7 --raw | fedmsg validate -", "whether its signature holds"],
  ],
  run: async (context) => (await import("../run/dead-letters.ts")).show(context),
};

/** `fedmsg dead-letters retry`. */
export const deadLettersRetry: CommandDefinition = {
  name: "dead-letters retry",
  description:
    "Has a consumer try dead letters again: its hub does so within moments where it runs, and else at its next start. What fails once more is a dead letter again.",
  arguments: [consumer, ids],
  options: [{ flags: "--all", description: "all letters of the consumer" }],
  examples: [
    ["fedmsg dead-letters retry builds 7 9", "two letters"],
    ["fedmsg dead-letters retry builds --all", "after the consumer was mended"],
  ],
  run: async (context) => (await import("../run/dead-letters.ts")).retry(context),
};

/** `fedmsg dead-letters drop`. */
export const deadLettersDrop: CommandDefinition = {
  name: "dead-letters drop",
  description: "Deletes dead letters for good.",
  arguments: [consumer, ids],
  options: [
    { flags: "--all", description: "all letters of the consumer; needs --yes" },
    { flags: "--yes", description: "yes, delete all of them" },
  ],
  examples: [
    ["fedmsg dead-letters drop builds 7", "one letter"],
    ["fedmsg dead-letters drop builds --all --yes", "everything that the consumer failed on"],
  ],
  run: async (context) => (await import("../run/dead-letters.ts")).drop(context),
};
