/** A certificate, compiled: everything that a check asks for, taken out once. */

import { type KeyObject, X509Certificate } from "node:crypto";
import {
  childNodes,
  type DerNode,
  DerSequence,
  type Extension,
  readExtensions,
  readNode,
  readSerial,
  readTime,
  tags,
} from "./der.ts";
import { findCertificate } from "./pem.ts";

/** What is in a certificate. Times in milliseconds since the epoch. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly publicKey: KeyObject;
  /** The first common name of the subject. */
  readonly commonName: string | undefined;
  /** Hexadecimal, in the same spelling as in a CRL. */
  readonly serial: string;
  /** The subject's name, DER. */
  readonly subject: Buffer;
  readonly notBefore: number;
  /** The first moment at which it is no longer valid. */
  readonly notAfter: number;
  /** 1 or 3. */
  readonly version: number;
  readonly extensions: readonly Extension[];
}

/** Reads the first certificate in a PEM text. Throws an `Error` in words that quote nothing. */
export function parseCertificate(pem: string): Certificate {
  const block = findCertificate(pem);
  if (!block) throw new Error("it holds no PEM certificate");
  const x509 = openCertificate(block);
  const tbs = new DerSequence(new DerSequence(readNode(x509.raw)).take(tags.sequence));
  const version = tbs.optional(0xa0)?.content.at(-1) ?? 0;
  const serial = readSerial(tbs.take(tags.integer));
  tbs.take(tags.sequence); // the algorithm
  tbs.take(tags.sequence); // the issuer
  const validity = new DerSequence(tbs.take(tags.sequence));
  const subject = tbs.take(tags.sequence);
  const notBefore = readTime(validity.take(tags.utcTime, tags.generalizedTime));
  const notAfter = readTime(validity.take(tags.utcTime, tags.generalizedTime));
  tbs.take(tags.sequence); // the key
  tbs.optional(0x81, 0xa1); // identifiers that nobody uses
  tbs.optional(0x82, 0xa2);
  const list = tbs.optional(0xa3);
  return {
    ...{ x509, publicKey: openKey(x509), commonName: findCommonName(subject), serial, subject: subject.raw },
    ...{ notBefore, notAfter, version: version + 1, extensions: list ? readExtensions(readNode(list.content)) : [] },
  };
}

function openCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error("its PEM certificate is damaged"); // OpenSSL's own words help nobody
  }
}

function openKey(x509: X509Certificate): KeyObject {
  try {
    return x509.publicKey;
  } catch {
    throw new Error("its public key is damaged, or of a kind unknown here");
  }
}

const commonNameOid = Buffer.from([0x55, 0x04, 0x03]); // 2.5.4.3

/** The first in the order of the bytes, as `get_attributes_for_oid(COMMON_NAME)[0]` of Python's `cryptography`. */
function findCommonName(subject: DerNode): string | undefined {
  for (const set of childNodes(subject)) {
    for (const attribute of childNodes(set)) {
      const [oid, value] = childNodes(attribute);
      if (oid && value && oid.tag === tags.oid && oid.content.equals(commonNameOid)) return readString(value);
    }
  }
  return undefined;
}

/** Text in any of the forms that names have: BMP and universal strings are UTF-16 and UTF-32, all others UTF-8. */
function readString({ tag, content }: DerNode): string {
  if (tag === 0x1e) return new TextDecoder("utf-16be", { fatal: true }).decode(content);
  if (tag !== 0x1c) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  const points = Array.from({ length: content.length / 4 }, (_, n) => content.readUInt32BE(n * 4));
  return String.fromCodePoint(...points);
}

const keyUsage = "2.5.29.15";

/** Whether a certificate's key usage allows to sign CRLs (bit 6), or says nothing about usage. */
export function maySignCrls({ extensions }: Certificate): boolean {
  const usage = extensions.find(({ oid }) => oid === keyUsage);
  return !usage || ((readNode(usage.value).content[1] ?? 0) & 0x02) !== 0;
}
