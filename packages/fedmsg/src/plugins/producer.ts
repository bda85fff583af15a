/** The shape of a producer: what a hub does every so often (`moksha.api.hub.producer`, `PollingProducer`). */

import type { PluginContext } from "./consumer.ts";

interface ProducerBase {
  /** Up to 100 letters, digits, dots, hyphens and underscores. */
  readonly name: string;
  /** The producer runs only where this key of the configuration is set, and not false, 0 or empty. Default: it runs. */
  readonly configKey?: string;
  /** Poll at the start, too, and not only when the first interval is over. Default false. */
  readonly now?: boolean;
  /** How long one poll may take, in ms, before it is told as hanging; no other begins meanwhile. Default 60,000. */
  readonly timeoutMs?: number;
  /** Does the work, one call at a time. What it throws is told, and the next call comes when it is due. */
  poll(context: PluginContext): unknown;
  start?(context: PluginContext): unknown;
  stop?(context: PluginContext): unknown;
}

/** A producer, and when it is polled: every so many seconds, or as cron says. */
export type ProducerDefinition = ProducerBase &
  (
    | {
        /** Seconds from one poll to the next. */
        readonly every: number;
        readonly cron?: undefined;
      }
    | {
        /** Five fields, or six with seconds, in the local time of this machine: `0 3 * * *`. */
        readonly cron: string;
        readonly every?: undefined;
      }
  );

/**
 * Defines a producer: the default export of a module that the configuration lists under `producers`.
 *
 * @example
 * ```ts
 * export default defineProducer({
 *   name: "heartbeat",
 *   every: 60,
 *   poll: ({ bus }) => bus.publish({ topic: "alive", modname: "mybox" }),
 * });
 * ```
 */
export function defineProducer(definition: ProducerDefinition): ProducerDefinition {
  return definition;
}
