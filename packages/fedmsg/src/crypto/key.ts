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

import { hash } from "node:crypto";
import type { Message } from "../wire/envelope.ts";
import { createQuoter, quote } from "../wire/text.ts";
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
  return hashParts(parts.token("topic") ?? "", parts.token("msg_id") ?? parts.signed, signatureOf(parts));
}

/**
 * The same key, of a message that is known already: in a fraction of the time, as its text is looked at only where topic,
 * id or signature are not what they mostly are.
 *
 * @param message what `text` says
 * @param text the body as it goes over the wire, or came
 * @returns 8 bytes; zeros where `text` is no message after all
 */
export function messageKeyOf(message: Message, text: Uint8Array | string): Uint8Array {
  const { topic, msg_id: id, signature } = message;
  if (typeof topic === "string" && typeof id === "string") {
    const signed =
      typeof signature === "string" ? decodeBase64(signature) : signature === undefined ? noBytes : undefined;
    if (signed !== undefined) return hashParts(quoteTopic(topic), quote(id), signed);
  }
  return messageKey(text) ?? new Uint8Array(messageKeyBytes);
}

const noBytes = Buffer.alloc(0);

/** Most messages have the topic of the one before. */
const quoteTopic = createQuoter();

/** Of JSON texts, which are ASCII, and what a signature stands for. */
function hashParts(topic: string, id: string, signature: Buffer): Uint8Array {
  // As a text, where each byte is a character of ASCII, it is hashed in a third of the time.
  if (signature.length === 0 && topic.length < 128 && id.length < 128) {
    const digest = hash("sha256", `${shortPart(topic)}${shortPart(id)}\0\0\0\0`, "binary");
    const key = Buffer.allocUnsafe(messageKeyBytes);
    for (let n = 0; n < messageKeyBytes; n++) key[n] = digest.charCodeAt(n);
    return key;
  }
  const bytes = Buffer.allocUnsafe(12 + topic.length + id.length + signature.length);
  let at = 0;
  for (const part of [topic, id, signature]) {
    at = bytes.writeUInt32BE(part.length, at);
    at += typeof part === "string" ? bytes.write(part, at, "latin1") : part.copy(bytes, at);
  }
  return hash("sha256", bytes, "buffer").subarray(0, messageKeyBytes);
}

function shortPart(text: string): string {
  return `\0\0\0${String.fromCharCode(text.length)}${text}`;
}

function signatureOf(parts: MessageParts): Buffer {
  const text = parts.text("signature");
  return (text === undefined ? undefined : decodeBase64(text)) ?? Buffer.from(parts.token("signature") ?? "");
}
