/**
 * Where a bus publishes: on an address of its own (*passive*: it listens, subscribers come) or through a relay
 * (*active*: it connects to `relay_inbound`). The names are those of `fedmsg/core.py`.
 *
 * An active publisher waits for the relay's subscription, not for a length of time. Where several relays are listed it
 * uses one, and goes on to the next when messages have waited for a second; all at once would say everything twice. With
 * `relay_confirm` it connects there instead, and hears what the relay has.
 */

import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { JournalledPublisher } from "../replay/journalled.ts";
import { socketOptions } from "../transport/create.ts";
import { listen } from "../transport/listen.ts";
import type { Frames, Publisher, SocketEvent, Transport } from "../transport/transport.ts";
import { ConfirmingPublisher } from "./confirming.ts";
import { openJournalling } from "./journalling.ts";
import { cutWarning, type StatusEvents } from "./status.ts";

/** A publishing socket and the address it uses. */
export interface Outgoing {
  /** What is sent through it goes into no journal. */
  readonly publisher: Pick<Publisher, "send" | "subscribed" | "drain" | "close">;
  /** What hears from the relay that it has a message, and closes the connection, where the configuration asks for that. */
  readonly confirming?: ConfirmingPublisher | undefined;
  /** What keeps what it sends, and closes the socket too, where the configuration asks for that. */
  readonly journalled?: JournalledPublisher | undefined;
  /** Where it listens, or the relay it is connected to at the moment. */
  readonly endpoint: () => string;
}

/** What a bus publishes with. */
export interface OutgoingOptions {
  readonly config: Config;
  readonly name: string;
  readonly transport: Transport;
  readonly status: StatusEvents;
  /** Makes the frames of a heartbeat. */
  readonly encodeHeartbeat: (topic: string, msg: unknown) => Frames;
  /** Hears how many messages some subscriber lost. */
  readonly onDropped: (count: number) => void;
}

/**
 * Opens what a bus publishes with.
 *
 * @throws FedmsgError FEDMSG_NO_ENDPOINT, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT; with `persistent_store` or `outbox` also
 *   FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED, FEDMSG_ADDRESS_IN_USE (that of `replay_endpoints`)
 */
export async function openOutgoing(options: OutgoingOptions): Promise<Outgoing> {
  if (!options.config.active) {
    warnOfOutbox(options);
    return withJournal(await listenOnEndpoint(options), options);
  }
  return options.config.relay_confirm.length > 0 ? connectToConfirm(options) : connectToRelay(options);
}

async function connectToConfirm(options: OutgoingOptions): Promise<Outgoing> {
  warnOfStore(options);
  const confirming = await ConfirmingPublisher.open(options);
  return { publisher: confirming, confirming, endpoint: () => confirming.relay };
}

function warnOfStore({ config, name, status }: OutgoingOptions): void {
  if (config.persistent_store === null) return;
  const detail = "persistent_store: not used, as what is published through a relay (active: true) is not kept yet";
  status.announce({ type: "warning", name, detail });
}

function warnOfOutbox({ config, name, status }: OutgoingOptions): void {
  if (config.outbox === null) return;
  const detail =
    "outbox: not used, as what is published goes to no relay; set active: true, or persistent_store in its place";
  status.announce({ type: "warning", name, detail });
}

/** One that others connect to. */
interface Listening extends Outgoing {
  readonly publisher: Publisher;
}

async function withJournal(outgoing: Listening, options: OutgoingOptions): Promise<Outgoing> {
  const { config, name, status, encodeHeartbeat: encode } = options;
  const { publisher, endpoint } = outgoing;
  let isOpen = false;
  const onWarning = (detail: string) => {
    if (isOpen) status.emit({ type: "warning", name, detail });
    else status.announce({ type: "warning", name, detail });
  };
  try {
    const kept = await openJournalling({ config, name, endpoint: endpoint(), publisher, encode, onWarning });
    isOpen = true;
    return { ...outgoing, journalled: kept?.publisher };
  } catch (error) {
    await publisher.close();
    throw error;
  }
}

async function listenOnEndpoint(options: OutgoingOptions): Promise<Listening> {
  const { config, name, status, transport } = options;
  const addresses = config.endpoints[name] ?? [];
  if (addresses.length === 0) throw noAddressError(config, name);
  const publisher = transport.createPublisher({
    ...socketOptions(config),
    holdMs: config.post_init_sleep * 1000,
    onEvent: (event) => forwardLosses(event, options),
  });
  for (const address of addresses) {
    try {
      const { endpoint, note } = await listen(publisher, address, "everywhere");
      status.announce({ type: "listening", name, endpoint, ...(note !== undefined && { note }) });
      return { publisher, endpoint: () => endpoint };
    } catch (error) {
      if (error instanceof FedmsgError && error.code === "FEDMSG_ADDRESS_IN_USE") continue;
      await publisher.close();
      throw error;
    }
  }
  await publisher.close();
  throw new FedmsgError(
    "FEDMSG_NO_ENDPOINT",
    `endpoints[${JSON.stringify(name)}]: ${addresses.join(", ")} ${addresses.length > 1 ? "are all" : "is"} in use; ` +
      "add an address (there must be one for every process and worker that publishes), or publish through the relay (active: true)",
  );
}

function noAddressError(config: Config, name: string): FedmsgError {
  const known = Object.keys(config.endpoints).map((key) => JSON.stringify(key));
  return new FedmsgError(
    "FEDMSG_NO_ENDPOINT",
    `endpoints[${JSON.stringify(name)}] lists no address to publish from (listed: ${known.slice(0, 20).join(", ") || "none"}); ` +
      "add one, give another name, or publish through the relay (active: true)",
  );
}

async function connectToRelay(options: OutgoingOptions): Promise<Outgoing> {
  const { config, name, status, transport } = options;
  const relays = config.relay_inbound;
  if (relays.length === 0) {
    throw new FedmsgError("FEDMSG_NO_ENDPOINT", "active: true, but relay_inbound lists no address; add the relay's");
  }
  warnOfStore(options);
  let current = 0;
  const relay = () => relays[current] as string;
  const publisher = transport.createPublisher({
    ...socketOptions(config),
    stallMs: Number.POSITIVE_INFINITY,
    awaitSubscriber: true,
    sendTimeoutMs: config.publish_timeout * 1000,
    onEvent: (event) => {
      forwardLosses(event, options);
      if (event.type !== "waiting") return;
      status.emit({ type: "waiting", name, endpoint: relay(), ms: event.ms });
      if (relays.length === 1) return;
      publisher.disconnect(relay());
      current = (current + 1) % relays.length;
      publisher.connect(relay());
    },
  });
  publisher.connect(relay());
  return { publisher, endpoint: relay };
}

function forwardLosses(event: SocketEvent, { name, status, onDropped }: OutgoingOptions): void {
  if (event.type === "cut") status.emit(cutWarning(name, event));
  if (event.type !== "dropped") return;
  onDropped(event.count);
  status.emit({ type: "dropped", name, endpoint: event.address, count: event.count });
}
