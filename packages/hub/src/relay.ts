import { FedmsgError } from "fedmsg";
import type { Signer } from "fedmsg/crypto";
import {
  type Frames,
  type Journalling,
  MessageWriter,
  openJournalling,
  type Publisher,
  type Subscriber,
  socketOptions,
} from "fedmsg/plugin";
import { type Confirming, openConfirming } from "./confirming.ts";
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
import { KeepingOutput } from "./keeping.ts";

/** What the relay is called: the key of `endpoints` and of `replay_endpoints`, and `{name}` in `persistent_store`. */
const relayName = "relay_outbound";

/**
 * Starts a relay: a place that short-lived programs and those without an address of their own connect to and publish
 * through (`active: true`). It listens on every address of `relay_inbound` and publishes on the first free one of
 * `endpoints.relay_outbound` (`fedmsg/consumers/relay.py`). With `persistent_store` it keeps what it forwards, as it came, and
 * answers at `replay_endpoints.relay_outbound`; its heartbeats are signed where it has something to sign with. On the addresses
 * of `relay_confirm` it takes messages that it confirms.
 *
 * @throws FedmsgError FEDMSG_NO_ENDPOINT, FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, each naming
 *   the key that the address came from; FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED (`@fedmsg/store` is not installed)
 */
export async function startRelay(options: DaemonOptions): Promise<Daemon> {
  return openRelay(options);
}

/** What a relay may do beside forwarding. */
export interface RelayHooks extends Pick<DaemonHooks, "refresh"> {
  /** What goes out for what came in, or why nothing does. */
  readonly transform?: (frames: Frames) => Frames | Fault;
  /** What signs heartbeats. */
  readonly signer?: () => Signer;
}

/** As {@link startRelay}, for relays that do more. */
export async function openRelay(
  options: DaemonOptions,
  { transform, signer, refresh }: RelayHooks = {},
): Promise<Daemon> {
  const { config, onEvent } = options;
  const transport = await transportOf(options);
  let outbound = "";
  let journalling: Journalling | undefined;
  const onWarning = (detail: string) => onEvent?.({ type: "warning", name: relayName, detail });
  const inbound: string[] = [];
  const output = transport.createPublisher({
    ...socketOptions(config),
    onEvent: forwardEvent(relayName, () => outbound, onEvent),
  });
  const socket = transport.createSubscriber({
    ...socketOptions(config),
    onEvent: forwardEvent("relay_inbound", () => inbound.join(" "), onEvent),
  });
  try {
    outbound = await listenOutbound(output, options);
    socket.subscribe("");
    inbound.push(...(await listenInbound(socket, options)));
    const encode = heartbeatEncoder(options, signer);
    journalling = await openJournalling({
      config,
      name: relayName,
      endpoint: outbound,
      publisher: output,
      encode,
      onWarning,
    });
  } catch (error) {
    await Promise.all([output.close(), socket.close()]);
    throw error;
  }
  const forwarder = new Forwarder({
    inputs: [{ name: "relay_inbound", endpoint: inbound.join(" "), socket }],
    output: journalling ? new KeepingOutput(journalling.publisher, onWarning) : output,
    bodyBytesMax: config.bodyBytesMax,
    transform,
    onEvent,
  });
  let confirming: Confirming | undefined;
  try {
    confirming = await openConfirming(options, forwarder, journalling?.publisher ?? output);
  } catch (error) {
    await forwarder.close();
    throw error;
  }
  const addresses = { inbound, outbound, replay: journalling?.replayAddress, confirm: confirming?.addresses };
  const beforeEnd = async () => confirming?.close();
  return toDaemon(forwarder, output, addresses, { beforeEnd, ...(refresh && { refresh }) });
}

function heartbeatEncoder({ config }: DaemonOptions, signer: (() => Signer) | undefined) {
  const writer = new MessageWriter(config, relayName);
  return (topic: string, msg: unknown) => {
    writer.signer = signer?.(); // It may be another one by now.
    return writer.writeHeartbeat(topic, msg);
  };
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
