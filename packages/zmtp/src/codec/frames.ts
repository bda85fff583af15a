/**
 * Frames on the wire (ZMTP 3.1, RFC 37 "Framing"). A message is one or more frames, each but the last with MORE; a command
 * is one frame with COMMAND.
 *
 * ```
 *  0       1      2                         0       1               9
 * +-------+------+----------+              +-------+---------------+----------+
 * | flags | size | body …   |   or, LONG:  | flags | size (64 bit, | body …   |
 * +-------+------+----------+              |       | big endian)   |          |
 *                                          +-------+---------------+----------+
 * flags:  bit 0 MORE, bit 1 LONG, bit 2 COMMAND; the others are 0
 * ```
 */

/** Another frame of the same message follows. */
export const flagMore = 1;
/** The size takes 8 bytes. */
export const flagLong = 2;
/** The frame is a command. */
export const flagCommand = 4;

/** The largest size that a short frame can have. */
export const shortSizeMax = 255;
/** Length of the longest frame header in bytes. */
export const headerLengthMax = 9;

/** Length of the header that a body of `size` bytes gets. */
export function headerLength(size: number): number {
  return size > shortSizeMax ? headerLengthMax : 2;
}

/**
 * Writes a frame's header.
 *
 * @param flags MORE or COMMAND or 0; LONG is added where it is needed
 * @returns the offset behind it
 */
export function writeHeader(target: Uint8Array, at: number, size: number, flags: number): number {
  if (size <= shortSizeMax) {
    target[at] = flags;
    target[at + 1] = size;
    return at + 2;
  }
  target[at] = flags | flagLong;
  const high = Math.floor(size / 0x1_0000_0000);
  target[at + 1] = 0;
  target[at + 2] = 0;
  target[at + 3] = (high >>> 8) & 0xff;
  target[at + 4] = high & 0xff;
  target[at + 5] = (size >>> 24) & 0xff;
  target[at + 6] = (size >>> 16) & 0xff;
  target[at + 7] = (size >>> 8) & 0xff;
  target[at + 8] = size & 0xff;
  return at + headerLengthMax;
}

/** Length of a message on the wire. */
export function encodedLength(frames: readonly Uint8Array[]): number {
  let length = 0;
  for (const frame of frames) length += headerLength(frame.length) + frame.length;
  return length;
}

/**
 * Writes a message.
 *
 * @param target has room for {@link encodedLength} bytes from `at` on
 * @returns the offset behind it
 */
export function writeMessage(target: Uint8Array, at: number, frames: readonly Uint8Array[]): number {
  const last = frames.length - 1;
  let to = at;
  for (let n = 0; n <= last; n++) {
    const frame = frames[n] as Uint8Array;
    to = writeHeader(target, to, frame.length, n < last ? flagMore : 0);
    target.set(frame, to);
    to += frame.length;
  }
  return to;
}

/** A message in a buffer of its own. */
export function encodeMessage(frames: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(encodedLength(frames));
  writeMessage(bytes, 0, frames);
  return bytes;
}
