/**
 * The certificate of the authority and its list of the revoked: read at the start, read again when they change.
 *
 * ```
 *  path ──── FileSource: stat each second ────┐         ┌── accept: the text is in force
 *                                             ├─ Slot ──┤
 *  https:// ─ UrlSource: when it is time ─────┘         └── fail: the last good one stays
 * ```
 *
 * What is in force is what a check compares with; whether it is *valid* at this moment, the check asks itself, so that a
 * list refuses from the second at which it expires. Rejected: to stop at the start when something is missing. A daemon
 * comes up before the file server does, and refuses messages until then. A list that is not the authority's, or older than
 * the one in force, is refused where that one is good; it is looked at again when the authority changes.
 */

import type { Config } from "../../config/index.ts";
import type { CryptoEventSink } from "../events.ts";
import type { TrustSource } from "../x509/backend.ts";
import { type Certificate, parseCertificate } from "../x509/certificate.ts";
import { authorityProblem } from "../x509/chain.ts";
import { parseCrl, type RevocationList } from "../x509/crl.ts";
import { weaknessOf } from "../x509/outline.ts";
import { date } from "../x509/trust.ts";
import { FileSource } from "./file-source.ts";
import { type AnySlot, Slot } from "./slot.ts";
import type { Source } from "./source.ts";
import { UrlSource } from "./url-source.ts";

/** How often files are looked at, and whether it is time to fetch or to warn. */
const tickMs = 1000;

/** What the store is told besides the configuration. */
export interface TrustOptions {
  readonly onEvent?: CryptoEventSink | undefined;
  readonly now?: (() => number) | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** Closes it, also while it still waits for its first answers. */
  readonly signal?: AbortSignal | undefined;
}

/** Keeps what a certificate is held against. */
export class TrustStore implements TrustSource {
  readonly ca: Slot<Certificate>;
  readonly crl: Slot<RevocationList> | undefined;
  readonly #sources: Source[] = [];
  readonly #now: () => number;
  readonly #warnMs: number;
  #timer: NodeJS.Timeout | undefined;
  #recheckedAt = Number.NEGATIVE_INFINITY;
  #generation = 0;
  #seenCa: Certificate | undefined;
  #checked:
    | { readonly ca: Certificate; readonly crl: RevocationList; readonly problem: string | undefined }
    | undefined;

  private constructor(config: Config, { onEvent, now = Date.now, fetch = globalThis.fetch }: TrustOptions) {
    const { ca_cert_location: caLocation, crl_location: crlLocation } = config;
    this.#now = now;
    this.#warnMs = config.crl_warn * 1000;
    this.ca = new Slot({ ...caSlot, location: caLocation, onEvent, onLoaded: () => this.crl?.reconsider() });
    const caExpiryMs = config.ca_cert_cache_expiry * 1000 || Number.POSITIVE_INFINITY;
    this.#watch(this.ca, caLocation, { fetch, now, cache: config.ca_cert_cache, expiryMs: caExpiryMs });
    if (!crlLocation) return;
    const problemWith = (next: RevocationList, inForce: RevocationList) => this.#problemWithNext(next, inForce);
    this.crl = new Slot({ ...crlSlot, location: crlLocation, onEvent, problemWith });
    const crlExpiryMs = config.crl_cache_expiry * 1000;
    this.#watch(this.crl, crlLocation, { fetch, now, cache: config.crl_cache, expiryMs: crlExpiryMs });
  }

  /** Reads everything for the first time and goes on watching. Never rejects. */
  static async start(config: Config, options: TrustOptions = {}): Promise<TrustStore> {
    const { signal } = options;
    const store = new TrustStore(config, options);
    signal?.addEventListener("abort", () => store.close(), { once: true });
    if (signal?.aborted) store.close();
    await Promise.all(store.#sources.map((source) => source.start()));
    if (signal?.aborted) return store;
    store.#announce();
    store.#timer = setInterval(() => store.tick(), tickMs).unref();
    return store;
  }

  get generation(): number {
    if (this.ca.value !== this.#seenCa) {
      this.#seenCa = this.ca.value;
      this.#generation++;
    }
    return this.#generation;
  }

  get crlProblem(): string | undefined {
    const [ca, crl] = [this.ca.value, this.crl?.value];
    if (!ca || !crl) return undefined;
    if (this.#checked?.ca !== ca || this.#checked.crl !== crl)
      this.#checked = { ca, crl, problem: crl.problemWith(ca) };
    return this.#checked.problem;
  }

  /** What the store does every second. */
  tick(): void {
    for (const source of this.#sources) source.tick(this.#now());
    this.#announce();
  }

  recheck(): boolean {
    const now = this.#now();
    if (Math.abs(now - this.#recheckedAt) < tickMs) return false;
    this.#recheckedAt = now;
    const before = [this.ca.value, this.crl?.value];
    for (const source of this.#sources) source.recheck();
    return before[0] !== this.ca.value || before[1] !== this.crl?.value;
  }

  async refresh(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.refresh()));
    this.#announce();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const source of this.#sources) source.close();
  }

  /**
   * Why a list must not replace a good one: whoever stands between us and the server could have all messages refused with
   * any other list, and have the revoked accepted with an old one. Good is what the authority signed, and not tomorrow.
   */
  #problemWithNext(next: RevocationList, inForce: RevocationList): string | undefined {
    const ca = this.ca.value;
    if (!ca || this.crlProblem !== undefined || inForce.thisUpdate > this.#now()) return undefined;
    const problem = next.problemWith(ca);
    if (problem !== undefined) return `it is not the authority's list: ${problem}`;
    if (next.thisUpdate >= inForce.thisUpdate) return undefined;
    return `it is older (${date(next.thisUpdate)}) than the one in force (${date(inForce.thisUpdate)})`;
  }

  #watch(slot: AnySlot, location: string, options: ConstructorParameters<typeof UrlSource>[2]): void {
    const isUrl = /^https?:\/\//i.test(location);
    this.#sources.push(isUrl ? new UrlSource(slot, location, options) : new FileSource(slot, location));
  }

  #announce(): void {
    for (const slot of [this.ca, this.crl]) slot?.announce(this.#now(), this.#warnMs);
  }
}

const caSlot = {
  what: "ca",
  parse: (text: string) => {
    const ca = parseCertificate(text);
    const problem = authorityProblem(ca);
    if (problem !== undefined) throw new Error(problem);
    return ca;
  },
  expiresAt: ({ notAfter }: Certificate) => notAfter,
  weaknessOf,
} as const;

const crlSlot = { what: "crl", parse: parseCrl, expiresAt: ({ nextUpdate }: RevocationList) => nextUpdate } as const;
