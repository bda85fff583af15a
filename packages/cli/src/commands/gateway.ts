import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg-gateway`: see `fedmsg/commands/gateway.py`. */
const gateway: CommandDefinition = {
  name: "gateway",
  description:
    "Connects to everything in endpoints and publishes it, byte for byte, on the one port fedmsg.consumers.gateway.port, for listeners from outside.",
  options: [],
  examples: [
    ["fedmsg-gateway", "publishes the whole bus on port 9940 of every interface"],
    ["fedmsg-gateway --high-water-mark 50000", "queues more for each input before it counts as full"],
  ],
  run: async (context) => {
    const [{ startGateway }, { runDaemon }] = await Promise.all([import("@fedmsg/hub"), import("../daemon.ts")]);
    const { listSources } = await import("../sources.ts");
    listSources(context.config); // Without any it would end as soon as it began.
    return runDaemon(context, (onEvent) =>
      startGateway({ config: context.config, onEvent, processName: "fedmsg-gateway" }),
    );
  },
};

export default gateway;
