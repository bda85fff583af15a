/** The consumers that come with the hub: they run where their key of the configuration says so. */

import { type AnyConsumerDefinition, defineConsumer } from "fedmsg/plugin";

/** One of them, and what `explicit_hub_consumers` may call it. */
export interface BuiltInConsumer {
  readonly names: readonly string[];
  readonly definition: AnyConsumerDefinition;
}

/** Takes every message and does nothing (`fedmsg/consumers/dummy.py`). */
const dummy = defineConsumer({ name: "dummy", configKey: "fedmsg.consumers.dummy.enabled", consume: () => {} });

/** All of them. */
export const builtInConsumers: readonly BuiltInConsumer[] = [
  { names: ["fedmsg.consumers.dummy:DummyConsumer"], definition: dummy },
];
