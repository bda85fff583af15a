/** What a bus is to its users. */

import type { Config, ConfigInput } from "../config/index.ts";
import type { Expiry } from "../crypto/index.ts";
import type { Transport } from "../transport/transport.ts";
import type { Delivery } from "./delivery.ts";
import type { PublishOptions } from "./message-writer.ts";
import type { Receipt } from "./receipt.ts";
import type { DurableReceived } from "./received.ts";
import type { RefusalReason, StatusEvent } from "./status.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import type { Subscription } from "./subscription.ts";

export type { Receipt };

/** How to join the bus. */
export interface ConnectOptions {
  /** Key of `endpoints` to publish under. Default: `<package of the caller>.<short host name>`. */
  readonly name?: string;
  /** Configuration: keys given here replace those that {@link loadConfig} finds. */
  readonly config?: ConfigInput | Config;
  /** A transport to use instead of the one that the configuration names. */
  readonly transport?: Transport;
  /**
   * All subscriptions of this bus share one connection to each publisher; what comes is decoded and validated once. One that
   * does not keep up holds up the others for half a second at most, and then misses messages, which is counted and told (`dropped`);
   * what a journal has of them is fetched later. `passive` ones have sockets of their own. A message that several subscriptions
   * get is one object: none may change it. Default false: each has connections of its own, and one that does not keep up holds
   * up the publishers.
   */
  readonly shareConnections?: boolean;
  /** Closes the bus. */
  readonly signal?: AbortSignal;
}

/** What a bus has done so far. */
export interface Counts {
  readonly published: number;
  /** Messages that subscriptions got; one that goes to two counts twice. */
  readonly received: number;
  /** Messages that some subscriber of ours lost. */
  readonly dropped: number;
  /** Messages that came a second time (`replay_window`, journals). */
  readonly duplicates: number;
  /** Messages that were refused. Where subscriptions share connections, once, however many refuse it for the same reason. */
  readonly invalid: Readonly<Partial<Record<RefusalReason, number>>>;
}

/** One's place on the bus: publishes under one name, subscribes to everybody. Made by {@link connect}. */
export interface Bus extends AsyncDisposable {
  readonly name: string;
  readonly config: Config;
  /** The address it publishes on, or the relay it publishes through; nothing while it has none. */
  readonly endpoint: string | undefined;
  readonly counts: Counts;
  /**
   * Publishes one message. Passive, it resolves when the message is queued for every subscriber (at once during
   * `post_init_sleep`, when it is kept); active, when it is queued for the relay, which is waited for; active and with
   * `relay_confirm`, when the relay says that it has it. With an outbox it resolves when the message is kept there, on the disk
   * as `journal_sync` says, and the relay gets it whenever it is there (`Receipt.confirmed`). With a journal
   * (`persistent_store`) it has a `seq_id`, and is on the disk too.
   *
   * @throws FedmsgError FEDMSG_ENCODE, FEDMSG_TOO_LARGE, FEDMSG_NO_ENDPOINT, FEDMSG_TIMEOUT (active, after
   *   `publish_timeout`; the relay may have it all the same), FEDMSG_REFUSED (by the relay), FEDMSG_QUEUE_FULL, FEDMSG_JOURNAL (it cannot be kept, and is not sent), FEDMSG_CLOSED, FEDMSG_ABORTED
   */
  publish(options: PublishOptions): Promise<Receipt>;
  /**
   * Subscribes to everything listed in `endpoints`, and to what the DNS lists for the domains in `srv_endpoints`, as that
   * changes. Throws FEDMSG_CLOSED, FEDMSG_UNSUPPORTED.
   */
  subscribe(options: SubscribeOptions & { readonly durable: string }): Subscription<DurableReceived>;
  subscribe(options?: SubscribeOptions): Subscription;
  /** Resolves when somebody subscribes to a prefix of the full topic `topic`; default: to anything. */
  subscribed(topic?: string, signal?: AbortSignal): Promise<void>;
  /**
   * Reads certificates, the list of revoked ones and our own key again, now; what cannot be read stays as it was, and is
   * told as a status event. Files that change are noticed without it.
   */
  refresh(): Promise<void>;
  /** The certificates that it signs with and holds messages against, as far as they are read, and until when they are valid. */
  certificates(): readonly Expiry[];
  /**
   * How what it publishes gets to the relay, where one confirms (`relay_confirm`), and what waits in the outbox, as of now; nothing where
   * nobody confirms, or before it has begun to publish.
   */
  delivery(): Delivery | undefined;
  /**
   * Tells what happens, from now on, until the bus is closed; and first of all on which address it listens. Any number
   * may listen.
   */
  status(): AsyncIterableIterator<StatusEvent, undefined>;
  /** Sends what was accepted, lets subscriptions be read to their end, then closes. Idempotent. */
  drain(): Promise<void>;
  /** Stops now. What waits to be sent is rejected with FEDMSG_CLOSED. Idempotent. */
  close(): Promise<void>;
  /** Resolves when the bus is closed, whoever closed it. */
  readonly closed: Promise<void>;
}
