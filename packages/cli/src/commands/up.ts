import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg up`: a whole bus on one machine. */
const up: CommandDefinition = {
  name: "up",
  description:
    "Starts a relay and a gateway in one process, on 127.0.0.1 unless the configuration says otherwise, and tells what to type next. The relay keeps what goes through it in fedmsg/ of the user's state folder ($XDG_STATE_HOME, ~/.local/state), unless persistent_store says otherwise. Ctrl-C stops them.",
  options: [],
  examples: [["fedmsg up", "a relay (in 2003, out 4001) and a gateway (9940) on 127.0.0.1"]],
  run: async (context) => (await import("../run/up.ts")).run(context),
};

export default up;
