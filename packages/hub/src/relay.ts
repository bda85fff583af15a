import { FedmsgError } from "fedmsg";
import { type Frames, type Publisher, type Subscriber, socketOptions } from "fedmsg/plugin";
import {
  type Daemon,
  type DaemonHooks,
  type DaemonOptions,
  forwardEvent,
  listenFor,
  toDaemon,
  transportOf,
} from "./daemon.ts";
import { type Fault, Forwarder } from "./forwarder.ts";

/**
 * Starts a relay: a place that short-lived programs and those without an address of their own connect to and publish
 * through (`active: true`). It listens on every address of `relay_inbound` and publishes on the first free one of
 * `endpoints.relay_outbound` (`fedmsg/consumers/relay.py`).
 *
 * @throws FedmsgError FEDMSG_NO_ENDPOINT, FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, each naming
 *   the key that the address came from
 */
export async function startRelay(options: DaemonOptions): Promise<Daemon> {
  return openRelay(options);
}

/** What a relay may do beside forwarding. */
export interface RelayHooks extends Pick<DaemonHooks, "refresh"> {
  /** What goes out for what came in, or why nothing does. */
  readonly transform?: (frames: Frames) => Frames | Fault;
}

/** As {@link startRelay}, for relays that do more. */
export async function openRelay(options: DaemonOptions, { transform, refresh }: RelayHooks = {}): Promise<Daemon> {
  const { config, onEvent } = options;
  const transport = await transportOf(options);
  let outbound = "";
  const inbound: string[] = [];
  const output = transport.createPublisher({
    ...socketOptions(config),
    onEvent: forwardEvent("relay_outbound", () => outbound, onEvent),
  });
  const socket = transport.createSubscriber({
    ...socketOptions(config),
    onEvent: forwardEvent("relay_inbound", () => inbound.join(" "), onEvent),
  });
  try {
    outbound = await listenOutbound(output, options);
    socket.subscribe("");
    inbound.push(...(await listenInbound(socket, options)));
  } catch (error) {
    await Promise.all([output.close(), socket.close()]);
    throw error;
  }
  const forwarder = new Forwarder({
    inputs: [{ name: "relay_inbound", endpoint: inbound.join(" "), socket }],
    output,
    bodyBytesMax: config.bodyBytesMax,
    transform,
    onEvent,
  });
  return toDaemon(forwarder, output, { inbound, outbound }, { ...(refresh && { refresh }) });
}

async function listenInbound(socket: Subscriber, { config }: DaemonOptions): Promise<string[]> {
  if (config.relay_inbound.length === 0) {
    throw new FedmsgError("FEDMSG_NO_ENDPOINT", "relay_inbound lists no address for the relay to listen on; add one");
  }
  const inbound: string[] = [];
  for (const [n, address] of config.relay_inbound.entries()) {
    inbound.push((await listenFor(socket, address, ["relay_inbound", n], config)).endpoint);
  }
  return inbound;
}

async function listenOutbound(output: Publisher, { config }: DaemonOptions): Promise<string> {
  const addresses = config.endpoints.relay_outbound ?? [];
  for (const [n, address] of addresses.entries()) {
    try {
      return (await listenFor(output, address, ["endpoints", "relay_outbound", n], config)).endpoint;
    } catch (error) {
      const last = n === addresses.length - 1;
      if (last || !(error instanceof FedmsgError) || error.code !== "FEDMSG_ADDRESS_IN_USE") throw error;
    }
  }
  throw new FedmsgError(
    "FEDMSG_NO_ENDPOINT",
    "endpoints.relay_outbound lists no address for the relay to publish on; add one",
  );
}
