import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg-logger`: see `fedmsg/commands/logger.py`. */
const logger: CommandDefinition = {
  name: "logger",
  description:
    "Publishes through the relay: each line of stdin as a message of its own, or one message with --message. It waits until the relay is there.",
  options: [
    { flags: "--message <text>", description: "publish this instead of what comes on stdin" },
    {
      flags: "--json-input",
      description: "the message, or all of stdin, is one JSON document and becomes the body as it is",
    },
    { flags: "--topic <topic>", description: "the end of the topic", default: "log" },
    { flags: "--modname <name>", description: "the word before it: which service speaks", default: "logger" },
    {
      flags: "--confirm",
      description:
        "end only when the relay has said that it has every message (relay_confirm); the exit code is 1 where one is missing. With an outbox it may be 1 although a message is safe: it waits there and goes out with the next run, and who publishes it again publishes it twice; stderr says so",
    },
    {
      flags: "--cert-prefix <prefix>",
      description: "which certificate to sign with: certnames[<prefix>.<host>]",
      default: "shell",
      key: "cert_prefix",
    },
  ],
  examples: [
    ['echo "Hello world" | fedmsg-logger', "one message for each line"],
    ["fedmsg-logger --message 'This is a message.' --timeout 5", "one message; fails if no relay is there within 5 s"],
    ["fedmsg-logger --confirm < messages.txt", "ends when the relay has all of them on its disk"],
    ["echo '{\"a\": 1}' | fedmsg-logger --json-input --modname git --topic repo.update", "a body of one's own"],
  ],
  run: async (context) => (await import("../run/logger.ts")).run(context),
};

export default logger;
