/**
 * The key of a message: what says that two messages are the same one, whichever way they came.
 *
 * ```
 *  key = first 8 bytes of SHA-256( part(topic) part(id) part(signature) )
 *
 *  part(bytes)   +--------------------------+---------+
 *                | length, 4 bytes, big-end | bytes   |
 *                +--------------------------+---------+
 *  topic         the canonical JSON text of `topic` (with its quotation marks); empty if there is none
 *  id            the canonical JSON text of `msg_id`; if there is none, the canonical text of the whole message without
 *                `certificate` and `signature`, which begins with `{`
 *  signature     the bytes that `signature` stands for as base64; its JSON text where it is no base64; empty if there is
 *                none
 * ```
 *
 * Topic and id are signed, and there is one RSA signature for one text and key, so nobody can give a message the key of
 * another, nor send one again under a new key: respacing, other line breaks in the signature and other spellings of its
 * characters change nothing. The certificate is left out, as it may be spelt in many ways. (An id that is an object
 * begins with `{` too; such a message is the same as one without an id only if its topic and its signature are the same,
 * and then so is what was signed.)
 */

import { createHash } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { MessageParts, readParts, type SignedInput } from "./parts.ts";

/** How many bytes a key has. */
export const messageKeyBytes = 8;

/**
 * The key of a message (see the top of this file), for journals, cursors and replay guards.
 *
 * @returns 8 bytes, or nothing for what is no message
 */
export function messageKey(message: SignedInput | MessageParts): Uint8Array | undefined {
  const parts = readParts(message);
  if (!(parts instanceof MessageParts)) return undefined;
  const hash = createHash("sha256");
  for (const part of [parts.token("topic") ?? "", parts.token("msg_id") ?? parts.signed, signatureOf(parts)]) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest().subarray(0, messageKeyBytes);
}

function signatureOf(parts: MessageParts): Buffer | string {
  const text = parts.text("signature");
  return (text === undefined ? undefined : decodeBase64(text)) ?? parts.token("signature") ?? "";
}
