/**
 * Where messages are written before they are sent: each once, however many peers it is for. A peer's queue holds ranges of
 * these slabs; what follows in the same slab makes a range longer. So a thousand peers that want everything share one copy,
 * and each is sent what came together in one write.
 *
 * A slab is used again when nobody's range is in it any more. Large messages are not copied at all.
 */

import { encodedLength, flagMore, headerLength, writeHeader, writeMessage } from "../codec/frames.ts";

/** Bytes that messages are written to. */
export interface Slab {
  readonly bytes: Buffer;
  /** Ranges of it that wait to be sent. */
  ranges: number;
}

const slabBytes = 256 * 1024;
/** Frames from this size on are sent from where they are. */
const largeFrameBytes = 64 * 1024;
/** Unused slabs that are kept. */
const sparesMax = 32;

/** Unused slabs of this thread. */
const spares: Slab[] = [];

/** What `append` wrote: `[start, end)` of `slab`, or `pieces`. Good until the next message. */
export interface Written {
  slab: Slab;
  start: number;
  end: number;
  pieces: readonly Uint8Array[] | undefined;
  /** Bytes on the wire. */
  bytes: number;
}

/** Writes the messages of one socket. */
export class MessageLog {
  #slab: Slab | undefined;
  #at = 0;
  readonly #written: Written = {
    slab: undefined as unknown as Slab,
    start: 0,
    end: 0,
    pieces: undefined,
    bytes: 0,
  };

  /** Writes a message behind those before. */
  append(frames: readonly Uint8Array[]): Written {
    const written = this.#written;
    const bytes = encodedLength(frames);
    written.bytes = bytes;
    if (bytes >= largeFrameBytes && (bytes > slabBytes || frames.some(({ length }) => length >= largeFrameBytes))) {
      written.pieces = toPieces(frames);
      return written;
    }
    const slab = this.#roomFor(bytes);
    written.pieces = undefined;
    written.slab = slab;
    written.start = this.#at;
    this.#at = writeMessage(slab.bytes, this.#at, frames);
    written.end = this.#at;
    return written;
  }

  /** A range of a slab was sent, or given up. */
  release(slab: Slab): void {
    if (--slab.ranges > 0) return;
    // The current one is begun anew by the next message: the last one may still be on its way into other peers' queues.
    if (slab !== this.#slab && spares.length < sparesMax) spares.push(slab);
  }

  #roomFor(bytes: number): Slab {
    const current = this.#slab;
    if (current?.ranges === 0) this.#at = 0;
    if (current && this.#at + bytes <= slabBytes) return current;
    this.#at = 0;
    this.#slab = spares.pop() ?? { bytes: Buffer.allocUnsafeSlow(slabBytes), ranges: 0 };
    return this.#slab;
  }
}

/** Headers and small frames together, large frames as they are. */
function toPieces(frames: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  frames.forEach((frame, n) => {
    const header = Buffer.allocUnsafe(headerLength(frame.length));
    writeHeader(header, 0, frame.length, n < frames.length - 1 ? flagMore : 0);
    small.push(header);
    if (frame.length < largeFrameBytes) small.push(frame);
    else {
      pieces.push(Buffer.concat(small), frame);
      small = [];
    }
  });
  if (small.length > 0) pieces.push(Buffer.concat(small));
  return pieces;
}
