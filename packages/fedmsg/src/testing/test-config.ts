import { join } from "node:path";
import { type Config, type ConfigInput, completeConfig } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import { show } from "./show.ts";

/** What a test bus is made of. */
export interface TestBusPlaces {
  /** Where publishers connect. */
  readonly inbound: string;
  /** Where subscribers connect. */
  readonly outbound: string;
  /** A folder of its own. */
  readonly folder: string;
}

/**
 * The configuration of a test bus. No file and no variable of the environment is read for it, and nothing in it leads out of
 * the process and the folder: whatever `given` says of addresses, journals and the like has no effect. What signatures are validated
 * with must be files.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID
 */
export function testBusConfig(given: ConfigInput | Config, { inbound, outbound, folder }: TestBusPlaces): Config {
  assertFiles(given);
  return completeConfig({
    validate_signatures: false,
    ...given,
    // Everybody publishes through the middle, which sees and forwards everything.
    ...{ transport: "memory", zmq_enabled: true, active: true, mute: false, relay_inbound: [inbound] },
    ...{ endpoints: { ...given.endpoints, relay_outbound: [outbound] }, relay_outbound: null, publish_endpoint: null },
    ...{ relay_confirm: null, outbox: null, persistent_store: null, replay_endpoints: null, replay_upstream: null },
    ...{ srv_endpoints: null, srv_servers: null, datagrepper_url: null, status_directory: null },
    ...{ "moksha.monitoring.socket": null, metrics_port: null, ca_cert_cache: null, crl_cache: null },
    cursor_store: `sqlite:${join(folder, "{name}.db")}`,
    // Only what a test names itself runs.
    ...{ consumers: null, producers: null, explicit_hub_consumers: [], commands: null },
  });
}

/** A test must not ask a server, and what is validated with nothing would be refused without a word about why. */
function assertFiles(given: ConfigInput | Config): void {
  if (!given.validate_signatures) return;
  for (const key of ["ca_cert_location", "crl_location"] as const) {
    const location = given[key];
    if (typeof location !== "string" || !/^https?:/i.test(location)) continue;
    const advice = `a test bus fetches nothing; name a file${key === "crl_location" ? ", or null" : ""}`;
    throw new FedmsgError("FEDMSG_CONFIG_INVALID", `${key}: found ${show(location, 200)}; ${advice}`);
  }
}
