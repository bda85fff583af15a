import { FedmsgError } from "fedmsg";
import type { Config } from "fedmsg/config";

/**
 * The addresses at which others publish: all of `endpoints` but `relay_inbound`, where the relay listens.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID where there are none, and so nothing to listen to
 */
export function listSources({ endpoints }: Config): readonly string[] {
  const addresses = Object.entries(endpoints).flatMap(([name, listed]) => (name === "relay_inbound" ? [] : listed));
  if (addresses.length > 0) return addresses;
  throw new FedmsgError(
    "FEDMSG_CONFIG_INVALID",
    "endpoints lists no address to listen to; add those who publish, such as relay_outbound: [tcp://127.0.0.1:4001]",
  );
}
