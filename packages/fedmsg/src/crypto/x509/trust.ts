/** Whom we trust at this moment, as the backend sees it: one authority and, where configured, its list of the revoked. */

import { type Refusal, refuse } from "../reasons.ts";
import type { Certificate } from "./certificate.ts";
import type { RevocationList } from "./crl.ts";

/** A file or URL with what was last read from it. */
export interface Trusted<Value> {
  readonly location: string;
  /** What is in force, if anything could be read yet. */
  readonly value: Value | undefined;
  /** Why nothing is in force. */
  readonly problem: string;
}

/** What a certificate is held against. */
export interface Trust {
  /** Another number for each authority, so that what was found out about certificates can be forgotten. */
  readonly generation: number;
  readonly ca: Trusted<Certificate>;
  /** Absent where none is configured. */
  readonly crl: Trusted<RevocationList> | undefined;
  /** Why the list is not the authority's, if it is not. */
  readonly crlProblem: string | undefined;
}

/** Why a certificate is refused at this time, in the order in which OpenSSL asks: the authority's first, then its own. */
export function validityRefusal(leaf: Certificate, { ca }: Trust, now: number): Refusal | undefined {
  const authority = ca.value;
  if (!authority) return refuse("ca-unavailable", `${ca.location}: ${ca.problem}`);
  if (now < authority.notBefore)
    return refuse("ca-not-yet-valid", `${ca.location}: from ${date(authority.notBefore)} on`);
  if (now >= authority.notAfter) return refuse("ca-expired", `${ca.location}: on ${date(authority.notAfter)}`);
  if (now < leaf.notBefore) return refuse("certificate-not-yet-valid", `from ${date(leaf.notBefore)} on`);
  if (now >= leaf.notAfter) return refuse("certificate-expired", `on ${date(leaf.notAfter)}`);
  return undefined;
}

/**
 * Why the list refuses a certificate. A list that is not in force refuses all of them, as upstream: revoked ones could
 * not be told from the rest. The authority's own certificate is looked up too (`X509_V_FLAG_CRL_CHECK_ALL`).
 */
export function revocationRefusal(leaf: Certificate, trust: Trust, now: number): Refusal | undefined {
  const { crl, ca } = trust;
  if (!crl) return undefined;
  const list = crl.value;
  if (!list) return refuse("crl-unavailable", `${crl.location}: ${crl.problem}`);
  if (trust.crlProblem !== undefined) return refuse("crl-invalid", `${crl.location}: ${trust.crlProblem}`);
  if (now < list.thisUpdate) return refuse("crl-not-yet-valid", `${crl.location}: from ${date(list.thisUpdate)} on`);
  if (now >= list.nextUpdate) return refuse("crl-expired", `${crl.location}: on ${date(list.nextUpdate)}`);
  if (list.revoked.has(leaf.serial)) return refuse("certificate-revoked", `serial number ${leaf.serial.slice(0, 60)}`);
  if (ca.value && list.revoked.has(ca.value.serial)) return refuse("certificate-revoked", "it is the authority's own");
  return undefined;
}

/** A point in time for people: `2026-11-21T06:38:23Z`. */
export function date(ms: number): string {
  return new Date(ms).toISOString().replace(".000", "");
}
