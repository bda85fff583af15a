import { setTimeout as delay } from "node:timers/promises";
import { linkedController } from "./linked.ts";
import { lookupSrv, type SrvLookup, type SrvOptions, ttlMinSecondsDefault } from "./lookup.ts";

/** Options of {@link watchSrvEndpoints}. */
export interface WatchOptions extends SrvOptions {
  /** What is known of the domains already. Default: nothing. */
  readonly initial?: ReadonlyMap<string, readonly string[]> | undefined;
  /** Keep the process alive while waiting to ask again. Default false. */
  readonly ref?: boolean | undefined;
  /** Hears of each domain whose addresses are others than before; their order alone is no change. Must not throw. */
  readonly onChange: (domain: string, addresses: readonly string[]) => void;
  /** Hears, in words, of the first of several failures in a row, and of answers that are odd. Must not throw. */
  readonly onWarning?: ((text: string, domain: string) => void) | undefined;
}

/** Watches domains until it is closed. */
export interface SrvWatch extends AsyncDisposable {
  /** Stops; resolves when nothing is left open. Idempotent. */
  close(): Promise<void>;
}

/** The longest pause after failures, in seconds. */
const backOffMaxSeconds = 300;

/**
 * Asks for the SRV records of each domain, at once and again whenever the answer's time is over. A failure changes
 * nothing: what was known stays, and it is tried again, after 5 s and then twice as long each time up to 5 minutes, or
 * after the time that the answer itself names.
 *
 * @example
 * ```ts
 * await using watch = watchSrvEndpoints(["example.com"], { onChange: (domain, addresses) => connectTo(addresses) });
 * ```
 */
export function watchSrvEndpoints(domains: readonly string[], options: WatchOptions): SrvWatch {
  return new Watch(domains, options);
}

class Watch implements SrvWatch {
  readonly #options: WatchOptions;
  readonly #stop: AbortController;
  readonly #ended: Promise<void>;

  constructor(domains: readonly string[], options: WatchOptions) {
    this.#options = options;
    const { controller, unlink } = linkedController(options.signal);
    this.#stop = controller;
    this.#ended = Promise.all([...new Set(domains)].map((domain) => this.#follow(domain))).then(unlink);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #follow(domain: string): Promise<void> {
    const { signal } = this.#stop;
    let known = this.#options.initial?.get(domain) ?? [];
    let failures = 0;
    let noted: string | undefined;
    while (!signal.aborted) {
      const result = await lookupSrv(domain, { ...this.#options, signal }).catch(() => undefined);
      if (!result || signal.aborted) return;
      if (result.found) {
        failures = 0;
        if (result.note !== undefined && result.note !== noted) this.#options.onWarning?.(result.note, domain);
        noted = result.note;
        if (!isSameSet(known, result.addresses)) this.#options.onChange(domain, result.addresses);
        known = result.addresses;
      } else if (++failures === 1) this.#options.onWarning?.(result.why, domain);
      const ref = this.#options.ref ?? false;
      await delay(this.#pauseSeconds(result, failures) * 1000, undefined, { ref, signal }).catch(() => {});
    }
  }

  #pauseSeconds(result: SrvLookup, failures: number): number {
    if (result.found) return result.ttlSeconds;
    const firstSeconds = this.#options.ttlMinSeconds ?? ttlMinSecondsDefault;
    return result.retrySeconds ?? Math.min(firstSeconds * 2 ** Math.min(failures - 1, 30), backOffMaxSeconds);
  }
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  const both = new Set([...one, ...other]).size;
  return both === new Set(one).size && both === new Set(other).size;
}
