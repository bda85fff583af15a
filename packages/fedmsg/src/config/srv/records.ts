import type { Answer, SrvAnswer } from "dns-packet";
import { toHostName } from "./host-name.ts";
import { type DnsAnswer, isSameName, recordsMax } from "./packet.ts";

/** One SRV record (RFC 2782). */
export interface SrvRecord {
  /** Lower ones come first. */
  readonly priority: number;
  /** A larger one comes first more often, among those of one priority. */
  readonly weight: number;
  readonly port: number;
  /** A host's name, without the dot at its end. */
  readonly target: string;
}

/** What an answer holds. */
export interface SrvRecords {
  /** How often there was a record of ours, usable or not. */
  readonly count: number;
  readonly records: readonly SrvRecord[];
  /** The domain says that it does not offer the service (a target of `.`). */
  readonly isRefused: boolean;
  /** How long this holds, in seconds, as the answer says; for an answer without records only where an SOA tells. */
  readonly ttlSeconds: number | undefined;
  /** What was passed over, in words. */
  readonly oddities: readonly string[];
}

/** CNAME records that are followed one after the other. */
const aliasesMax = 8;

/** Takes the SRV records of `name` out of an answer, where need be by way of the CNAME records in it. */
export function readRecords({ answers, isCut, authorities }: DnsAnswer, name: string): SrvRecords {
  const chain = followAliases(answers, name);
  const found = answers.filter(
    (answer): answer is SrvAnswer => answer.type === "SRV" && isIn(answer) && isSameName(answer.name, chain.name),
  );
  const oddities: string[] = [];
  const records = found.flatMap(({ data: { priority = 0, weight = 0, port, target } }) => {
    if (target === ".") return [];
    const host = toHostName(target);
    if (host === undefined) oddities.push(`the target ${shown(target)} is not a host name`);
    else if (port === 0) oddities.push(`the target ${host} has port 0`);
    else return [{ priority, weight, port, target: host }];
    return [];
  });
  if (isCut) oddities.push(`there are over ${recordsMax} records`);
  const lifetimes = [...chain.lifetimes, ...found.map(lifetime)];
  return {
    count: found.length,
    records,
    isRefused: found.some(({ data }) => data.target === ".") && records.length === 0,
    ttlSeconds: found.length > 0 ? Math.min(...lifetimes) : negativeTtl(authorities),
    oddities,
  };
}

interface Chain {
  readonly name: string;
  readonly lifetimes: readonly number[];
}

function followAliases(answers: readonly Answer[], start: string): Chain {
  const lifetimes: number[] = [];
  let name = start;
  for (let n = 0; n < aliasesMax; n++) {
    const alias = answers.find((answer) => answer.type === "CNAME" && isIn(answer) && isSameName(answer.name, name));
    if (alias?.type !== "CNAME") break;
    lifetimes.push(lifetime(alias));
    name = String(alias.data);
  }
  return { name, lifetimes };
}

/** How long an answer without records holds: the lower of the SOA's own TTL and its last field (RFC 2308 §5). */
function negativeTtl(authorities: readonly Answer[]): number | undefined {
  const soa = authorities.find((answer) => answer.type === "SOA" && isIn(answer));
  return soa?.type === "SOA" ? Math.min(lifetime(soa), soa.data.minimum ?? 0) : undefined;
}

/** A TTL with the highest bit set counts as 0 (RFC 2181 §8). */
function lifetime({ ttl = 0 }: { readonly ttl?: number | undefined }): number {
  return ttl > 0x7fffffff ? 0 : ttl;
}

function isIn(answer: Answer): boolean {
  return "class" in answer && answer.class === "IN";
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
