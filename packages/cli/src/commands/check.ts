import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg-check`: see `fedmsg/commands/check.py`. */
const check: CommandDefinition = {
  name: "check",
  description:
    "Waits for one report of the hub whose moksha.monitoring.socket is configured, for ten seconds or --timeout, and prints it as JSON. Exit code 0: it came, and each consumer and producer that was named is there and initialized; 1: something is missing, and stderr says what.",
  options: [
    { flags: "-c, --consumer <name...>", description: "a consumer that must be there; may be given several times" },
    { flags: "-p, --producer <name...>", description: "a producer that must be there; may be given several times" },
  ],
  examples: [
    ["fedmsg-check", "what the hub says about itself"],
    ["fedmsg-check -c audit -c mail --timeout 20", "whether these two run: for Nagios, or a health check of systemd's"],
    ["fedmsg-check | jq '.consumers[] | {name, backlog}'", "how much each of them has before it"],
  ],
  run: async (context) => (await import("../run/check.ts")).run(context),
};

export default check;
