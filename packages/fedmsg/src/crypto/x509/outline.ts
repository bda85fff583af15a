/** What a certificate says, read without OpenSSL: enough to refuse most of what strangers send. */

import {
  childNodes,
  type DerNode,
  DerSequence,
  type Extension,
  readExtensions,
  readNode,
  readOid,
  readSerial,
  readTime,
  tags,
} from "./der.ts";
import { bitsOf, type RsaKey, readRsaKey } from "./rsa-key.ts";

/** What is in a certificate (RFC 5280 §4.1). Times in milliseconds since the epoch. */
export interface Outline {
  /** All of it, DER. */
  readonly raw: Buffer;
  /** The part that the authority signed, DER. */
  readonly signed: Buffer;
  /** The issuer's name, DER. */
  readonly issuer: Buffer;
  /** The subject's name, DER. */
  readonly subject: Buffer;
  /** The first common name of the subject. */
  readonly commonName: string | undefined;
  /** Hexadecimal, in the same spelling as in a CRL. */
  readonly serial: string;
  readonly notBefore: number;
  /** The first moment at which it is no longer valid. */
  readonly notAfter: number;
  /** 1 or 3. */
  readonly version: number;
  readonly extensions: readonly Extension[];
  /** Nothing where the key is of another kind. */
  readonly rsaKey: RsaKey | undefined;
  /** What it was signed with: an object identifier with dots. */
  readonly algorithm: string;
}

/** Reads a certificate, DER. Throws an `Error` in words that quote nothing. */
export function readOutline(bytes: Buffer): Outline {
  const whole = readNode(bytes);
  if (whole.raw.length !== bytes.length) throw new Error("something follows its certificate");
  const fields = new DerSequence(whole);
  const signed = fields.take(tags.sequence);
  const tbs = new DerSequence(signed);
  const version = tbs.optional(0xa0)?.content.at(-1) ?? 0;
  const serial = readSerial(tbs.take(tags.integer));
  tbs.take(tags.sequence); // the algorithm, which is said once more outside
  const issuer = tbs.take(tags.sequence);
  const validity = new DerSequence(tbs.take(tags.sequence));
  const subject = tbs.take(tags.sequence);
  const notBefore = readTime(validity.take(tags.utcTime, tags.generalizedTime));
  const notAfter = readTime(validity.take(tags.utcTime, tags.generalizedTime));
  const rsaKey = readRsaKey(tbs.take(tags.sequence));
  tbs.optional(0x81, 0xa1); // identifiers that nobody uses
  tbs.optional(0x82, 0xa2);
  const list = tbs.optional(0xa3);
  const algorithm = readOid(new DerSequence(fields.take(tags.sequence)).take(tags.oid));
  return {
    ...{ raw: whole.raw, signed: signed.raw, issuer: issuer.raw, subject: subject.raw, serial },
    ...{ notBefore, notAfter, version: version + 1, extensions: list ? readExtensions(readNode(list.content)) : [] },
    ...{ commonName: findCommonName(subject), rsaKey, algorithm },
  };
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

const safeBits = 2048;
const weakAlgorithms: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.2", "MD2"],
  ["1.2.840.113549.1.1.3", "MD4"],
  ["1.2.840.113549.1.1.4", "MD5"],
  ["1.3.14.3.2.3", "MD5"],
  ["1.3.14.3.2.25", "MD5"],
  ["1.2.840.113549.1.1.1", "no digest"],
  ["1.3.6.1.5.5.7.6.2", "nothing"], // id-alg-noSignature, RFC 8603
]);

/** What makes a certificate weak: others may come by its key, or make one like it. Nobody is refused for that. */
export function weaknessOf({ rsaKey, algorithm }: Outline): string | undefined {
  const bits = rsaKey ? bitsOf(rsaKey.modulus) : safeBits;
  const digest = weakAlgorithms.get(algorithm);
  const found = [
    ...(bits < safeBits ? [`its RSA key has ${bits} bits, should have ${safeBits} or more`] : []),
    ...(digest !== undefined ? [`it is signed with ${digest}, should be with SHA-256`] : []),
  ];
  return found.length > 0 ? found.join("; ") : undefined;
}
