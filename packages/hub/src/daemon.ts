import { FedmsgError, type StatusEvent } from "fedmsg";
import { type Config, configOrigin } from "fedmsg/config";
import {
  createTransport,
  cutWarning,
  type Listening,
  listen,
  type Publisher,
  type SocketEvent,
  type Transport,
} from "fedmsg/plugin";
import type { ForwardCounts, Forwarder } from "./forwarder.ts";

/** Options of every daemon. */
export interface DaemonOptions {
  /** A complete configuration, as `loadConfig` returns it. */
  readonly config: Config;
  /** A transport to use instead of the one that the configuration names. */
  readonly transport?: Transport;
  /** Hears of connections, refused and dropped messages. Must not throw. */
  readonly onEvent?: (event: StatusEvent) => void;
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
  readonly counts: ForwardCounts;
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

/** The transport given, or else the one that the configuration names. */
export async function transportOf({ config, transport }: DaemonOptions): Promise<Transport> {
  return transport ?? createTransport(config);
}

/** What a daemon does beside forwarding. */
export interface DaemonHooks {
  /** Stops what must stop before the forwarder does. */
  readonly beforeEnd?: () => Promise<void>;
  readonly refresh?: () => Promise<void>;
}

/** Puts a daemon together from its forwarder. */
export function toDaemon(
  forwarder: Forwarder,
  output: Publisher,
  addresses: Pick<Daemon, "inbound" | "outbound" | "replay" | "confirm">,
  { beforeEnd = async () => {}, refresh = async () => {} }: DaemonHooks = {},
): Daemon {
  return {
    ...addresses,
    get counts() {
      return forwarder.counts;
    },
    get done() {
      return forwarder.done;
    },
    subscribed: (topic, signal) => output.subscribed(topic, signal),
    refresh,
    drain: () => beforeEnd().then(() => forwarder.drain()),
    close: () => beforeEnd().then(() => forwarder.close()),
    [Symbol.asyncDispose]: () => beforeEnd().then(() => forwarder.drain()),
  };
}

/** Where the configuration has something, for instance `["relay_inbound", 0]`. */
export type KeyPath = readonly [key: string, ...rest: (string | number)[]];

/**
 * Listens on an address, as it is written; an error names the key it came from.
 *
 * @param path where the configuration has it
 */
export async function listenFor(
  socket: Pick<Publisher, "bind">,
  address: string,
  path: KeyPath,
  config: Config,
): Promise<Listening> {
  try {
    return await listen(socket, address, "refuse");
  } catch (error) {
    throw nameKey(error, path, config);
  }
}

/** Puts the key that an address came from, and where the key was given, in front of an error. */
export function nameKey(error: unknown, path: KeyPath, config: Config): FedmsgError {
  const { code, message } = FedmsgError.from(error);
  const key = path.map((step, n) => (n === 0 ? step : formatStep(step))).join("");
  const origin = configOrigin(config, ...path) ?? "default";
  const from = origin === "default" ? "a default" : `from ${origin}`;
  return new FedmsgError(code, `${key} (${from}): ${message}`, { cause: error });
}

function formatStep(step: string | number): string {
  return typeof step === "string" && /^\w+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** Turns what a socket tells into what a daemon tells. */
export function forwardEvent(
  name: string,
  endpoint: () => string,
  onEvent: ((event: StatusEvent) => void) | undefined,
): (event: SocketEvent) => void {
  return (event) => {
    if (event.type === "unresolved") {
      onEvent?.({ type: "disconnected", name, endpoint: endpoint(), detail: event.detail });
    } else if (event.type === "dropped") {
      onEvent?.({ type: "dropped", name, endpoint: endpoint(), count: event.count });
    } else if (event.type === "cut") {
      onEvent?.(cutWarning(name, event));
    } else if (event.type !== "waiting") onEvent?.({ type: event.type, name, endpoint: endpoint() });
  };
}
