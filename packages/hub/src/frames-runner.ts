import { FedmsgError } from "fedmsg";
import type { FramesConsumerDefinition } from "fedmsg/plugin";
import type { Runner } from "./plugins/runner.ts";

/**
 * Makes the runner of a consumer that takes frames as they come.
 *
 * @throws FedmsgError FEDMSG_UNSUPPORTED: this version runs relay and gateway outside of hubs only
 */
export function createFramesRunner(definition: FramesConsumerDefinition): Runner {
  const detail = `${definition.name} takes frames (open), which no hub of this version does; give it consume`;
  throw new FedmsgError("FEDMSG_UNSUPPORTED", detail);
}
