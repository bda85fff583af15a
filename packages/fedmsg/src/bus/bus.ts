import { shortHostname } from "../config/environment.ts";
import { type Config, type ConfigInput, completeConfig, isLoadedConfig, loadConfig } from "../config/index.ts";
import type { SrvOptions } from "../config/srv/index.ts";
import { createSigner, type Expiry, type Signer } from "../crypto/index.ts";
import { FedmsgError } from "../errors.ts";
import { createTransport } from "../transport/create.ts";
import { abortedError } from "../transport/errors.ts";
import type { Publisher, Transport } from "../transport/transport.ts";
import type { ConfirmingPublisher } from "./confirming.ts";
import type { Bus, ConnectOptions, Counts, Receipt } from "./contract.ts";
import type { Delivery } from "./delivery.ts";
import { LiveEndpoints } from "./endpoints.ts";
import type { FeedContext } from "./feed.ts";
import { callerPackage } from "./identity.ts";
import { MessageWriter, type PublishOptions, type Written } from "./message-writer.ts";
import { type Outgoing, openOutgoing } from "./outgoing.ts";
import { PlainReceipt } from "./receipt.ts";
import type { DurableReceived } from "./received.ts";
import { Refusals } from "./refusals.ts";
import { SharedSources } from "./shared-sources.ts";
import { type RefusalReason, type StatusEvent, StatusEvents } from "./status.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import { Subscription, type SubscriptionContext } from "./subscription.ts";
import { Trust } from "./trust.ts";

export type { Bus, ConnectOptions, Counts, PublishOptions, Receipt };

/**
 * Joins the bus. With `sign_messages` the key and certificate to sign with are loaded first. If `endpoints` lists addresses for `name`, the first that is free is taken at once; subscribers only,
 * which set `mute`, take none. With `active` it publishes through the relay.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID, FEDMSG_CONFIG_UNREADABLE, FEDMSG_NO_ENDPOINT (all addresses are in use),
 *   FEDMSG_ADDRESS_INVALID, FEDMSG_CREDENTIALS (nothing to sign with), FEDMSG_JOURNAL,
 *   FEDMSG_ADDRESS_IN_USE (that of `replay_endpoints`), FEDMSG_TRANSPORT, FEDMSG_UNSUPPORTED, FEDMSG_ABORTED
 * @example
 * ```ts
 * const bus = await connect({ name: "mybus", config: { endpoints: { mybus: ["tcp://127.0.0.1:3000"] } } });
 * try {
 *   await bus.publish({ topic: "build.done", modname: "builder", msg: { id: 7 } });
 * } finally {
 *   await bus.drain();
 * }
 * ```
 */
export async function connect(options: ConnectOptions = {}): Promise<Bus> {
  const caller = callerPackage(); // Before anything is awaited: afterwards the caller is no longer on the stack.
  return openBus(options, caller);
}

/**
 * As {@link connect}, for those who know the caller.
 *
 * @param srv how to look up `srv_endpoints`, where that shall differ
 */
export async function openBus(options: ConnectOptions, caller: string, srv?: SrvOptions): Promise<Bus> {
  const config = await resolveConfig(options.config ?? {});
  const { signal } = options;
  if (signal?.aborted) throw abortedError(signal);
  const bus = new FedmsgBus(config, options, caller, srv);
  await bus.open();
  if (!signal?.aborted) return bus;
  await bus.close();
  throw abortedError(signal);
}

/** Keys given replace those of the files. A configuration that `loadConfig` returned needs no files. */
async function resolveConfig(overrides: ConfigInput | Config): Promise<Config> {
  if (isLoadedConfig(overrides)) return overrides;
  return completeConfig(overrides, await loadConfig({ lookup: false })); // Whoever subscribes asks the DNS.
}

class FedmsgBus implements Bus {
  readonly name: string;
  readonly config: Config;
  readonly closed: Promise<void>;
  readonly #isNamed: boolean;
  readonly #writer: MessageWriter;
  readonly #transport: Promise<Transport>;
  readonly #status = new StatusEvents();
  readonly #endpoints: LiveEndpoints;
  readonly #subscriptions = new Set<Subscription>();
  readonly #counts = {
    published: 0,
    received: 0,
    dropped: 0,
    duplicates: 0,
    invalid: {} as Partial<Record<RefusalReason, number>>,
  };
  readonly #feeds: FeedContext;
  readonly #shared: SharedSources | undefined;
  #outgoing: Outgoing | undefined;
  #trust: Promise<Trust> | undefined;
  #openedTrust: Trust | undefined;
  /** Ends what is still under way when the bus is closed. */
  readonly #over = new AbortController();
  #opening: Promise<Outgoing> | undefined;
  #ending: Promise<void> | undefined;
  #markClosed!: () => void;

  constructor(config: Config, options: ConnectOptions, caller: string, srv?: SrvOptions) {
    this.config = config;
    this.#endpoints = new LiveEndpoints(config, this.#status, srv);
    this.name = options.name ?? config.name ?? `${caller}.${shortHostname()}`;
    this.#isNamed = (options.name ?? config.name) !== undefined;
    this.#writer = new MessageWriter(config, caller);
    this.#transport = options.transport ? Promise.resolve(options.transport) : createTransport(config);
    this.#transport.catch(() => {}); // Whoever uses it hears of it.
    this.#feeds = {
      config,
      endpoints: this.#endpoints,
      transport: this.#transport,
      status: this.#status,
      refusals: new Refusals(this.#counts, this.#status),
    };
    if (options.shareConnections) this.#shared = new SharedSources(this.#feeds);
    this.closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
    const { signal } = options;
    const onAbort = () => void this.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    void this.closed.then(() => signal?.removeEventListener("abort", onAbort));
  }

  /** Loads what it signs with, and takes an address, where there is one to take. */
  async open(): Promise<void> {
    const { config } = this;
    if (config.mute || !config.zmq_enabled) return;
    if (config.sign_messages) this.#writer.signer = await this.#loadSigner();
    if (!config.active && (config.endpoints[this.name] ?? []).length === 0) return;
    try {
      await this.#open();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  get endpoint(): string | undefined {
    return this.#outgoing?.endpoint();
  }

  get counts(): Counts {
    return { ...this.#counts, invalid: { ...this.#counts.invalid } };
  }

  publish(options: PublishOptions): Promise<Receipt> {
    const outgoing = this.#ending ? undefined : this.#outgoing;
    return outgoing ? this.#publishOn(outgoing, options) : this.#openAndPublish(options);
  }

  async #openAndPublish(options: PublishOptions): Promise<Receipt> {
    this.#assertOpen();
    return this.#publishOn(await this.#open(), options);
  }

  /** No `async`, which would cost another promise and more for each message of a journal. */
  #publishOn({ publisher, journalled, confirming }: Outgoing, options: PublishOptions): Promise<Receipt> {
    if (confirming) return this.#confirm(confirming, options);
    if (!journalled) return this.#send(publisher, options);
    return journalled.keep((position) => this.#writer.writeKept(options, position), options.signal).then(this.#count);
  }

  #confirm(confirming: ConfirmingPublisher, options: PublishOptions): Promise<Receipt> {
    let written: Written;
    try {
      written = this.#writer.write(options);
    } catch (error) {
      return Promise.reject(error);
    }
    return confirming.publish(written, options.signal, this.#noteTaken);
  }

  readonly #noteTaken = () => void this.#counts.published++;

  async #send(publisher: Pick<Publisher, "send">, options: PublishOptions): Promise<Receipt> {
    const written = this.#writer.write(options);
    await publisher.send(written.frames, options.signal);
    return this.#count(written);
  }

  readonly #count = ({ message }: Written): Receipt => {
    this.#counts.published++;
    return new PlainReceipt(message);
  };

  subscribe(options: SubscribeOptions & { readonly durable: string }): Subscription<DurableReceived>;
  subscribe(options?: SubscribeOptions): Subscription;
  subscribe(options: SubscribeOptions = {}): Subscription {
    this.#assertOpen();
    if (!this.config.zmq_enabled) {
      throw new FedmsgError("FEDMSG_UNSUPPORTED", "zmq_enabled is false: there is nothing that could be subscribed to");
    }
    const context: SubscriptionContext = {
      ...this.#feeds,
      trust: this.#openTrust(),
      shared: this.#shared,
      onReceived: () => {
        this.#counts.received++;
      },
      onClosed: (closed) => this.#subscriptions.delete(closed),
    };
    const subscription = new Subscription(context, options);
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async subscribed(topic?: string, signal?: AbortSignal): Promise<void> {
    this.#assertOpen();
    const outgoing = this.#outgoing ?? (await this.#open());
    await outgoing.publisher.subscribed(topic, signal);
  }

  certificates(): readonly Expiry[] {
    const { signer } = this.#writer;
    const own = signer ? [{ name: signer.certname, notAfter: signer.notAfter }] : [];
    return [...own, ...(this.#openedTrust?.certificates() ?? [])];
  }

  delivery(): Delivery | undefined {
    return this.#outgoing?.confirming?.delivery;
  }

  async refresh(): Promise<void> {
    await (await this.#trust)?.refresh();
    if (!this.#writer.signer) return;
    try {
      this.#writer.signer = await this.#loadSigner();
    } catch (error) {
      const { message } = FedmsgError.from(error);
      this.#status.emit({ type: "warning", name: this.name, detail: `goes on signing as before: ${message}` });
    }
  }

  status(): AsyncIterableIterator<StatusEvent, undefined> {
    return this.#status.listen();
  }

  drain(): Promise<void> {
    this.#ending ??= this.#end(async () => {
      await (this.#outgoing?.confirming ?? this.#outgoing?.journalled ?? this.#outgoing?.publisher)?.drain();
      await Promise.all([...this.#subscriptions].map((subscription) => subscription.drain()));
    });
    return this.#ending;
  }

  async close(): Promise<void> {
    const stop = async () => {
      await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
      await (this.#outgoing?.confirming ?? this.#outgoing?.journalled ?? this.#outgoing?.publisher)?.close();
    };
    // While it drains, closing cuts that short; the end itself is the same one.
    if (this.#ending) await stop();
    this.#ending ??= this.#end(stop);
    await this.#ending;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  async #end(work: () => Promise<void>): Promise<void> {
    await this.#opening?.catch(() => {});
    await work();
    this.#over.abort();
    this.#status.end();
    this.#markClosed();
  }

  /** An active publisher without a name of its own signs as the relay's (`fedmsg/core.py`). */
  #loadSigner(): Promise<Signer> {
    const name = this.config.active && !this.#isNamed ? "relay_inbound" : this.name;
    return createSigner(this.config, { name, onEvent: (event) => this.#status.announce(event) });
  }

  #openTrust(): Promise<Trust> {
    this.#trust ??= Trust.open(this.config, this.#status, this.#over.signal).then((trust) => {
      this.#openedTrust = trust;
      return trust;
    });
    return this.#trust;
  }

  /** Opens the publishing socket once, however many ask for it. A failure is tried again the next time. */
  #open(): Promise<Outgoing> {
    this.#opening ??= this.#openOnce().catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openOnce(): Promise<Outgoing> {
    if (this.config.mute) {
      throw new FedmsgError("FEDMSG_NO_ENDPOINT", "mute: true, so this bus does not publish; leave it out to publish");
    }
    if (!this.config.zmq_enabled) {
      throw new FedmsgError("FEDMSG_UNSUPPORTED", "zmq_enabled is false, and this version has no other way to publish");
    }
    this.#outgoing = await openOutgoing({
      config: this.config,
      name: this.name,
      transport: await this.#transport,
      status: this.#status,
      encodeHeartbeat: (topic, msg) => this.#writer.writeHeartbeat(topic, msg),
      onDropped: (count) => {
        this.#counts.dropped += count;
      },
    });
    return this.#outgoing;
  }

  #assertOpen(): void {
    if (this.#ending) throw new FedmsgError("FEDMSG_CLOSED", `the bus ${JSON.stringify(this.name)} is closed`);
  }
}
