/**
 * What waits to be sent to one peer: ranges of slabs, in order, and what the stream has taken and not yet handed to the
 * kernel. One write is under way at a time; everything that gathers meanwhile goes out with the next one.
 */

import type { Duplex } from "node:stream";
import type { MessageLog, Slab, Written } from "./message-log.ts";

interface Range {
  readonly bytes: Uint8Array;
  readonly slab: Slab | undefined;
  start: number;
  end: number;
  messages: number;
}

/** A write takes so many bytes, about. */
const writeBytes = 1024 * 1024;
/** Ranges that are shorter on average are copied together rather than written one by one. */
const joinBytes = 8 * 1024;
/** So many short ranges of a peer that does not read are copied out of their slabs, which they would keep. */
const looseMax = 64;
const looseBytesMax = looseMax * 64 * 1024;

/** The queue of one peer. */
export class Outbox {
  /** Bytes that wait, those of the write under way included. */
  bytes = 0;
  /** Messages that wait, likewise. */
  messages = 0;
  /** What was handed to the kernel so far. */
  sentBytes = 0;
  sentMessages = 0;
  readonly #log: MessageLog;
  #ranges: Range[] = [];
  #loose = 0;
  #flying: Range[] | undefined;

  constructor(log: MessageLog) {
    this.#log = log;
  }

  get empty(): boolean {
    return this.bytes === 0;
  }

  /** Adds a message that the log has just written. */
  add({ slab, start, end, pieces, bytes }: Written): void {
    this.bytes += bytes;
    this.messages++;
    if (pieces) {
      pieces.forEach((piece, n) => {
        this.#push({ bytes: piece, slab: undefined, start: 0, end: piece.length, messages: n === 0 ? 1 : 0 });
      });
      return;
    }
    const last = this.#ranges.at(-1);
    if (last?.slab === slab && last.end === start) {
      last.end = end;
      last.messages++;
      return;
    }
    slab.ranges++;
    this.#push({ bytes: slab.bytes, slab, start, end, messages: 1 });
  }

  /** Adds whole frames that are no message. They count as bytes only. */
  addFrames(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.#push({ bytes, slab: undefined, start: 0, end: bytes.length, messages: 0 });
  }

  #push(range: Range): void {
    this.#ranges.push(range);
    if (this.#flying === undefined) return;
    if (++this.#loose >= looseMax) this.#gather();
  }

  /** Copies the last ranges together, so that they do not keep much larger slabs. */
  #gather(): void {
    const tail = this.#ranges.slice(-this.#loose);
    this.#loose = 0;
    const size = tail.reduce((sum, { start, end }) => sum + end - start, 0);
    if (size > looseBytesMax) return;
    this.#ranges.length -= tail.length;
    const messages = tail.reduce((sum, range) => sum + range.messages, 0);
    this.#ranges.push({ bytes: join(tail, size), slab: undefined, start: 0, end: size, messages });
    for (const { slab } of tail) if (slab) this.#log.release(slab);
  }

  /**
   * Writes what waits, unless a write is under way.
   *
   * @param onWritten called some time after the stream is done with a write, at once or later; whoever is, calls `written`
   */
  flush(stream: Duplex, onWritten: () => void): void {
    while (this.#flying === undefined && this.#ranges.length > 0) {
      const ranges = this.#take();
      this.#flying = ranges;
      writeRanges(stream, ranges, onWritten);
      if (stream.writableLength > 0) return;
      this.#land();
    }
  }

  /** The stream's callback came: the write under way is done, unless it was at once. */
  written(stream: Duplex): void {
    if (stream.writableLength === 0) this.#land();
  }

  /** Gives everything up. */
  clear(): void {
    for (const { slab } of [...(this.#flying ?? []), ...this.#ranges]) if (slab) this.#log.release(slab);
    this.#flying = undefined;
    this.#ranges = [];
    this.bytes = 0;
    this.messages = 0;
  }

  #take(): Range[] {
    this.#loose = 0;
    const first = this.#ranges[0] as Range;
    if (first.end - first.start > writeBytes) return [this.#cutOff(first)];
    let count = 0;
    for (let bytes = 0; count < this.#ranges.length && bytes < writeBytes; count++) {
      const { start, end } = this.#ranges[count] as Range;
      if (end - start > writeBytes) break;
      bytes += end - start;
    }
    if (count < this.#ranges.length) return this.#ranges.splice(0, count);
    const all = this.#ranges;
    this.#ranges = [];
    return all;
  }

  /** The beginning of a large frame, so that it can be seen how much of it was taken. Its message counts with the rest. */
  #cutOff(range: Range): Range {
    const head = {
      bytes: range.bytes,
      slab: undefined,
      start: range.start,
      end: range.start + writeBytes,
      messages: 0,
    };
    range.start = head.end;
    return head;
  }

  #land(): void {
    for (const { slab, start, end, messages } of this.#flying ?? []) {
      this.bytes -= end - start;
      this.messages -= messages;
      this.sentBytes += end - start;
      this.sentMessages += messages;
      if (slab) this.#log.release(slab);
    }
    this.#flying = undefined;
  }
}

function writeRanges(stream: Duplex, ranges: readonly Range[], onWritten: () => void): void {
  if (ranges.length === 1) {
    const { bytes, start, end } = ranges[0] as Range;
    stream.write(bytes.subarray(start, end), onWritten);
    return;
  }
  const size = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  if (size / ranges.length < joinBytes) {
    stream.write(join(ranges, size), onWritten);
    return;
  }
  stream.cork();
  ranges.forEach(({ bytes, start, end }, n) => {
    if (n === ranges.length - 1) stream.write(bytes.subarray(start, end), onWritten);
    else stream.write(bytes.subarray(start, end));
  });
  stream.uncork();
}

function join(ranges: readonly Range[], size: number): Buffer {
  const joined = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const { bytes, start, end } of ranges) {
    joined.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  return joined;
}
