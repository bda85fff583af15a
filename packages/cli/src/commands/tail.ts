import { atLeast, type CommandDefinition } from "fedmsg/command";

function parseFrom(text: string): "head" | "first" | Date {
  if (text === "head" || text === "first") return text;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new Error("expected head, first, or a time such as 2026-11-21T12:00:00Z");
  return time;
}

/** `fedmsg-tail`: see `fedmsg/commands/tail.py`. */
const tail: CommandDefinition = {
  name: "tail",
  description:
    "Prints the messages of everybody in endpoints as they come, one line of JSON for each. Nothing else goes to stdout.",
  options: [
    {
      flags: "--topic <pattern>",
      description: "only these topics: a prefix, or a pattern with * for one word and # for any number of words",
      default: "",
    },
    { flags: "--pretty", description: "indented JSON, the time in words, without signature and certificate" },
    {
      flags: "--really-pretty",
      description: "indented JSON, in colours on a terminal, without signature and certificate",
    },
    { flags: "--query <fields>", description: "only these fields: dotted paths, separated by commas" },
    { flags: "--include <regex>", description: "only topics in which this is found" },
    { flags: "--exclude <regex>", description: "no topics in which this is found", default: "_heartbeat" },
    { flags: "--limit <n>", description: "end after so many messages", parse: atLeast(1, "whole") },
    {
      flags: "--durable <name>",
      description:
        "remember under this name what was printed (cursor_store), and go on there the next time: what came meanwhile is " +
        "fetched where its publisher keeps a journal (replay_endpoints)",
    },
    {
      flags: "--from <where>",
      description:
        "where to begin in these journals, without a past: head, first, or a time such as 2026-11-21T12:00:00Z",
      default: "head",
      parse: parseFrom,
    },
    { flags: "--validate", description: "only messages whose signature holds; the default is validate_signatures" },
    { flags: "--no-validate", description: "every message, whatever its signature says" },
  ],
  examples: [
    ["fedmsg-tail --really-pretty", "everything, for people"],
    ["fedmsg-tail --topic 'org.fedoraproject.*.git.#' --limit 10", "the next ten messages about git"],
    ["fedmsg-tail --query topic,msg.log", "topic and text of each message"],
    ["fedmsg-tail --durable archive >> archive.log", "everything, without a hole, however often it is started again"],
    ["fedmsg-tail | jq .msg", "everything, for programs"],
  ],
  run: async (context) => (await import("../run/tail.ts")).run(context),
};

export default tail;
