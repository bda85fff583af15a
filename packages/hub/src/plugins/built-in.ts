/** The consumers that come with the hub: they run where their key of the configuration says so. */

import { type AnyConsumerDefinition, defineConsumer } from "fedmsg/plugin";
import { gatewayConsumer } from "../gateway.ts";
import { relayConsumer } from "../relay.ts";
import { signingRelayConsumer } from "../signing-relay.ts";

/** One of them. */
export interface BuiltInConsumer {
  /** The module and class that it is in Python: what `explicit_hub_consumers` calls it, and what it is in reports. */
  readonly module: string;
  readonly className: string;
  readonly definition: AnyConsumerDefinition;
  /** It runs only where `explicit_hub_consumers` names it. */
  readonly byNameOnly?: boolean;
}

/** Takes every message and does nothing (`fedmsg/consumers/dummy.py`). */
const dummy = defineConsumer({ name: "DummyConsumer", configKey: "fedmsg.consumers.dummy.enabled", consume: () => {} });

const relay = "fedmsg.consumers.relay";

/** All of them. */
export const builtInConsumers: readonly BuiltInConsumer[] = [
  { module: relay, className: "RelayConsumer", definition: relayConsumer },
  { module: relay, className: "SigningRelayConsumer", definition: signingRelayConsumer, byNameOnly: true },
  { module: "fedmsg.consumers.gateway", className: "GatewayConsumer", definition: gatewayConsumer },
  { module: "fedmsg.consumers.dummy", className: "DummyConsumer", definition: dummy },
];

/** The one that an entry of `explicit_hub_consumers` names. */
export function findBuiltIn(entry: string): BuiltInConsumer | undefined {
  return builtInConsumers.find(({ module, className }) => entry === `${module}:${className}`);
}
