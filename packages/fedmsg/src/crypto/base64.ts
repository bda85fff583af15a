/** Base64 as Python's `base64` module reads and writes it: signatures and certificates travel in this form. */

const pad = 64;
const junk = 65;

/** The value of each ASCII character: 0 to 63, {@link pad} or {@link junk}. */
const values = new Uint8Array(128).fill(junk);
for (const [value, letter] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="].entries()) {
  values[letter.charCodeAt(0)] = value;
}

/**
 * Decodes leniently, as `binascii.a2b_base64` does: characters outside the alphabet are passed over, those of the
 * URL-safe one too (`Buffer.from` takes `-` and `_` for `+` and `/`, which would accept what Python refuses); the text
 * ends where the padding is complete.
 *
 * @returns the bytes, or nothing where Python raises: wrong padding, one character too many, or beyond ASCII
 */
export function decodeBase64(text: string): Buffer | undefined {
  if (!plain.test(text)) return decodeLeniently(text);
  const bytes = Buffer.from(text, "base64");
  return bytes.length === bytesWhereWritten(text) ? bytes : decodeLeniently(text);
}

const plain = /^[A-Za-z0-9+/\n]*={0,2}\n$/;

/**
 * How many bytes a text stands for if it is one that {@link encodeBase64Lines} wrote, which is to say if no newline is
 * missing and, as the number tells whoever decoded it, none too many. Such a text Node decodes rightly, and fast.
 */
function bytesWhereWritten(text: string): number | undefined {
  const chars = text.length - Math.ceil(text.length / 77);
  if (chars % 4 !== 0) return undefined;
  for (let at = 76; at < text.length; at += 77) if (text.charCodeAt(at) !== 0x0a) return undefined;
  const pads = text.endsWith("==\n") ? 2 : text.endsWith("=\n") ? 1 : 0;
  return (chars / 4) * 3 - pads;
}

function decodeLeniently(text: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(Math.ceil((text.length * 3) / 4));
  let length = 0;
  let quad = 0;
  let pads = 0;
  let left = 0;
  for (let at = 0; at < text.length; at++) {
    const value = values[text.charCodeAt(at)];
    if (value === undefined) return undefined;
    if (value === junk) continue;
    if (value === pad) {
      if (quad >= 2 && quad + ++pads >= 4) return isAscii(text, at) ? bytes.subarray(0, length) : undefined;
      continue;
    }
    pads = 0;
    if (quad === 0) left = value;
    else if (quad === 1) {
      bytes[length++] = (left << 2) | (value >> 4);
      left = value & 15;
    } else if (quad === 2) {
      bytes[length++] = (left << 4) | (value >> 2);
      left = value & 3;
    } else bytes[length++] = (left << 6) | value;
    quad = (quad + 1) & 3;
  }
  return quad === 0 ? bytes.subarray(0, length) : undefined;
}

/** Whether the rest of a text is ASCII: Python looks at that before it looks at anything else. */
function isAscii(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) if (text.charCodeAt(at) > 127) return false;
  return true;
}

/** Encodes in lines of 76 characters, each with its newline, as `base64.encodebytes` does. */
export function encodeBase64Lines(bytes: Buffer): string {
  return bytes.toString("base64").replace(/.{1,76}/g, "$&\n");
}
