import { FedmsgError } from "fedmsg";
import {
  defineConsumer,
  type FramesConsumerDefinition,
  type FramesContext,
  type FramesWorker,
  localAddressFor,
  parseAddress,
  type ReplayServer,
  socketOptions,
  startReplayServer,
} from "fedmsg/plugin";
import { forwardEvent, listenFor, nameKey } from "./addresses.ts";
import { Forwarding } from "./forwarding.ts";

const portKey = "fedmsg.consumers.gateway.port";

/**
 * The gateway: one public address that carries everything that is said on the bus, for listeners who cannot reach
 * the services themselves (`fedmsg/consumers/gateway.py`). It connects to everything in `endpoints`, follows the domains of
 * `srv_endpoints` as the DNS changes, and publishes on `fedmsg.consumers.gateway.port` of `fedmsg.consumers.gateway.interface` (default `*`).
 */
export const gatewayConsumer: FramesConsumerDefinition = defineConsumer({
  name: "GatewayConsumer",
  configKey: "fedmsg.consumers.gateway.enabled",
  open: openGateway,
});

async function openGateway(context: FramesContext): Promise<FramesWorker> {
  const { config, transport, tell } = context;
  const port = config[portKey];
  const host = config["fedmsg.consumers.gateway.interface"];
  let outbound = "";
  const replay: ReplayServer[] = [];
  const endReplay = async () => {
    await Promise.all(replay.map((server) => server.close()));
  };
  const output = transport.createPublisher({
    ...socketOptions(config),
    highWaterMark: config["fedmsg.consumers.gateway.high_water_mark"],
    onEvent: forwardEvent("gateway", () => outbound, tell),
  });
  try {
    const address = `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
    outbound = (await listenFor(output, address, [portKey], config)).endpoint;
    await startReplay(context, replay);
  } catch (error) {
    await Promise.all([output.close(), endReplay()]);
    throw error;
  }
  const ownPort = Number(outbound.replace(/^.*:/, ""));
  const forwarding = new Forwarding({ output, bodyBytesMax: config.bodyBytesMax, tell });
  return {
    inputs: { connect: "endpoints", except: (endpoint) => isOwn(endpoint, ownPort) },
    outbound,
    consume: (batch, source) => forwarding.forward(batch, source),
    counts: () => forwarding.counts,
    subscribed: (topic, signal) => output.subscribed(topic, signal),
    beforeEnd: endReplay,
    drain: () => output.drain(),
    close: async () => {
      await Promise.all([output.close(), endReplay()]);
    },
  };
}

/** Takes questions for the journals of others, and passes them on (`replay_upstream`). */
async function startReplay({ config, tell }: FramesContext, started: ReplayServer[]): Promise<void> {
  for (const [name, address] of Object.entries(config.replay_upstream ?? {})) {
    const journal = config.replay_endpoints?.[name];
    try {
      if (journal === undefined) {
        throw new FedmsgError(
          "FEDMSG_NO_ENDPOINT",
          `replay_endpoints lists no ${JSON.stringify(name)} to pass requests on to`,
        );
      }
      const server = await startReplayServer({
        journal,
        address,
        onEvent: (event) => {
          if (event.type !== "failed") return;
          const detail = `${journal} does not answer: ${FedmsgError.from(event.error).message}`;
          tell({ type: "warning", name, detail });
        },
      });
      started.push(server);
      if (await isOwn(journal, Number(server.address.replace(/^.*:/, "")))) {
        throw new FedmsgError(
          "FEDMSG_ADDRESS_INVALID",
          `it would pass on to itself: replay_endpoints has ${journal} for it`,
        );
      }
      tell({ type: "listening", name, endpoint: server.address, note: `passes on what ${journal} is asked` });
    } catch (error) {
      throw nameKey(error, ["replay_upstream", name], config);
    }
  }
}

/** A gateway that is listed in the endpoints it serves would forward its own messages for ever. */
async function isOwn(endpoint: string, ownPort: number): Promise<boolean> {
  const address = parseAddress(endpoint, "connect");
  return address.scheme === "tcp" && address.port === ownPort && (await localAddressFor(address.host)) !== undefined;
}
