/** A certificate, compiled: everything that a check asks for, taken out once. */

import { type KeyObject, X509Certificate } from "node:crypto";
import { readNode } from "./der.ts";
import { type Outline, readOutline } from "./outline.ts";
import { decodeBlock, encodeCertificate, findCertificate } from "./pem.ts";

/** What is in a certificate, and OpenSSL's own view of it. */
export interface Certificate extends Outline {
  readonly x509: X509Certificate;
  readonly publicKey: KeyObject;
}

/**
 * Reads the first certificate in a PEM text that we chose ourselves: OpenSSL decodes whatever key is in it. Throws an
 * `Error` in words that quote nothing.
 */
export function parseCertificate(pem: string): Certificate {
  return openCertificate(readOutline(readCertificateBytes(pem)));
}

/** The bytes of the first certificate in a PEM text. Throws an `Error` in words. */
export function readCertificateBytes(pem: string): Buffer {
  const block = findCertificate(pem);
  if (!block) throw new Error("it holds no PEM certificate");
  const bytes = decodeBlock(block);
  if (!bytes) throw new Error("its PEM certificate is damaged");
  return bytes;
}

/** Has OpenSSL read the very bytes of an outline. Throws an `Error` in words that quote nothing. */
export function openCertificate(outline: Outline): Certificate {
  const x509 = openX509(outline);
  return { ...outline, x509, publicKey: openKey(x509) };
}

function openX509({ raw, signed }: Outline): X509Certificate {
  try {
    // Not the bytes as they are: OpenSSL looks for a PEM in them first, and somebody might have written one there.
    const x509 = new X509Certificate(encodeCertificate(raw));
    if (readNode(readNode(x509.raw).content).raw.equals(signed)) return x509;
  } catch {
    // OpenSSL's own words help nobody.
  }
  throw new Error("its PEM certificate is damaged");
}

function openKey(x509: X509Certificate): KeyObject {
  try {
    return x509.publicKey;
  } catch {
    throw new Error("its public key is damaged, or of a kind unknown here");
  }
}

const keyUsage = "2.5.29.15";

/** Whether a certificate's key usage allows to sign CRLs (bit 6), or says nothing about usage. */
export function maySignCrls({ extensions }: Certificate): boolean {
  const usage = extensions.find(({ oid }) => oid === keyUsage);
  return !usage || ((readNode(usage.value).content[1] ?? 0) & 0x02) !== 0;
}
