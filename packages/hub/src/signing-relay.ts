import { FedmsgError } from "fedmsg";
import { createSigner, type Signer } from "fedmsg/crypto";
import {
  decodeMessage,
  defineConsumer,
  type Frames,
  type FramesConsumerDefinition,
  type FramesContext,
  type FramesWorker,
} from "fedmsg/plugin";
import type { Fault } from "./forwarding.ts";
import { openRelay } from "./relay.ts";

/** The key of `certnames` that names the certificate of the relay. */
const relayName = "signing_relay";

/**
 * A relay that signs what it forwards, with the certificate `certnames.signing_relay`
 * (`fedmsg/consumers/relay.py`, `SigningRelayConsumer`): for programs that cannot sign themselves and that it trusts. What
 * a message had of a signature is replaced. It refuses what is no message, and where topic and frame differ, as it would
 * vouch for it.
 */
export const signingRelayConsumer: FramesConsumerDefinition = defineConsumer({
  name: "SigningRelayConsumer",
  open: openSigningRelay,
});

async function openSigningRelay(context: FramesContext): Promise<FramesWorker> {
  const { config, tell } = context;
  // Whatever else is configured: this is not the place of another publisher's certificate.
  const { certname: _, cert_prefix: __, ...own } = config;
  const load = () => createSigner(own, { name: relayName, onEvent: tell });
  let signer = await load();
  const refresh = async () => {
    try {
      signer = await load();
    } catch (error) {
      const detail = `goes on signing as before: ${FedmsgError.from(error).message}`;
      tell({ type: "warning", name: relayName, detail });
    }
  };
  return openRelay(context, {
    transform: (frames) => signMessage(frames, signer, config.bodyBytesMax),
    signer: () => signer,
    refresh,
  });
}

function signMessage(frames: Frames, signer: Signer, bodyBytesMax: number): Frames | Fault {
  const decoded = decodeMessage(frames, bodyBytesMax);
  if (!decoded.valid) return decoded;
  const { topic, body } = decoded;
  try {
    const signed = Buffer.from(signer.signText(Buffer.from(body).toString("utf8")), "latin1");
    if (signed.byteLength <= bodyBytesMax) return [frames[0] as Uint8Array, signed];
    const detail = `signed it is ${signed.byteLength} bytes long, bodyBytesMax is ${bodyBytesMax}`;
    return { reason: "body-too-large", detail, topic };
  } catch (error) {
    return { reason: "not-json", detail: FedmsgError.from(error).message, topic };
  }
}
