import { FedmsgError } from "fedmsg";
import type { Config } from "fedmsg/config";
import type { Signer } from "fedmsg/crypto";
import {
  defineConsumer,
  type Frames,
  type FramesConsumerDefinition,
  type FramesContext,
  type FramesWorker,
  MessageWriter,
  openJournalling,
  type Publisher,
  socketOptions,
} from "fedmsg/plugin";
import { forwardEvent, listenFor } from "./addresses.ts";
import { openConfirming } from "./confirming.ts";
import { type Fault, Forwarding, type Output } from "./forwarding.ts";
import { KeepingOutput } from "./keeping.ts";

/** What the relay is called: the key of `endpoints` and of `replay_endpoints`, and `{name}` in `persistent_store`. */
const relayName = "relay_outbound";

/**
 * The relay: a place that short-lived programs and those without an address of their own connect to and publish
 * through (`active: true`). It listens on every address of `relay_inbound` and publishes on the first free one of
 * `endpoints.relay_outbound` (`fedmsg/consumers/relay.py`). With `persistent_store` it keeps what it forwards, as it came, and
 * answers at `replay_endpoints.relay_outbound`; its heartbeats are signed where it has something to sign with. On the addresses
 * of `relay_confirm` it takes messages that it confirms.
 */
export const relayConsumer: FramesConsumerDefinition = defineConsumer({
  name: "RelayConsumer",
  configKey: "fedmsg.consumers.relay.enabled",
  open: (context: FramesContext) => openRelay(context),
});

/** What a relay may do beside forwarding. */
export interface RelayHooks extends Pick<FramesWorker, "refresh"> {
  /** What goes out for what came in, or why nothing does. */
  readonly transform?: (frames: Frames) => Frames | Fault;
  /** What signs heartbeats. */
  readonly signer?: () => Signer;
}

/** Opens all of a relay but its way in. @throws FedmsgError see `startRelay` */
export async function openRelay(
  { config, transport, tell }: FramesContext,
  { transform, signer, refresh }: RelayHooks = {},
): Promise<FramesWorker> {
  if (config.relay_inbound.length === 0) {
    throw new FedmsgError("FEDMSG_NO_ENDPOINT", "relay_inbound lists no address for the relay to listen on; add one");
  }
  let outbound = "";
  const onWarning = (detail: string) => tell({ type: "warning", name: relayName, detail });
  const output = transport.createPublisher({
    ...socketOptions(config),
    onEvent: forwardEvent(relayName, () => outbound, tell),
  });
  let closing: { close(): Promise<void> } = output;
  try {
    outbound = await listenOutbound(output, config);
    const encode = heartbeatEncoder(config, signer);
    const parts = { config, name: relayName, endpoint: outbound, publisher: output, encode, onWarning };
    const journalling = await openJournalling(parts);
    const keeping = journalling && new KeepingOutput(journalling.publisher, onWarning);
    const wayOut: Output = keeping ?? output;
    closing = wayOut;
    const forwarding = new Forwarding({ output: wayOut, bodyBytesMax: config.bodyBytesMax, transform, tell });
    const confirming = await openConfirming({ config, tell }, forwarding, journalling?.publisher ?? output);
    return {
      inputs: { key: "relay_inbound", listen: config.relay_inbound },
      outbound,
      replay: journalling?.replayAddress,
      confirm: confirming?.addresses,
      consume: (batch, source) => forwarding.forward(batch, source),
      counts: () => forwarding.counts,
      problems: () => (keeping?.problem === undefined ? [] : [keeping.problem]),
      subscribed: (topic, signal) => output.subscribed(topic, signal),
      ...(refresh && { refresh }),
      beforeEnd: async () => confirming?.close(),
      hurry: () => wayOut.hurry?.(),
      drain: () => wayOut.drain(),
      close: async () => {
        await confirming?.close();
        await wayOut.close();
      },
    };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

function heartbeatEncoder(config: Config, signer: (() => Signer) | undefined) {
  const writer = new MessageWriter(config, relayName);
  return (topic: string, msg: unknown) => {
    writer.signer = signer?.(); // It may be another one by now.
    return writer.writeHeartbeat(topic, msg);
  };
}

async function listenOutbound(output: Publisher, config: Config): Promise<string> {
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
