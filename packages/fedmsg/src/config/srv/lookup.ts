/**
 * One lookup of one domain: which servers are asked, for how long, and what counts as an answer.
 *
 * Servers are asked in turn, twice over. A server that gives records, or says that there are none, ends the lookup; one
 * that is silent, unreachable, or says that it cannot answer, is passed over. The second round asks without EDNS, for
 * servers and firewalls that know nothing of it. `node:dns` is not used, as it does not tell how long SRV records hold.
 */

import { FedmsgError } from "../../errors.ts";
import { askServer } from "./exchange.ts";
import { toHostName } from "./host-name.ts";
import { orderRecords } from "./order.ts";
import { createQuery, type DnsAnswer } from "./packet.ts";
import { readRecords } from "./records.ts";
import { parseServer, systemServers } from "./servers.ts";

/** How to look up SRV records. */
export interface SrvOptions {
  /** DNS servers, IP addresses with or without a port, asked in this order. Default: those of the system. */
  readonly servers?: readonly string[] | undefined;
  /** Gives the lookup up. */
  readonly signal?: AbortSignal | undefined;
  /** Draws from 0 up to but not including 1, for records of one priority. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** How long one server may take to answer, in ms. Default 1000. */
  readonly tryMs?: number | undefined;
  /** The least that an answer holds, in seconds, whatever its TTL says. Default 5. */
  readonly ttlMinSeconds?: number | undefined;
}

/** What became of a lookup. */
export type SrvLookup =
  | {
      readonly found: true;
      /** `tcp://host:port`, in the order of priority and weight. Empty where the domain says it offers nothing. */
      readonly addresses: readonly string[];
      /** How long this holds, in seconds. */
      readonly ttlSeconds: number;
      /** What is odd about the answer, in words. */
      readonly note: string | undefined;
    }
  | {
      readonly found: false;
      /** What was asked, what came back, and what to do. */
      readonly why: string;
      /** After how many seconds the answer may be another one; absent where no server gave one. */
      readonly retrySeconds?: number;
    };

/** The least that an answer holds, in seconds, where the caller does not say. */
export const ttlMinSecondsDefault = 5;
/** The most that an answer holds, in seconds: one day, and one hour for an answer without records. */
const ttlMaxSeconds = { records: 86_400, nothing: 3600 } as const;
/** How long an answer without records holds that does not say so itself, in seconds. */
const negativeTtlSeconds = 60;
const tryMsDefault = 1000;
/** How long a lookup may take in all, in ms. */
const lookupMs = 5000;
const rounds = 2;

/** Looks up the addresses of `_fedmsg._tcp.<domain>`. Throws FEDMSG_ABORTED, and nothing else. */
export async function lookupSrv(domain: string, options: SrvOptions = {}): Promise<SrvLookup> {
  const host = toHostName(domain);
  const name = `_fedmsg._tcp.${host}`;
  if (host === undefined || toHostName(name) === undefined) {
    return { found: false, why: warning(domain, "not a domain name, so nobody was asked; correct or remove it") };
  }
  const servers = options.servers ?? systemServers();
  const failures = new Map<string, string>();
  const deadline = performance.now() + lookupMs;
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      const timeoutMs = Math.min(options.tryMs ?? tryMsDefault, deadline - performance.now());
      if (timeoutMs <= 0) break;
      const answer = await tryServer(server, name, { ...options, timeoutMs, edns: round === 0 });
      if (typeof answer === "string") failures.set(server, answer);
      else return judge(answer, { domain, name, server, options });
    }
  }
  return { found: false, why: warning(domain, withoutAnswer(name, failures)) };
}

interface Try extends SrvOptions {
  readonly timeoutMs: number;
  readonly edns: boolean;
}

/** The answer, or in words why there is none. */
async function tryServer(server: string, name: string, options: Try): Promise<DnsAnswer | string> {
  const address = parseServer(server);
  if (!address) return "not an IP address with a port, such as 192.0.2.53:53";
  try {
    const answer = await askServer(address, createQuery(name, options.edns), options);
    return answer.rcode === noError || answer.rcode === noSuchName ? answer : (rcodes[answer.rcode] ?? "RCODE ?");
  } catch (error) {
    if (error instanceof FedmsgError) throw error;
    return (error as Error).message;
  }
}

const noError = 0;
const noSuchName = 3;
const rcodes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

interface Asked {
  readonly domain: string;
  readonly name: string;
  readonly server: string;
  readonly options: SrvOptions;
}

function judge(answer: DnsAnswer, { domain, name, server, options }: Asked): SrvLookup {
  const { count, records, isRefused, ttlSeconds, oddities } = readRecords(answer, name);
  const minSeconds = options.ttlMinSeconds ?? ttlMinSecondsDefault;
  const clamp = (seconds: number, max: number) => Math.min(Math.max(seconds, minSeconds), max);
  const asked = (text: string) => warning(domain, `${server} was asked for the SRV records of ${name}: ${text}`);
  if (records.length > 0 || isRefused) {
    const addresses = orderRecords(records, options.random).map(({ target, port }) => `tcp://${target}:${port}`);
    const odd = isRefused ? ["the domain says that it offers no such service"] : oddities;
    return {
      found: true,
      addresses: [...new Set(addresses)],
      ttlSeconds: clamp(ttlSeconds ?? 0, ttlMaxSeconds.records),
      note: odd.length > 0 ? asked(`${summary(odd)}; what is usable is used`) : undefined,
    };
  }
  return {
    found: false,
    why: asked(whyNothing(answer, count, oddities)),
    retrySeconds: clamp(ttlSeconds ?? negativeTtlSeconds, ttlMaxSeconds.nothing),
  };
}

function whyNothing({ rcode }: DnsAnswer, count: number, oddities: readonly string[]): string {
  if (count > 0) return `none of the ${count} is usable (${summary(oddities)}); correct them`;
  const what = rcode === noSuchName ? "there is no such name (NXDOMAIN)" : "there are none";
  return `${what}; publish them, or remove the domain from srv_endpoints`;
}

function withoutAnswer(name: string, failures: ReadonlyMap<string, string>): string {
  if (failures.size === 0) return "no DNS server is known to this host, so nobody was asked; give some in srv_servers";
  const each = [...failures].map(([server, why]) => `${server} (${why})`).join(", ");
  return `nobody could answer for the SRV records of ${name}: ${each}; check these servers, or give others in srv_servers`;
}

const odditiesShownMax = 3;

function summary(oddities: readonly string[]): string {
  const more = oddities.length - odditiesShownMax;
  return oddities.slice(0, odditiesShownMax).join(", ") + (more > 0 ? `, and ${more} more` : "");
}

function warning(domain: string, text: string): string {
  return `srv_endpoints: ${JSON.stringify(domain)}: ${text}`;
}
