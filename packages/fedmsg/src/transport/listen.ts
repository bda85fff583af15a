import { localAddressFor } from "../config/environment.ts";
import { FedmsgError } from "../errors.ts";
import { formatAddress, parseAddress } from "./address.ts";
import type { Publisher } from "./transport.ts";

/** Where a socket listens, and how that differs from what was asked for, if it does. */
export interface Listening {
  /** The address that was bound, with its real port. */
  readonly endpoint: string;
  readonly note?: string;
}

/**
 * Listens on an address of the configuration. A host's name is resolved to the address of this machine that it stands
 * for: what is listed as `tcp://app01:3000` listens there and not on every interface.
 *
 * @param elsewhere what to do where the host is not this machine: refuse, or listen on every interface and say so, as
 *   `fedmsg/core.py` always does
 * @throws FedmsgError FEDMSG_ADDRESS_INVALID, FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
 */
export async function listen(
  socket: Pick<Publisher, "bind">,
  address: string,
  elsewhere: "refuse" | "everywhere",
): Promise<Listening> {
  const parsed = parseAddress(address, "bind");
  if (parsed.scheme === "ipc" || parsed.host === "*") return { endpoint: await socket.bind(address) };
  const host = await localAddressFor(parsed.host);
  if (host !== undefined) return { endpoint: await socket.bind(formatAddress({ ...parsed, host })) };
  if (elsewhere === "refuse") {
    throw new FedmsgError(
      "FEDMSG_TRANSPORT",
      `cannot listen on ${address}: ${parsed.host} is no address of this machine`,
    );
  }
  const endpoint = await socket.bind(formatAddress({ ...parsed, host: "*" }));
  return {
    endpoint,
    note: `${parsed.host} (${address}) is no address of this machine, so it listens on every interface`,
  };
}
