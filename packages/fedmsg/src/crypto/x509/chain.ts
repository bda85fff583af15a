/**
 * Whether a certificate was issued by the authority, as OpenSSL decides it for Python: directly, with no certificate in
 * between, and the authority is its own issuer. How strong keys and digests are is not asked (RSA 1024, SHA-1), nor what
 * a leaf's key may be used for. The authority's own certificate may sign messages as well.
 */

import type { Certificate } from "./certificate.ts";
import type { Outline } from "./outline.ts";

/** Critical extensions that OpenSSL knows (`X509_supported_extension`); any other refuses a certificate. */
const knownExtensions = new Set([
  ...[14, 15, 17, 19, 30, 31, 32, 33, 35, 36, 37, 54].map((arc) => `2.5.29.${arc}`),
  ...["2.16.840.1.113730.1.1", "1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8", "1.3.6.1.5.5.7.48.1.5"],
]);
const nameConstraints = "2.5.29.30";

/** Why a certificate cannot be an authority's, if it cannot. */
export function authorityProblem(ca: Certificate): string | undefined {
  if (ca.extensions.some(({ oid }) => oid === nameConstraints)) return "its name constraints are not supported";
  // Version 1 knows no extensions, so none that could say that it is an authority's.
  if (!ca.x509.ca && ca.version !== 1) return "it is not an authority's certificate";
  return ca.x509.checkIssued(ca.x509) ? unknownExtension(ca) : "it is not self-signed";
}

/**
 * Why a certificate cannot come from the authority, if that can be told by a look: names are compared by their bytes, as
 * for CRLs (OpenSSL passes over case and spaces, but who signs for an authority copies its name).
 */
export function issuerProblem(leaf: Outline, ca: Outline): string | undefined {
  return leaf.issuer.equals(ca.subject) || leaf.raw.equals(ca.raw) ? undefined : "its issuer is another one";
}

/** Why a certificate does not come from the authority, if it does not. What time it is plays no part. */
export function chainProblem(leaf: Certificate, ca: Certificate): string | undefined {
  if (leaf.raw.equals(ca.raw)) return undefined;
  if (!leaf.x509.checkIssued(ca.x509)) return "its issuer is another one";
  if (!leaf.x509.verify(ca.publicKey)) return "the authority's signature in it does not hold";
  return unknownExtension(leaf);
}

function unknownExtension({ extensions }: Outline): string | undefined {
  const unknown = extensions.find(({ oid, critical }) => critical && !knownExtensions.has(oid));
  return unknown && `its critical extension ${unknown.oid.slice(0, 60)} is unknown here`;
}
