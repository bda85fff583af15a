/**
 * Whom a bus subscribes to: what the configuration lists, with the domains of `srv_endpoints` as the DNS has them now.
 * The records are watched while there is a subscription, and not for those who only publish. Where a lookup fails, what
 * was known stays; at first that is what the configuration lists under the domain's name.
 */

import type { Config } from "../config/index.ts";
import type { SrvOptions, SrvWatch } from "../config/srv/index.ts";
import type { EventSink } from "./status.ts";

/** Hears that a name has these addresses now. Must not throw. */
export type EndpointsListener = (name: string, addresses: readonly string[]) => void;

/** The endpoints of one bus, shared by its subscriptions; or of one daemon. */
export class LiveEndpoints {
  readonly #config: Config;
  readonly #status: EventSink;
  readonly #srv: SrvOptions;
  readonly #domains: readonly string[];
  /** What the DNS said last. */
  readonly #found = new Map<string, readonly string[]>();
  readonly #listeners = new Set<EndpointsListener>();
  #watch: Promise<SrvWatch> | undefined;

  /** @param srv how to ask; `servers` is overridden by `srv_servers` of the configuration */
  constructor(config: Config, status: EventSink, srv: SrvOptions = {}) {
    this.#config = config;
    this.#status = status;
    this.#srv = srv;
    this.#domains = config.srv_endpoints ?? [];
  }

  /** Everybody who publishes. */
  list(): [name: string, addresses: readonly string[]][] {
    const all = { ...this.#config.endpoints, ...Object.fromEntries(this.#found) };
    return Object.entries(all).filter(([name]) => name !== "relay_inbound"); // It is where the relay listens.
  }

  /** Tells `listener` of what differs from {@link list} from now on. */
  follow(listener: EndpointsListener): void {
    this.#listeners.add(listener);
    if (this.#domains.length > 0) this.#watch ??= this.#startWatch();
  }

  /** Takes `follow` back. After the last one, resolves when nothing is left open. Idempotent. */
  async unfollow(listener: EndpointsListener): Promise<void> {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0 || !this.#watch) return;
    const watch = this.#watch;
    this.#watch = undefined;
    await (await watch).close();
  }

  async #startWatch(): Promise<SrvWatch> {
    const { watchSrvEndpoints } = await import("../config/srv/index.ts"); // Most have no use for it.
    const { srv_servers: servers } = this.#config;
    return watchSrvEndpoints(this.#domains, {
      ...this.#srv,
      ...(servers && { servers }),
      ref: true, // There is a subscription, and perhaps not one socket yet that keeps the process alive.
      initial: new Map(this.list()),
      onChange: (domain, addresses) => this.#change(domain, addresses),
      onWarning: (detail, domain) => this.#status.emit({ type: "warning", name: domain, detail }),
    });
  }

  #change(name: string, addresses: readonly string[]): void {
    const before = Object.fromEntries(this.list())[name] ?? [];
    this.#found.set(name, addresses);
    const added = addresses.filter((address) => !before.includes(address));
    const removed = before.filter((address) => !addresses.includes(address));
    this.#status.emit({ type: "endpoints", name, added, removed });
    for (const listener of this.#listeners) listener(name, addresses);
  }
}
