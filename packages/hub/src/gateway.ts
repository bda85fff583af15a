import type { Config } from "fedmsg/config";
import { localAddressFor, parseAddress, socketOptions, type Transport } from "fedmsg/plugin";
import { type Daemon, type DaemonOptions, forwardEvent, listenFor, nameKey, toDaemon, transportOf } from "./daemon.ts";
import { Forwarder, type ForwarderInput } from "./forwarder.ts";

const portKey = "fedmsg.consumers.gateway.port";

/**
 * Starts a gateway: one public address that carries everything that is said on the bus, for listeners who cannot reach
 * the services themselves (`fedmsg/consumers/gateway.py`). It connects to everything in `endpoints` and publishes on
 * `fedmsg.consumers.gateway.port` of `fedmsg.consumers.gateway.interface` (default `*`).
 *
 * @throws FedmsgError FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, naming the key
 */
export async function startGateway(options: DaemonOptions): Promise<Daemon> {
  const { config, onEvent } = options;
  const transport = await transportOf(options);
  const port = config[portKey];
  const host = config["fedmsg.consumers.gateway.interface"];
  let outbound = "";
  const output = transport.createPublisher({
    ...socketOptions(config),
    highWaterMark: config["fedmsg.consumers.gateway.high_water_mark"],
    onEvent: forwardEvent("gateway", () => outbound, onEvent),
  });
  try {
    const address = `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
    outbound = (await listenFor(output, address, [portKey], config)).endpoint;
    const inputs = await connectInputs(transport, options, Number(outbound.replace(/^.*:/, "")));
    const forwarder = new Forwarder({ inputs, output, bodyBytesMax: config.bodyBytesMax, onEvent });
    return toDaemon(forwarder, output, { inbound: inputs.map(({ endpoint }) => endpoint), outbound });
  } catch (error) {
    await output.close();
    throw error;
  }
}

async function connectInputs(
  transport: Transport,
  { config, onEvent }: DaemonOptions,
  ownPort: number,
): Promise<ForwarderInput[]> {
  const sources: [name: string, endpoint: string][] = [];
  for (const [name, n, endpoint] of listEndpoints(config)) {
    try {
      if (!(await isOwn(endpoint, ownPort))) sources.push([name, endpoint]);
    } catch (error) {
      throw nameKey(error, ["endpoints", name, n], config);
    }
  }
  return sources.map(([name, endpoint]) => {
    const socket = transport.createSubscriber({
      ...socketOptions(config),
      onEvent: forwardEvent(name, () => endpoint, onEvent),
    });
    socket.subscribe("");
    socket.connect(endpoint);
    return { name, endpoint, socket };
  });
}

/** Everybody who publishes. `relay_inbound` is where the relay listens. */
function listEndpoints(config: Config): [name: string, n: number, endpoint: string][] {
  return Object.entries(config.endpoints)
    .filter(([name]) => name !== "relay_inbound")
    .flatMap(([name, addresses]) => addresses.map((address, n): [string, number, string] => [name, n, address]));
}

/** A gateway that is listed in the endpoints it serves would forward its own messages for ever. */
async function isOwn(endpoint: string, ownPort: number): Promise<boolean> {
  const address = parseAddress(endpoint, "connect");
  return address.scheme === "tcp" && address.port === ownPort && (await localAddressFor(address.host)) !== undefined;
}
