/** The table of commands, which `fedmsg`, its completion and the documentation share. */

import type { CommandTable } from "./command-entry.ts";

/** Every command of `fedmsg` itself, by its name. `--help` lists them in this order. */
export const builtInCommands: CommandTable = {
  up: {
    summary: "start a relay and a gateway on this machine: a bus to try things on",
    load: async () => (await import("./commands/up.ts")).default,
  },
  tail: {
    summary: "print the messages of the bus as they come",
    load: async () => (await import("./commands/tail.ts")).default,
  },
  logger: {
    summary: "publish lines, or a JSON document, through the relay",
    load: async () => (await import("./commands/logger.ts")).default,
  },
  announce: {
    summary: "publish an announcement through the relay",
    load: async () => (await import("./commands/announce.ts")).default,
  },
  relay: {
    summary: "publish for those who have no address of their own",
    load: async () => (await import("./commands/relay.ts")).default,
  },
  "signing-relay": {
    summary: "a relay that signs what it forwards",
    load: async () => (await import("./commands/signing-relay.ts")).default,
  },
  gateway: {
    summary: "carry the whole bus on one public address",
    load: async () => (await import("./commands/gateway.ts")).default,
  },
  hub: {
    summary: "run consumers and producers: code of one's own, for messages as they come",
    load: async () => (await import("./commands/hub.ts")).default,
  },
  collectd: {
    summary: "count messages by category, for collectd",
    load: async () => (await import("./commands/collectd.ts")).default,
  },
  check: {
    summary: "say whether a hub runs, and what it says about itself",
    load: async () => (await import("./commands/check.ts")).default,
  },
  validate: {
    summary: "explain why a message is accepted, or is not",
    load: async () => (await import("./commands/validate.ts")).default,
  },
  config: {
    summary: "print the configuration, or one value of it",
    load: async () => (await import("./commands/config.ts")).default,
  },
  "config check": {
    summary: "name every problem of the configuration",
    load: async () => (await import("./commands/config-check.ts")).default,
  },
  "config show": {
    summary: "print the configuration as YAML, and where it comes from",
    load: async () => (await import("./commands/config-show.ts")).default,
  },
  "config convert": {
    summary: "turn old Python files into YAML",
    load: async () => (await import("./commands/config-convert.ts")).default,
  },
  "config schema": {
    summary: "print a JSON Schema of the configuration, for editors",
    load: async () => (await import("./commands/config-schema.ts")).default,
  },
  "journal info": {
    summary: "say what a journal holds",
    load: async () => (await import("./commands/journal.ts")).journalInfo,
  },
  "journal verify": {
    summary: "read a whole journal, and name everything that is damaged",
    load: async () => (await import("./commands/journal.ts")).journalVerify,
  },
  "journal grep": {
    summary: "print the messages of a journal in which something is found",
    load: async () => (await import("./commands/journal.ts")).journalGrep,
  },
  "journal prune": {
    summary: "take the oldest messages out of a journal",
    load: async () => (await import("./commands/journal.ts")).journalPrune,
  },
  "dead-letters list": {
    summary: "list the messages that consumers failed on",
    load: async () => (await import("./commands/dead-letters.ts")).deadLettersList,
  },
  "dead-letters show": {
    summary: "print one of them, and why it failed",
    load: async () => (await import("./commands/dead-letters.ts")).deadLettersShow,
  },
  "dead-letters retry": {
    summary: "have the hub try them again",
    load: async () => (await import("./commands/dead-letters.ts")).deadLettersRetry,
  },
  "dead-letters drop": {
    summary: "delete them for good",
    load: async () => (await import("./commands/dead-letters.ts")).deadLettersDrop,
  },
  completion: {
    summary: "print a script that completes commands and flags in a shell",
    load: async () => (await import("./commands/completion.ts")).createCompletion(builtInCommands),
  },
  commands: {
    summary: "list the commands, one's own included",
    load: async () => (await import("./commands/commands.ts")).createCommands(builtInCommands),
  },
  "new command": {
    summary: "write a command of one's own, with its test",
    load: async () => (await import("./commands/new-command.ts")).createNewCommand(builtInCommands),
  },
  "new consumer": {
    summary: "write a consumer of one's own, with its test",
    load: async () => (await import("./commands/new-plugin.ts")).newConsumer,
  },
  "new producer": {
    summary: "write a producer of one's own, with its test",
    load: async () => (await import("./commands/new-plugin.ts")).newProducer,
  },
  bench: {
    summary: "measure publishing, relaying and latency on this machine",
    load: async () => (await import("./commands/bench.ts")).default,
  },
};

/** Whether `fedmsg` itself has a command of this name. */
export function isBuiltIn(name: string): boolean {
  return Object.hasOwn(builtInCommands, name);
}
