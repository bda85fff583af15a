/** Hubs of one: relay, signing relay or gateway in a process of its own, or within another program. */

import { FedmsgError, type StatusEvent } from "fedmsg";
import { type Config, completeConfig } from "fedmsg/config";
import type { FramesCounts, Log, Transport } from "fedmsg/plugin";
import { type Forwarder, startHub } from "./hub.ts";

/** Options of every daemon. */
export interface DaemonOptions {
  /** A complete configuration, as `loadConfig` returns it. */
  readonly config: Config;
  /** A transport to use instead of the one that the configuration names. */
  readonly transport?: Transport;
  /** Hears of connections, refused and dropped messages. Must not throw. */
  readonly onEvent?: (event: StatusEvent) => void;
  /** What the process is called: then it is monitored, as the configuration says. Default: it is not. */
  readonly processName?: string;
}

/** A daemon that forwards messages and runs until it is told to stop. */
export interface Daemon extends AsyncDisposable {
  /** Where messages come in: addresses it listens on or connects to. */
  readonly inbound: readonly string[];
  /** Where it publishes them. */
  readonly outbound: string;
  /** Where it takes messages that it confirms (`relay_confirm`); absent where nowhere. */
  readonly confirm?: readonly string[] | undefined;
  /** Where its journal can be asked for what was missed; absent where it has none, or `replay_endpoints` does not list it. */
  readonly replay?: string | undefined;
  readonly counts: FramesCounts;
  /** Resolves when somebody subscribes to a prefix of `topic`; default: to anything. */
  subscribed(topic?: string, signal?: AbortSignal): Promise<void>;
  /** Resolves when it has ended; rejects if a socket failed. */
  readonly done: Promise<void>;
  /** Reads keys and certificates again (SIGHUP), where it has any. What cannot be read stays as it was, and is told. */
  refresh(): Promise<void>;
  /** Forwards what has arrived, then ends. Idempotent. */
  drain(): Promise<void>;
  /** Ends. Idempotent. */
  close(): Promise<void>;
}

/** What it has to say, it tells as events. */
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Starts a relay (see relay.ts).
 *
 * @throws FedmsgError FEDMSG_NO_ENDPOINT, FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, each naming
 *   the key that the address came from; FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED (`@fedmsg/store` is not installed)
 */
export async function startRelay(options: DaemonOptions): Promise<Daemon> {
  return startDaemon("fedmsg.consumers.relay:RelayConsumer", options);
}

/**
 * Starts a gateway (see gateway.ts).
 *
 * @throws FedmsgError FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, naming the key
 */
export async function startGateway(options: DaemonOptions): Promise<Daemon> {
  return startDaemon("fedmsg.consumers.gateway:GatewayConsumer", options);
}

/**
 * Starts a relay that signs (see signing-relay.ts).
 *
 * @throws FedmsgError FEDMSG_CREDENTIALS where key or certificate are missing, before it listens; and what `startRelay`
 *   throws
 */
export async function startSigningRelay(options: DaemonOptions): Promise<Daemon> {
  return startDaemon("fedmsg.consumers.relay:SigningRelayConsumer", options);
}

/**
 * Starts a hub that runs one of the consumers that come with it, and nothing else, whatever the configuration lists.
 *
 * @param consumer as `explicit_hub_consumers` calls it
 * @throws what its `open` throws
 */
async function startDaemon(consumer: string, options: DaemonOptions): Promise<Daemon> {
  const { config, processName } = options;
  const own = { explicit_hub_consumers: [consumer], producers: [], mute: true }; // It has an address of its own, and no other.
  const hub = await startHub({
    ...options,
    config: completeConfig({ ...own, ...switches }, config),
    log: silent,
    monitoring: processName === undefined ? "none" : "if possible",
  }).catch((error: unknown) => {
    throw error instanceof FedmsgError && error.cause instanceof FedmsgError ? error.cause : error;
  });
  const [forwarder] = hub.forwarders;
  const { worker, inbound } = forwarder as Forwarder;
  const { outbound = "", replay, confirm } = worker;
  return {
    ...{ inbound, outbound, replay, confirm },
    get counts() {
      return worker.counts();
    },
    done: hub.done,
    subscribed: async (topic, signal) => worker.subscribed?.(topic, signal),
    refresh: () => hub.refresh(),
    drain: () => hub.drain(),
    close: () => hub.close(),
    [Symbol.asyncDispose]: () => hub.drain(),
  };
}

/** Whoever starts a daemon wants it. */
const switches = { "fedmsg.consumers.relay.enabled": true, "fedmsg.consumers.gateway.enabled": true };
