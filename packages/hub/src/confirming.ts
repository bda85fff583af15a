import { ConfirmServer, type ConfirmServerOptions, confirmSocket, type FramesContext } from "fedmsg/plugin";
import { listenFor } from "./addresses.ts";
import type { Forwarding } from "./forwarding.ts";

/** A relay's second way in, for those who want to be sure. */
export interface Confirming {
  readonly addresses: readonly string[];
  /** Answers what it has, and ends. Idempotent. */
  close(): Promise<void>;
}

const name = "relay_confirm";

/**
 * Takes messages on every address of `relay_confirm` and confirms them. They go the way of those from `relay_inbound`: the same
 * checks, the same change, the same journal. Nothing where no address is listed.
 *
 * @throws FedmsgError FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, naming the key; FEDMSG_JOURNAL
 */
export async function openConfirming(
  { config, tell }: Pick<FramesContext, "config" | "tell">,
  forwarding: Forwarding,
  output: ConfirmServerOptions["output"],
): Promise<Confirming | undefined> {
  if (config.relay_confirm.length === 0) return undefined;
  const addresses: string[] = [];
  const server = await ConfirmServer.open({
    socket: confirmSocket(config),
    accept: (frames) => forwarding.acceptElsewhere(frames, { name, endpoint: addresses.join(" ") }),
    output,
    onTaken: () => forwarding.countForwarded(),
    onWarning: (detail) => tell({ type: "warning", name, detail }),
  });
  forwarding.watch(() => server.inHand);
  try {
    for (const [n, address] of config.relay_confirm.entries()) {
      addresses.push((await listenFor(server, address, [name, n], config)).endpoint);
    }
  } catch (error) {
    await server.close();
    throw error;
  }
  return { addresses, close: () => server.close() };
}
