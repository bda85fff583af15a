import { encodeReady } from "../codec/commands.ts";
import { ProtocolFault } from "../codec/fault.ts";
import type { PeerInfo } from "../events.ts";

/** Socket types whose READY tells an identity, empty or not. */
const sendsIdentity = new Set(["REQ", "DEALER", "ROUTER"]);

/** The READY of a socket. */
export function writeReady(type: string, identity: Buffer): Buffer {
  return encodeReady(type, sendsIdentity.has(type) ? identity : undefined);
}

/**
 * What READY tells of its sender, as copies.
 *
 * @throws ProtocolFault
 */
export function readReady(metadata: ReadonlyMap<string, Buffer>): Pick<PeerInfo, "socketType" | "identity"> {
  const socketType = metadata.get("socket-type")?.toString("latin1") ?? "";
  const identity = Buffer.from(metadata.get("identity") ?? []);
  if (identity.length > 255) throw new ProtocolFault("bad-command", `its identity has ${identity.length} bytes`);
  if (identity[0] === 0)
    throw new ProtocolFault("bad-command", "its identity begins with 0, which is for names made up");
  return { socketType, identity };
}
