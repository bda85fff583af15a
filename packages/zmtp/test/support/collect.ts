/** What the codec's tests share: sinks that note what they hear, and ways to cut a stream into chunks. */

import {
  encodeCommand,
  encodeMessage,
  type FrameBatch,
  FrameDecoder,
  type FrameLimits,
  type FrameSink,
  ProtocolFault,
} from "../../src/codec/index.ts";

/** What came out of a decoder. */
export type Heard = { readonly message: readonly Buffer[] } | { readonly command: Buffer };

/** Notes everything; checks on the way that all views of a batch agree. */
export class Collector implements FrameSink {
  readonly heard: Heard[] = [];
  /** How many messages each batch had. */
  readonly batches: number[] = [];

  messages(batch: FrameBatch): void {
    this.batches.push(batch.length);
    const kept = batch.keep();
    let bytes = 0;
    let at = 0;
    for (const frames of batch) {
      bytes += checkViews(batch, at, frames, kept[at] as Buffer[]);
      at++;
    }
    if (at !== batch.length || bytes !== batch.byteLength) throw new Error("a batch does not agree with itself");
    for (const message of kept) this.heard.push({ message });
  }

  command(body: Buffer): void {
    this.heard.push({ command: Buffer.from(body) });
  }

  /** Messages alone, as texts. */
  get texts(): string[][] {
    return this.heard.flatMap((item) => ("message" in item ? [item.message.map(String)] : []));
  }
}

function checkViews(batch: FrameBatch, at: number, frames: readonly Buffer[], kept: readonly Buffer[]): number {
  let bytes = 0;
  if (frames.length !== kept.length || frames.length !== batch.frameCount(at)) throw new Error("frames are missing");
  frames.forEach((frame, n) => {
    bytes += batch.frameLength(at, n);
    const agree = frame.equals(kept[n] as Buffer) && frame.equals(batch.frame(at, n));
    if (!agree || batch.frameLength(at, n) !== frame.length || batch.text(at, n) !== frame.toString()) {
      throw new Error(`frame ${n} of message ${at} does not agree with itself`);
    }
  });
  return bytes;
}

/** The bytes of messages and commands. */
export function encode(items: readonly Heard[]): Buffer {
  return Buffer.concat(
    items.map((item) => ("message" in item ? encodeMessage(item.message) : commandOf(item.command))),
  );
}

/** A command's frame from its body. */
export function commandOf(body: Buffer): Buffer {
  return encodeCommand(body.toString("latin1", 1, 1 + (body[0] as number)), body.subarray(1 + (body[0] as number)));
}

/** Bytes from hexadecimal, blanks for the eye. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
}

/** Pushes a stream cut at these offsets, from one buffer that is overwritten after each push. */
export function pushReused(decoder: FrameDecoder, stream: Buffer, cuts: readonly number[]): void {
  const shared = Buffer.alloc(stream.length);
  const bounds = [0, ...cuts, stream.length];
  for (let n = 1; n < bounds.length; n++) {
    const piece = stream.subarray(bounds[n - 1], bounds[n]);
    shared.set(piece);
    decoder.push(shared.subarray(0, piece.length));
    shared.fill(0xa5);
  }
}

/** What comes out of a stream that is cut at these offsets. */
export function decode(stream: Buffer, cuts: readonly number[], limits?: FrameLimits): Heard[] {
  const collector = new Collector();
  const decoder = new FrameDecoder(collector, limits);
  pushReused(decoder, stream, cuts);
  if (!decoder.idle) throw new Error("the decoder waits for more");
  return collector.heard;
}

/** Every offset but 0: a stream in single bytes. */
export function everyByte(stream: Buffer): number[] {
  return Array.from({ length: Math.max(0, stream.length - 1) }, (_, n) => n + 1);
}

/** The reason of the fault that `work` throws. */
export function faultOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ProtocolFault) return error.reason;
    throw error;
  }
  return "no fault";
}
