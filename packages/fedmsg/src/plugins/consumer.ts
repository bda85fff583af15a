/**
 * The shape of a consumer: what a hub runs for the messages that it selects. A consumer is the default export of a module that
 * the configuration lists under `consumers`: plain data and functions, and nothing to extend or to register.
 *
 * ```
 * bus ──▶ selected ──▶ bounded queue ──▶ consume ──▶ committed
 *                          ▲                │ throws, or takes too long
 *                          └── back-off ◀───┤
 *                                           └──▶ dead letter
 * ```
 *
 * (`moksha.api.hub.consumer`, `fedmsg/consumers/__init__.py`)
 */

import type { Bus } from "../bus/bus.ts";
import type { Received } from "../bus/received.ts";
import type { StatusEvent } from "../bus/status.ts";
import type { Config } from "../config/index.ts";
import type { Transaction } from "../replay/cursors.ts";
import type { Frames, Transport } from "../transport/transport.ts";
import type { MessageFilter } from "../wire/filter.ts";
import type { Log } from "./command.ts";

/** What a plugin is given to run with. */
export interface PluginContext {
  /** The plugin's name. */
  readonly name: string;
  readonly config: Config;
  /** To publish with. Opened by the hub, which closes it. */
  readonly bus: Bus;
  /** Writes where `logging` says, with the plugin's name in front. */
  readonly log: Log;
  /** Fires when the hub ends and waits no longer. */
  readonly signal: AbortSignal;
}

/** What `consume` is given beside the message. */
export interface ConsumeContext extends PluginContext {
  /** 1 the first time, 2 when it is tried again. */
  readonly attempt: number;
  /** Fires when this attempt has taken too long, or when the hub waits no longer. */
  readonly signal: AbortSignal;
  /**
   * Keeps that the message is handled; and in the same transaction, if it is given, what `work` writes to tables of its own
   * in the consumer's database: both or neither, whatever happens when. Without a call it is kept when `consume` has
   * resolved. Only a `durable` consumer has a database.
   *
   * @param work must not wait for anything
   * @returns what `work` returned, once it is on disk
   * @throws FedmsgError FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED (`work` of a consumer that is not durable), FEDMSG_TIMEOUT (this
   *   attempt was given up), FEDMSG_CLOSED; what `work` throws
   */
  commit<T>(work?: (transaction: Transaction) => T): Promise<T | undefined>;
}

/** When a message that failed is tried again: after a random part of a pause that doubles each time. */
export interface RetryOptions {
  /** How often it is tried in all, before it becomes a dead letter. What the disk refuses does not count. Default 5. */
  readonly attempts?: number;
  /** The longest first pause, in ms. Default 200. */
  readonly firstMs?: number;
  /** The longest pause of all, in ms. Default 30,000. */
  readonly mostMs?: number;
}

/** A consumer of messages. */
export interface ConsumerDefinition {
  /** Up to 100 letters, digits, dots, hyphens and underscores; its cursor and its dead letters are kept under it. */
  readonly name: string;
  /** Patterns as `compileTopics` reads them: AMQP wildcards, or prefixes. Default: everything. */
  readonly topics?: readonly string[] | ((config: Config) => readonly string[]);
  /** What else a message must be like: the filter, or a function. */
  readonly filter?: MessageFilter | ((received: Received) => boolean);
  /** The consumer runs only where this key of the configuration is set, and not false, 0 or empty. Default: it runs. */
  readonly configKey?: string;
  /** How many messages it works on at a time. Default: `moksha.workers_per_consumer`. */
  readonly concurrency?: number;
  /**
   * `true`: what has the same topic comes one after the other, in order; a function names what a message comes in order with.
   * A message that is tried again, or that is being kept as handled, holds up those behind it. Default false, where
   * `concurrency` is 1 as well: a message that waits to be tried again holds up nobody.
   */
  readonly ordered?: boolean | ((received: Received) => string);
  /** Default: `validate_signatures` of the configuration. */
  readonly validateSignatures?: boolean;
  /** Topics that may be unsigned. Default: `allow_unsigned` of the configuration. */
  readonly allowUnsigned?: readonly string[];
  /**
   * Remember on disk what was handled, and fetch what came while it was not there (`replay_endpoints`). Needs `@fedmsg/store`.
   * What the hub could not finish at its end comes again at the next start; without `replay_endpoints`, and where this is not
   * set, it becomes a dead letter. Default false.
   */
  readonly durable?: boolean;
  /** Where a durable consumer without a past begins. Default `head`: with what comes from now on. */
  readonly from?: "head" | "first" | Date;
  /**
   * How long one attempt may take, in ms. Then its signal fires, it is given up, and what it still commits is refused; where it
   * does not heed the signal it runs on, beside the next attempt. Default 60,000. What waits in a loop without a pause cannot
   * be ended.
   */
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
  /** Handles a message. What it throws, or rejects with, is an attempt that failed. */
  consume(received: Received, context: ConsumeContext): unknown;
  /** Runs before the first message. Where it throws, the consumer does not run, and the others do. */
  start?(context: PluginContext): unknown;
  /** Runs after the last message. */
  stop?(context: PluginContext): unknown;
}

/** Where frames come from. */
export interface FramesSource {
  /** The key of the configuration that names it. */
  readonly name: string;
  readonly endpoint: string;
}

/** Which sockets a consumer of frames reads. */
export type FramesInputs =
  /** Everything in `endpoints` and what the DNS lists for `srv_endpoints`, except where `except` says so. */
  | { readonly connect: "endpoints"; readonly except?: (endpoint: string) => Promise<boolean> }
  /** It listens, and others connect. `key` names the key of the configuration that the addresses are from. */
  | { readonly listen: readonly string[]; readonly key: string };

/** What a running consumer of frames did so far. */
export interface FramesCounts {
  /** Messages that came in and went out. */
  readonly forwarded: number;
  /** Messages that some subscriber lost, because it did not keep up. */
  readonly dropped: number;
  /** Messages that were refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Messages that came another way than from its inputs, and went out or were refused: part of these counts. Default 0. */
  readonly received?: number;
  /** Messages that came another way, and neither went out nor were refused yet. Default 0. */
  readonly inHand?: number;
}

/** What a consumer of frames is given to start with. */
export interface FramesContext extends PluginContext {
  readonly transport: Transport;
  /** Tells what happened: connections, refused and dropped messages. Must not throw. */
  tell(event: StatusEvent): void;
}

/** A running consumer of frames. */
export interface FramesWorker {
  readonly inputs: FramesInputs;
  /** Where it publishes, if it does. */
  readonly outbound?: string;
  /** Where its journal can be asked for what was missed, if it has one. */
  readonly replay?: string | undefined;
  /** Where it takes messages that it confirms, if it does. */
  readonly confirm?: readonly string[] | undefined;
  /**
   * Takes what came together from one source, as it came: nobody decoded or validated it. The source is read on when the
   * promise resolves; where it rejects, the hub ends.
   */
  consume(batch: readonly Frames[], source: FramesSource): Promise<void> | undefined;
  counts(): FramesCounts;
  /** What keeps it from its work at the moment, such as a journal that cannot be written; `/healthz` tells it. */
  problems?(): readonly string[];
  /** Resolves when somebody subscribes to a prefix of `topic` where it publishes. */
  subscribed?(topic?: string, signal?: AbortSignal): Promise<void>;
  /** Reads keys and certificates again (SIGHUP). */
  refresh?(): Promise<void>;
  /** The end begins: what comes to it another way than from its inputs must stop now. Its inputs are read on for a moment. */
  beforeEnd?(): Promise<void>;
  /** From now on, what cannot be sent is given up: nothing more comes. */
  hurry?(): void;
  /** Sends what it took, then closes. Runs after the last batch was given. */
  drain(): Promise<void>;
  /** Closes now. */
  close(): Promise<void>;
}

/**
 * A consumer that takes frames as they come, many at a time, for what passes them on: relay and gateway (in Python, one with
 * `jsonify = False`).
 */
export interface FramesConsumerDefinition {
  readonly name: string;
  readonly configKey?: string;
  /** Opens what it needs. Where it throws, the consumer does not run. */
  open(context: FramesContext): Promise<FramesWorker>;
}

/** What `consumers` may list. */
export type AnyConsumerDefinition = ConsumerDefinition | FramesConsumerDefinition;

/**
 * Defines a consumer: the default export of a module that the configuration lists under `consumers`.
 *
 * @example
 * ```ts
 * export default defineConsumer({
 *   name: "audit",
 *   topics: ["org.fedoraproject.*.git.#"],
 *   durable: true,
 *   async consume({ topic, message }, { commit }) {
 *     await commit((db) => db.run("INSERT INTO audit VALUES (?, ?)", topic, message.timestamp));
 *   },
 * });
 * ```
 */
export function defineConsumer<D extends AnyConsumerDefinition>(definition: D): D {
  return definition;
}
