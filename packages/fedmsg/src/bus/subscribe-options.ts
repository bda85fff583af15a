import type { StatusEvent } from "./status.ts";

/** What to subscribe to. */
export interface SubscribeOptions {
  /** Patterns as `compileTopics` reads them: AMQP wildcards, or prefixes. Default: everything. */
  readonly topics?: readonly string[];
  /** Listen on the addresses instead of connecting to them, so that publishers come to us. Default false. */
  readonly passive?: boolean;
  /**
   * The name of the subscription: how far it is is kept on disk under it (`cursor_store`), and what comes while it is not
   * there is fetched later, where its publisher keeps a journal (`replay_endpoints`). One process at a time. Up to 100
   * letters, digits, dots, hyphens and underscores.
   */
  readonly durable?: string;
  /**
   * When a message of a subscription with a name is handled: when the next is asked for (`next`, the default); or when its
   * `commit` says so, and not before (`explicit`). Then any number may be in hand at a time, and they are committed in any
   * order; bounding how many is up to whoever takes them. What is in hand can still be committed after `drain()`, and after
   * the loop was left; `close()` lets go of it, and commits reject with FEDMSG_CLOSED from then on.
   */
  readonly commit?: "next" | "explicit";
  /**
   * Where a subscription without a past begins in the journals of `replay_endpoints`: with what comes from now on (`head`,
   * the default), with the oldest that is there (`first`), or with what was kept since a time.
   */
  readonly from?: "head" | "first" | Date;
  /** In place of `validate_signatures` of the configuration. */
  readonly validateSignatures?: boolean;
  /** In place of `allow_unsigned` of the configuration. */
  readonly allowUnsigned?: readonly string[];
  /**
   * Hears what the bus's `status()` tells of this subscription alone: `following`, `gap`, `replayed`, `dropped`, and warnings
   * about it. What it throws is dropped.
   */
  readonly onEvent?: (event: StatusEvent) => void;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}
