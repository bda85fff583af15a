import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg-announce`: see `fedmsg/commands/announce.py`. */
const announce: CommandDefinition = {
  name: "announce",
  description:
    "Publishes what comes on stdin, all its lines together, as one announcement through the relay. It waits until the relay is there. Who may announce, routing_policy says.",
  options: [
    { flags: "--link <url>", description: "where to read more" },
    {
      flags: "--cert-prefix <prefix>",
      description: "which certificate to sign with: certnames[<prefix>.<host>]",
      default: "announce",
      key: "cert_prefix",
    },
  ],
  examples: [
    [
      'echo "Fedora Core 4 has been declared GOLD" | fedmsg-announce --link http://fedoraproject.org/news',
      "one announcement with a link",
    ],
  ],
  run: async (context) => (await import("../run/announce.ts")).run(context),
};

export default announce;
