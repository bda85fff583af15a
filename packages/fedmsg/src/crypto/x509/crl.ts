/**
 * Lists of revoked certificates (RFC 5280 §5), compiled to a set of serial numbers: how long a list is makes no
 * difference to a message. Complete lists of the one authority only; delta and indirect lists, and those for a part of
 * the certificates, say so in critical extensions, and are refused.
 */

import { verify } from "node:crypto";
import { type Certificate, maySignCrls } from "./certificate.ts";
import {
  childNodes,
  type DerNode,
  DerSequence,
  readExtensions,
  readNode,
  readOid,
  readSerial,
  readTime,
  tags,
} from "./der.ts";
import { findCrl } from "./pem.ts";

/** What is in a list. Times in milliseconds since the epoch. */
export interface RevocationList {
  readonly thisUpdate: number;
  /** The first moment at which it is no longer valid; infinite where it says none. */
  readonly nextUpdate: number;
  /** Serial numbers, spelled as in {@link Certificate}. */
  readonly revoked: ReadonlySet<string>;
  /** Why this is not a list of the authority's, if it is not: another issuer, or a signature that does not hold. */
  problemWith(ca: Certificate): string | undefined;
}

const digests = new Map<string, string | null>([
  ["1.2.840.113549.1.1.5", "sha1"],
  ["1.2.840.113549.1.1.14", "sha224"],
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.2.840.10045.4.1", "sha1"],
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.3.101.112", null], // Ed25519
]);
const deltaIndicator = "2.5.29.27";

/** Reads the first CRL in a PEM text. Throws an `Error` in words. */
export function parseCrl(pem: string): RevocationList {
  const der = findCrl(pem);
  if (!der) throw new Error("it holds no PEM CRL");
  const list = new DerSequence(readNode(der));
  const body = list.take(tags.sequence);
  const algorithm = list.take(tags.sequence);
  const signature = list.take(tags.bitString).content.subarray(1);
  const fields = new DerSequence(body);
  fields.optional(tags.integer); // the version
  const inner = fields.take(tags.sequence);
  const issuer = fields.take(tags.sequence);
  const thisUpdate = readTime(fields.take(tags.utcTime, tags.generalizedTime));
  const next = fields.optional(tags.utcTime, tags.generalizedTime);
  const entries = fields.optional(tags.sequence);
  const extensions = fields.optional(0xa0);
  if (extensions) refuseUnknown(readNode(extensions.content));
  return {
    ...{ thisUpdate, nextUpdate: next ? readTime(next) : Number.POSITIVE_INFINITY, revoked: readEntries(entries) },
    problemWith(ca) {
      if (!issuer.raw.equals(ca.subject)) return "its issuer is another one";
      if (!maySignCrls(ca)) return "the authority's certificate may not sign such lists";
      if (!inner.raw.equals(algorithm.raw)) return "it names two algorithms";
      return signatureProblem(algorithm, body.raw, ca, signature);
    },
  };
}

function signatureProblem(algorithm: DerNode, body: Buffer, ca: Certificate, signature: Buffer): string | undefined {
  const oid = readOid(new DerSequence(algorithm).take(tags.oid));
  const digest = digests.get(oid);
  if (digest === undefined) return `its signature algorithm ${oid.slice(0, 60)} is unknown here`;
  try {
    if (verify(digest, body, ca.publicKey, signature)) return undefined;
  } catch {
    // A key of another kind than the algorithm's.
  }
  return "the authority's signature in it does not hold";
}

function readEntries(entries: DerNode | undefined): Set<string> {
  const revoked = new Set<string>();
  for (const entry of entries ? childNodes(entries) : []) {
    const fields = new DerSequence(entry);
    revoked.add(readSerial(fields.take(tags.integer)));
    fields.take(tags.utcTime, tags.generalizedTime);
    const extensions = fields.optional(tags.sequence);
    if (extensions) refuseUnknown(extensions);
  }
  return revoked;
}

function refuseUnknown(list: DerNode): void {
  const unknown = readExtensions(list).find(({ oid, critical }) => critical || oid === deltaIndicator);
  if (unknown)
    throw new Error(
      `lists with the extension ${unknown.oid.slice(0, 60)} (delta, indirect or partial) are not supported`,
    );
}
