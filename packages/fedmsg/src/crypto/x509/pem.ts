/** PEM: base64 between two lines that say what it is (RFC 7468). */

import { decodeBase64 } from "../base64.ts";

/** The first certificate in a text, with its two lines; what stands before and after it is of no matter. */
export function findCertificate(text: string): string | undefined {
  return findBlock(text, "(?:X509 )?CERTIFICATE");
}

/**
 * The bytes of a block, between whose lines stands base64 and white space, and nothing else; headers (RFC 1421) neither.
 *
 * @returns nothing where that is not so
 */
export function decodeBlock(block: string): Buffer | undefined {
  const from = block.indexOf("\n");
  const to = block.lastIndexOf("\n");
  if (from < 0 || !/^-----BEGIN [A-Z0-9 ]+-----\s*$/.test(block.slice(0, from))) return undefined;
  const text = block.slice(from, to).replace(/\s+/g, "");
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, "base64");
}

/** A certificate as `openssl x509` writes it. */
export function encodeCertificate(bytes: Buffer): string {
  const lines = bytes.toString("base64").replace(/.{1,64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

/** The bytes of the first CRL in a text. */
export function findCrl(text: string): Buffer | undefined {
  const block = findBlock(text, "X509 CRL");
  return block === undefined ? undefined : decodeBase64(block.split("\n").slice(1, -1).join(""));
}

function findBlock(text: string, label: string): string | undefined {
  const begin = new RegExp(`^-----BEGIN (${label})-----`, "m").exec(text);
  if (!begin) return undefined;
  const last = `-----END ${begin[1]}-----`;
  const end = text.indexOf(last, begin.index);
  return end < 0 ? undefined : text.slice(begin.index, end + last.length);
}
