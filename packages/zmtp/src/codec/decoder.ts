/**
 * Bytes in, messages and commands out, wherever the stream is cut (ZMTP 3.1, RFC 37 "Framing", "Traffic").
 *
 * Most messages lie whole in the chunk that was read: they are noted where they are, and given out together when the
 * chunk is used up (`FrameBatch`). One that goes on in the next chunk is assembled piece by piece: the frames that are
 * done, and the one that is growing. What has arrived is never looked at twice, so a peer that sends single bytes costs
 * no more than their number; and a large frame gets a buffer that grows with what is there, not with what its header
 * claims.
 *
 * Rejected: keeping the rest and parsing it again together with the next chunk (quadratic for a message in many pieces),
 * and copying every chunk into a ring (a copy of everything).
 */

import { FrameBatch } from "./batch.ts";
import { ProtocolFault } from "./fault.ts";
import { flagCommand, flagLong, flagMore, headerLengthMax } from "./frames.ts";

/** What a decoder accepts. */
export interface FrameLimits {
  /** Bytes of a frame. */
  readonly frameBytesMax: number;
  /** Bytes of all frames of a message. */
  readonly messageBytesMax: number;
  /** Frames of a message. */
  readonly framesMax: number;
  /** Bytes of a command, its name included. */
  readonly commandBytesMax: number;
}

/** Defaults of {@link FrameLimits}. */
export const frameLimits: FrameLimits = {
  frameBytesMax: 64 * 1024 * 1024,
  messageBytesMax: 64 * 1024 * 1024,
  framesMax: 1024,
  commandBytesMax: 64 * 1024,
};

/** Who hears of what was decoded, in the order of the stream. */
export interface FrameSink {
  /** Messages; the batch is good until this returns. */
  messages(batch: FrameBatch): void;
  /** The body of a command's frame; a view that is good until this returns. */
  command(body: Buffer): void;
}

/** A growing frame gets so many bytes at first, at most. */
const firstAllocation = 32 * 1024;
const knownFlags = flagMore | flagLong | flagCommand;

/** Decoders work one after the other, each to the end of its chunk: one batch is enough for all. */
let spare: FrameBatch | undefined = new FrameBatch();

/** Lends the batch; or a new one where it is lent, to somebody whose sink feeds another decoder. */
function borrow(): FrameBatch {
  const batch = spare ?? new FrameBatch();
  spare = undefined;
  return batch;
}

function giveBack(batch: FrameBatch): void {
  batch.end();
  spare = batch;
}

/** Decodes what one peer sends after its greeting. */
export class FrameDecoder {
  readonly #limits: FrameLimits;
  readonly #sink: FrameSink;
  #stopped = false;
  /** The message that is being assembled: frames that are done, and their bytes. */
  #parts: Buffer[] | undefined;
  #partBytes = 0;
  /** The frame that is growing: its header as far as it is there, then its body. */
  #header: Buffer | undefined;
  #headerFilled = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;
  #bodySize = 0;
  #flags = 0;

  constructor(sink: FrameSink, limits: FrameLimits = frameLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** Whether the stream stands between two messages or commands. */
  get idle(): boolean {
    return this.#parts === undefined && this.#headerFilled === 0 && this.#body === undefined;
  }

  /** Nothing more is given out, not even of the chunk that is being decoded. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Decodes the next bytes of the stream. Nothing of `chunk` is kept.
   *
   * @throws ProtocolFault; then nothing more can be decoded
   */
  push(chunk: Buffer): void {
    if (this.#stopped) return;
    const at = this.idle ? 0 : this.#assemble(chunk, 0);
    if (at < chunk.length && !this.#stopped) this.#scan(chunk, at);
  }

  /** Notes what lies whole in the chunk, from `from` on, where a message or a command begins. */
  #scan(chunk: Buffer, from: number): void {
    const batch = borrow().begin(chunk);
    try {
      const at = this.#scanUntilFault(batch, chunk, from);
      const open = batch.copyOpen();
      if (batch.length > 0) this.#sink.messages(batch);
      if (this.#stopped) return;
      if (open.length > 0) this.#parts = open;
      if (at < chunk.length) this.#assemble(chunk, at);
    } finally {
      giveBack(batch);
    }
  }

  /** What stands before a fault is given out, as it would be if the stream were cut there. */
  #scanUntilFault(batch: FrameBatch, chunk: Buffer, from: number): number {
    try {
      return this.#scanInto(batch, chunk, from);
    } catch (error) {
      if (error instanceof ProtocolFault && batch.length > 0) this.#sink.messages(batch);
      throw error;
    }
  }

  /** Returns where the first frame begins that is not whole. */
  #scanInto(batch: FrameBatch, chunk: Buffer, from: number): number {
    const end = chunk.length;
    let at = from;
    let frames = 0;
    let bytes = 0;
    while (end - at >= 2) {
      const flags = chunk[at] as number;
      let size = chunk[at + 1] as number;
      let body = at + 2;
      if ((flags & flagLong) !== 0) {
        if (end - at < headerLengthMax) break;
        size = readSize(chunk, at + 1);
        body = at + headerLengthMax;
      }
      this.#check(flags, size, frames, bytes);
      if (size > end - body) break;
      at = body + size;
      if ((flags & flagCommand) !== 0) {
        if (batch.length > 0) this.#sink.messages(batch);
        batch.forgetMessages();
        if (!this.#stopped) this.#sink.command(chunk.subarray(body, at));
        if (this.#stopped) return end;
        continue;
      }
      batch.addFrame(body, at);
      if ((flags & flagMore) !== 0) {
        frames++;
        bytes += size;
      } else {
        batch.endMessage();
        frames = 0;
        bytes = 0;
      }
    }
    this.#partBytes = bytes;
    return at;
  }

  /** Takes bytes until the message or command that was begun is complete. Returns where the next one begins. */
  #assemble(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#body === undefined) {
        at = this.#takeHeader(chunk, at);
        if (this.#body === undefined) return at;
      }
      at = this.#takeBody(chunk, at);
      if (this.#bodyFilled < this.#bodySize) return at;
      if (this.#finishFrame()) return at;
    }
    return at;
  }

  #takeHeader(chunk: Buffer, from: number): number {
    this.#header ??= Buffer.allocUnsafe(headerLengthMax);
    const header = this.#header;
    let at = from;
    let wanted = this.#headerFilled > 0 && ((header[0] as number) & flagLong) !== 0 ? headerLengthMax : 2;
    while (this.#headerFilled < wanted && at < chunk.length) {
      header[this.#headerFilled++] = chunk[at++] as number;
      wanted = ((header[0] as number) & flagLong) === 0 ? 2 : headerLengthMax;
    }
    if (this.#headerFilled < wanted) return at;
    const flags = header[0] as number;
    const size = wanted === 2 ? (header[1] as number) : readSize(header, 1);
    this.#check(flags, size, this.#parts?.length ?? 0, this.#partBytes);
    this.#flags = flags;
    this.#bodySize = size;
    this.#bodyFilled = 0;
    this.#headerFilled = 0;
    this.#header = undefined;
    // What is known to be needed at once, at least; a claim alone gets no more than a first piece.
    this.#body = Buffer.allocUnsafeSlow(Math.min(size, Math.max(firstAllocation, chunk.length - at)));
    return at;
  }

  #takeBody(chunk: Buffer, at: number): number {
    const count = Math.min(this.#bodySize - this.#bodyFilled, chunk.length - at);
    let body = this.#body as Buffer;
    if (this.#bodyFilled + count > body.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(this.#bodySize, Math.max(body.length * 2, this.#bodyFilled + count)),
      );
      larger.set(body.subarray(0, this.#bodyFilled));
      this.#body = larger;
      body = larger;
    }
    body.set(chunk.subarray(at, at + count), this.#bodyFilled);
    this.#bodyFilled += count;
    return at + count;
  }

  /** Returns whether the message or command is complete. */
  #finishFrame(): boolean {
    const body = this.#body as Buffer;
    this.#body = undefined;
    if ((this.#flags & flagCommand) !== 0) {
      this.#sink.command(body);
      return this.#parts === undefined || this.#stopped;
    }
    const parts = this.#parts ?? [];
    parts.push(body);
    this.#partBytes += body.length;
    if ((this.#flags & flagMore) !== 0) {
      this.#parts = parts;
      return false;
    }
    this.#parts = undefined;
    this.#partBytes = 0;
    const batch = borrow().beginWhole(parts);
    try {
      this.#sink.messages(batch);
    } finally {
      giveBack(batch);
    }
    return true;
  }

  #check(flags: number, size: number, frames: number, bytes: number): void {
    const { frameBytesMax, messageBytesMax, framesMax, commandBytesMax } = this.#limits;
    if ((flags & ~knownFlags) !== 0 || (flags & (flagCommand | flagMore)) === (flagCommand | flagMore)) {
      throw new ProtocolFault("bad-frame", `a frame has the flags 0x${flags.toString(16).padStart(2, "0")}`);
    }
    if ((flags & flagCommand) !== 0) {
      if (size <= commandBytesMax) return;
      throw new ProtocolFault("bad-command", `a command has ${size} bytes, ${commandBytesMax} are allowed`);
    }
    if (size > frameBytesMax) {
      throw new ProtocolFault("frame-too-large", `a frame has ${size} bytes, ${frameBytesMax} are allowed`);
    }
    if (bytes + size > messageBytesMax) {
      throw new ProtocolFault(
        "message-too-large",
        `a message has ${bytes + size} bytes or more, ${messageBytesMax} are allowed`,
      );
    }
    if (frames >= framesMax) {
      throw new ProtocolFault("too-many-frames", `a message has more than ${framesMax} frames`);
    }
  }
}

/** 64 bits, as near as a number comes: what is beyond 2^53 is over every limit anyway. */
function readSize(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
