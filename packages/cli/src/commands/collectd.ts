import { atLeast, type CommandDefinition } from "fedmsg/command";

/** `fedmsg-collectd`: see `fedmsg/commands/collectd.py`. Its counting by processor comes with the texts. */
const collectd: CommandDefinition = {
  name: "collectd",
  description:
    "Counts the messages of everybody in endpoints by category, and prints the counts for collectd's exec plugin, as PUTVAL lines on stdout.",
  options: [
    {
      flags: "--collectd-interval <seconds>",
      description:
        "how often counts are printed; without it collectd_interval of the configuration, what collectd asks for, or 2",
      parse: atLeast(0.1),
      key: "collectd_interval",
    },
  ],
  examples: [["fedmsg-collectd --collectd-interval 10", "the counts of ten seconds, every ten seconds"]],
  run: async (context) => (await import("../run/collectd.ts")).run(context),
};

export default collectd;
