import { linkedController } from "./linked.ts";
import { lookupSrv, type SrvOptions } from "./lookup.ts";

/** Options of {@link resolveSrvEndpoints}. */
export interface ResolveOptions extends SrvOptions {
  /** Hears, in words, of each domain without an answer and of what is odd about the others. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** What a domain's SRV records say. */
export interface SrvEndpoints {
  /**
   * `tcp://host:port`, those of the lowest priority number first, and within a priority drawn by weight: the order in
   * which whoever needs one of them tries them. A subscriber connects to them all.
   */
  readonly addresses: readonly string[];
  /** How long this holds, in seconds: 5 to 86400. */
  readonly ttlSeconds: number;
}

/**
 * Looks up the SRV records of `_fedmsg._tcp.<domain>` for all domains at once (`fedmsg/config.py`, `load_config`;
 * RFC 2782). A domain without an answer is not in the result and no error: a warning says why. Takes 5 s at most.
 *
 * @throws FedmsgError FEDMSG_ABORTED
 * @example
 * ```ts
 * const found = await resolveSrvEndpoints(["example.com"], { onWarning: console.error });
 * found.get("example.com")?.addresses; // ["tcp://app01.example.com:3000"]
 * ```
 */
export async function resolveSrvEndpoints(
  domains: readonly string[],
  options: ResolveOptions = {},
): Promise<Map<string, SrvEndpoints>> {
  const found = new Map<string, SrvEndpoints>();
  const { controller, unlink } = linkedController(options.signal);
  const own = { ...options, signal: controller.signal };
  const lookups = [...new Set(domains)].map(async (domain) => [domain, await lookupSrv(domain, own)] as const);
  for (const [domain, result] of await Promise.all(lookups).finally(unlink)) {
    const text = result.found ? result.note : result.why;
    if (text !== undefined) options.onWarning?.(text);
    if (result.found) found.set(domain, { addresses: result.addresses, ttlSeconds: result.ttlSeconds });
  }
  return found;
}
