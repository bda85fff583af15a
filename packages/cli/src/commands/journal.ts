import { type ArgumentDefinition, atLeast, type CommandDefinition, type OptionDefinition } from "fedmsg/command";

const file: ArgumentDefinition = { syntax: "<file>", description: "the journal: a path, or sqlite: before a path" };
const json: OptionDefinition = { flags: "--json", description: "one line of JSON" };
const when = "seconds since the epoch, a date such as 2026-11-21T10:00Z, or how long ago: 90s, 15m, 2h, 7d, 4w";

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const unitsBytes: Readonly<Record<string, number>> = { "": 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** A point in time, in ms since the epoch. */
function parseTime(text: string): number {
  const ago = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text);
  if (ago) return Date.now() - Number(ago[1]) * (unitsMs[ago[2] as string] as number);
  const timeMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isFinite(timeMs)) return timeMs;
  throw new Error(`expected ${when}`);
}

function parseBytes(text: string): number {
  const found = /^(\d+(?:\.\d+)?)([kMGT]?)$/.exec(text);
  if (found) return Math.floor(Number(found[1]) * (unitsBytes[found[2] as string] as number));
  throw new Error("expected a number of bytes, or one with k, M, G or T behind it");
}

/** `fedmsg journal info`. */
export const journalInfo: CommandDefinition = {
  name: "journal info",
  description: "Says what a journal holds, also while its publisher or relay goes on writing it.",
  arguments: [file],
  options: [json],
  examples: [["fedmsg journal info /var/lib/fedmsg/relay.db", "its UUID, its first and its newest position"]],
  run: async (context) => (await import("../run/journal.ts")).info(context),
};

/** `fedmsg journal verify`. */
export const journalVerify: CommandDefinition = {
  name: "journal verify",
  description:
    "Reads a whole journal and compares each message with its checksum, also while it is written. Exit code 0: everything is what was written; 1: it is not, and each fault is named.",
  arguments: [file],
  options: [json],
  examples: [["fedmsg journal verify /var/lib/fedmsg/relay.db", "whether a disk can be trusted"]],
  run: async (context) => (await import("../run/journal.ts")).verify(context),
};

/** `fedmsg journal grep`. */
export const journalGrep: CommandDefinition = {
  name: "journal grep",
  description:
    "Prints the messages of a journal in whose topic or body something is found, oldest first, one line of JSON for each. Exit code 1 where there is none.",
  arguments: [{ syntax: "<pattern>", description: "a regular expression; '' finds every message" }, file],
  options: [
    { flags: "--topic <prefix>", description: "only topics that begin so" },
    { flags: "--since <time>", description: `only messages since then: ${when}`, parse: parseTime },
    { flags: "--until <time>", description: "only messages until then, written in the same ways", parse: parseTime },
    { flags: "--limit <n>", description: "end after so many messages", parse: atLeast(1, "whole") },
  ],
  examples: [
    ["fedmsg journal grep 'CVE-2026-[0-9]+' /var/lib/fedmsg/relay.db --since 7d", "what was said about them this week"],
    [
      "fedmsg journal grep '' /var/lib/fedmsg/relay.db --limit 10 | jq .body.msg",
      "the oldest ten messages, their content",
    ],
  ],
  run: async (context) => (await import("../run/journal.ts")).grep(context),
};

/** `fedmsg journal prune`. */
export const journalPrune: CommandDefinition = {
  name: "journal prune",
  description:
    "Takes the oldest messages out of a journal that nobody writes at the moment, and gives the room on the disk back. A writer prunes by itself what the configuration bounds.",
  arguments: [file],
  options: [
    { flags: "--older-than <time>", description: `messages before then go: ${when}`, parse: parseTime },
    {
      flags: "--max-bytes <n>",
      description: "the oldest go until topics and bodies have so many bytes; k, M, G or T may stand behind the number",
      parse: parseBytes,
    },
    json,
  ],
  examples: [
    ["fedmsg journal prune /var/lib/fedmsg/relay.db --older-than 30d --max-bytes 2G", "what is left of a month"],
  ],
  run: async (context) => (await import("../run/journal.ts")).prune(context),
};
