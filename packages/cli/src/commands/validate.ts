import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg validate`: why a message is accepted, or is not. */
const validate: CommandDefinition = {
  name: "validate",
  description:
    "Checks one message as a subscriber would, and explains each step: what it says about its signature, who issued the certificate, whether that holds, and who may send on the topic. Exit code 0: it is accepted; 1: it is not.",
  arguments: [{ syntax: "[file]", description: "a file with the body of one message; - or nothing for stdin" }],
  options: [
    { flags: "--signer <name>", description: "accept it only from this signer, whatever routing_policy says" },
    {
      flags: "--history",
      description: "the message comes from a history service, which adds fields of its own: take them off first",
    },
    { flags: "--json", description: "one line of JSON with the outcome and its steps" },
  ],
  examples: [
    ["fedmsg-tail --limit 1 | fedmsg validate", "the next message on the bus"],
    ["fedmsg validate message.json --signer bodhi-app01.example.org", "whether that host wrote it"],
  ],
  run: async (context) => (await import("../run/validate.ts")).run(context),
};

export default validate;
