/**
 * Whether a write-ahead log that an unclean end left behind is all there.
 *
 * SQLite takes a log up to its last good commit and drops the rest without a word. After `kill -9` that is right: the rest was
 * never acknowledged. Where a byte in the middle was changed, or a power cut kept later writes and lost earlier ones, commits may
 * lie behind the bad frame; positions would then be given out a second time. So the frames are read here as SQLite reads them
 * (https://sqlite.org/fileformat2.html#the_write_ahead_log), and a frame of the same log that ends a commit behind the last good
 * one is told.
 *
 * ```
 * header  magic, version, page size, checkpoint number, salt ×2, checksum ×2            8 × uint32, big-endian
 * frame   page number, size of the database (ends a commit if not 0), salt ×2, checksum ×2, then the page
 * ```
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";

/** What was found. `absent` is also said of an empty one. */
export type WalState = "absent" | "intact" | "damaged";

const headerBytes = 32;
const frameHeaderBytes = 24;
const magic = 0x377f0682;
const framesPerRead = 256;

/** Looks at a log that nobody has open. */
export function inspectWal(path: string): WalState {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "absent";
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    return size === 0 ? "absent" : inspect(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

function inspect(descriptor: number, size: number): WalState {
  const header = Buffer.alloc(headerBytes);
  readSync(descriptor, header, 0, headerBytes, 0);
  if ((header.readUInt32BE(0) & ~1) !== magic) return "damaged";
  const sum = new WalSum((header.readUInt32BE(0) & 1) === 1);
  sum.add(header.subarray(0, 24));
  if (!sum.equals(header, 24)) return "damaged";
  const frameBytes = frameHeaderBytes + header.readUInt32BE(8);
  const salts = header.subarray(16, 24);
  const frames = Math.floor((size - headerBytes) / frameBytes);
  if (frames === 0) return "damaged"; // A writer's log begins with the mark that it is open.
  const chunk = Buffer.alloc(frameBytes * framesPerRead);
  let isGood = true;
  for (let n = 0; n < frames; n++) {
    const slot = n % framesPerRead;
    if (slot === 0) readSync(descriptor, chunk, 0, chunk.length, headerBytes + n * frameBytes);
    const frame = chunk.subarray(slot * frameBytes, (slot + 1) * frameBytes);
    const isOfThisLog = frame.subarray(8, 16).equals(salts);
    if (isGood) {
      sum.add(frame.subarray(0, 8));
      sum.add(frame.subarray(frameHeaderBytes));
      isGood = isOfThisLog && sum.equals(frame, 16);
    }
    if (!isGood && isOfThisLog && frame.readUInt32BE(4) !== 0) return "damaged";
  }
  return "intact";
}

/** The running checksum of a log: pairs of words, of the byte order that its magic number names. */
class WalSum {
  readonly #swaps: boolean;
  #a = 0;
  #b = 0;

  constructor(isBigEndian: boolean) {
    this.#swaps = isBigEndian !== (endianness() === "BE");
  }

  add(bytes: Buffer): void {
    const copy = Uint8Array.from(bytes); // Aligned, as words must be.
    if (this.#swaps) Buffer.from(copy.buffer).swap32();
    const words = new Uint32Array(copy.buffer);
    for (let n = 0; n < words.length; n += 2) {
      this.#a = (this.#a + (words[n] as number) + this.#b) >>> 0;
      this.#b = (this.#b + (words[n + 1] as number) + this.#a) >>> 0;
    }
  }

  equals(bytes: Buffer, at: number): boolean {
    return bytes.readUInt32BE(at) === this.#a && bytes.readUInt32BE(at + 4) === this.#b;
  }
}
