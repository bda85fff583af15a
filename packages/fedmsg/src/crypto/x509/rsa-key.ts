/**
 * The RSA key in a certificate, looked at before OpenSSL decodes it. That takes as long as the key wants it to: a curve
 * whose parameters are spelt out, or a modulus without bounds, would be a stranger's to send.
 */

import { createHash } from "node:crypto";
import { type DerNode, DerSequence, readNode, tags } from "./der.ts";

/** The largest modulus, in bits: as much as OpenSSL verifies with (`OPENSSL_RSA_MAX_MODULUS_BITS`). */
export const modulusBitsMax = 16_384;

/** The largest exponent, in bits (`OPENSSL_RSA_MAX_PUBEXP_BITS`). */
export const exponentBitsMax = 64;

const rsaEncryption = Buffer.from("2a864886f70d010101", "hex"); // 1.2.840.113549.1.1.1

/** The two numbers of a key, without zeros in front. */
export interface RsaKey {
  readonly modulus: Buffer;
  readonly exponent: Buffer;
}

/** Reads a `SubjectPublicKeyInfo` (RFC 3279 §2.3.1). Nothing where the key is of another kind. */
export function readRsaKey(publicKey: DerNode): RsaKey | undefined {
  const fields = new DerSequence(publicKey);
  const oid = new DerSequence(fields.take(tags.sequence)).take(tags.oid);
  if (!oid.content.equals(rsaEncryption)) return undefined;
  const bits = fields.take(tags.bitString).content;
  if (bits[0] !== 0) throw new Error("its RSA key is damaged");
  const numbers = new DerSequence(readNode(bits.subarray(1)));
  return { modulus: readPositive(numbers), exponent: readPositive(numbers) };
}

/** Why nothing is verified with a key, if nothing is. */
export function keyProblem(key: RsaKey | undefined): string | undefined {
  if (!key) return "its key is not RSA";
  const [modulusBits, exponentBits] = [bitsOf(key.modulus), bitsOf(key.exponent)];
  if (modulusBits > modulusBitsMax) return `its RSA key has ${modulusBits} bits, over ${modulusBitsMax}`;
  if (exponentBits > exponentBitsMax) return `its RSA key's exponent has ${exponentBits} bits, over ${exponentBitsMax}`;
  // With an exponent of 1 everybody could sign.
  return isOdd(key.modulus) && isOdd(key.exponent) && exponentBits > 1 ? undefined : "its RSA key is damaged";
}

/** The bits of a number. */
export function bitsOf(number: Buffer): number {
  return number.length * 8 - (number.length > 0 ? Math.clz32(number[0] as number) - 24 : 0);
}

/** The same for the same key, whatever a certificate calls its owner. */
export function fingerprintOf({ modulus }: RsaKey): string {
  return createHash("sha256").update(modulus).digest("base64");
}

function readPositive(numbers: DerSequence): Buffer {
  const { content } = numbers.take(tags.integer);
  if ((content[0] ?? 0) & 0x80) throw new Error("its RSA key is damaged");
  let from = 0;
  while (content[from] === 0) from++;
  return content.subarray(from);
}

function isOdd(number: Buffer): boolean {
  return ((number.at(-1) ?? 0) & 1) === 1;
}
