import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg-hub`: see `fedmsg/commands/hub.py`. */
const hub: CommandDefinition = {
  name: "hub",
  description:
    "Runs the consumers and producers that the configuration names (consumers, producers), until SIGTERM or SIGINT. Then it finishes what they have in hand, for as long as drain_timeout says; a second signal ends it at once. SIGHUP reads keys and certificates again.",
  options: [
    {
      flags: "--with-consumers <list>",
      description: "run these consumers and no others: module:name, with commas between them",
      key: "explicit_hub_consumers",
    },
    {
      flags: "--websocket-server-port <port>",
      description: "refused: the hub of this version has no WebSocket server",
    },
  ],
  examples: [
    ["fedmsg-hub", "runs what the configuration lists"],
    ["fedmsg-hub --with-consumers ./audit.ts,./mail.ts:daily", "runs these two consumers, for instance to try them"],
  ],
  run: async (context) => (await import("../run/hub.ts")).run(context),
};

export default hub;
