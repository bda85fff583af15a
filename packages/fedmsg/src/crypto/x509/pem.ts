/** PEM: base64 between two lines that say what it is (RFC 7468). */

import { decodeBase64 } from "../base64.ts";

/** The first certificate in a text, with its two lines; what stands before and after it is of no matter. */
export function findCertificate(text: string): string | undefined {
  return findBlock(text, "(?:X509 )?CERTIFICATE");
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
