import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg-relay`: see `fedmsg/commands/relay.py`. */
const relay: CommandDefinition = {
  name: "relay",
  description:
    "Listens on relay_inbound for programs that have no address of their own, and publishes what they send, byte for byte, on endpoints.relay_outbound.",
  options: [],
  examples: [
    ["fedmsg-relay", "listens and publishes where the configuration says"],
    ["fedmsg-relay --config-filename ./relay.yaml", "reads that file instead of the usual places"],
  ],
  run: async (context) => {
    const [{ startRelay }, { runDaemon }] = await Promise.all([import("@fedmsg/hub"), import("../daemon.ts")]);
    return runDaemon(context, (onEvent) =>
      startRelay({ config: context.config, onEvent, processName: "fedmsg-relay" }),
    );
  },
};

export default relay;
