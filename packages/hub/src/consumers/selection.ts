/** Which messages a consumer gets, and what they come in order with. */

import { FedmsgError, type Received } from "fedmsg";
import type { Config } from "fedmsg/config";
import { type ConsumerDefinition, compileFilter } from "fedmsg/plugin";
import type { PluginLog } from "../plugins/plugin-log.ts";
import { describeThrown, show } from "../plugins/text.ts";

/**
 * What a consumer subscribes to; nothing stands for everything.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID where the definition's function returns something else; what it throws
 */
export function topicsOf({ topics = [] }: ConsumerDefinition, config: Config): readonly string[] {
  if (typeof topics !== "function") return topics;
  const found: unknown = topics(config);
  if (Array.isArray(found) && found.every((topic) => typeof topic === "string")) return found;
  throw new FedmsgError("FEDMSG_CONFIG_INVALID", `topics() returned ${show(found)}; wanted a list of texts`);
}

/** Whether a message is for the consumer. @throws what the definition's function throws */
export type Selector = (received: Received) => boolean;

/**
 * Compiles the filter of a definition; nothing where everything is selected.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID where it is wrong
 */
export function selectorOf({ filter }: ConsumerDefinition): Selector | undefined {
  if (filter === undefined) return undefined;
  if (typeof filter === "function") return (received) => Boolean(filter(received));
  const test = compileFilter(filter);
  return ({ topic, body }) => test(topic, body);
}

/** Names the line that a message comes in; nothing where there are none. Never throws: what the plugin throws is told. */
export function lineNamer(
  { ordered }: ConsumerDefinition,
  log: PluginLog,
): ((received: Received) => string | undefined) | undefined {
  if (!ordered) return undefined;
  if (ordered === true) return ({ topic }) => topic;
  return (received) => {
    try {
      const line: unknown = ordered(received);
      if (typeof line === "string") return line;
      log.complain("ordered() named no text, so the message comes in order with its topic");
    } catch (error) {
      log.complain("ordered() failed, so the message comes in order with its topic", describeThrown(error));
    }
    return received.topic;
  };
}
