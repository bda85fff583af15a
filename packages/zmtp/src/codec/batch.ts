/**
 * Messages as they lie in the buffer that they were read into. Nothing is copied or made until it is asked for: a frame is
 * two numbers. So a batch is good during the callback that gets it, and empty afterwards; `keep` is for what stays.
 */

const nothing = Buffer.alloc(0);

/** Messages of one peer, in order, valid until the callback returns. */
export class FrameBatch implements Iterable<Buffer[]> {
  #chunk: Buffer = nothing;
  /** Frames that came in pieces have buffers of their own; then these are the frames of the only message. */
  #whole: readonly Buffer[] | undefined;
  #lead: Buffer | undefined;
  /** Where each frame begins and ends in the chunk. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #frames = 0;
  /** By message: its first frame, and how many it has. */
  readonly #firsts: number[] = [];
  readonly #counts: number[] = [];
  #length = 0;
  /** Messages between others were left out. */
  #isSparse = false;
  /** Frames before this one belong to finished messages. */
  #open = 0;

  /** Messages. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of all frames of all messages. */
  get byteLength(): number {
    let bytes = 0;
    for (let message = 0; message < this.#length; message++) {
      for (let frame = 0; frame < this.frameCount(message); frame++) bytes += this.frameLength(message, frame);
    }
    return bytes;
  }

  /** Frames of all messages. */
  get frames(): number {
    let count = 0;
    for (let message = 0; message < this.#length; message++) count += this.frameCount(message);
    return count;
  }

  /** How many frames a message has. */
  frameCount(message: number): number {
    this.#assertMessage(message);
    return (this.#counts[message] ?? 0) + (this.#lead === undefined ? 0 : 1);
  }

  /** Bytes of a frame. */
  frameLength(message: number, frame: number): number {
    const at = this.#index(message, frame);
    if (at < 0) return (this.#lead as Buffer).length;
    if (this.#whole) return (this.#whole[at] as Buffer).length;
    return (this.#ends[at] as number) - (this.#starts[at] as number);
  }

  /** A frame, as a view that is valid during the callback. */
  frame(message: number, frame: number): Buffer {
    const at = this.#index(message, frame);
    if (at < 0) return this.#lead as Buffer;
    return this.#whole?.[at] ?? this.#chunk.subarray(this.#starts[at], this.#ends[at]);
  }

  /** A frame as text, UTF-8. */
  text(message: number, frame: number): string {
    const at = this.#index(message, frame);
    if (at < 0) return (this.#lead as Buffer).toString();
    return this.#whole?.[at]?.toString() ?? this.#chunk.toString("utf8", this.#starts[at], this.#ends[at]);
  }

  /** The frames of a message, as views that are valid during the callback. */
  message(message: number): Buffer[] {
    this.#assertMessage(message);
    return this.#collect(message, this.#chunk, 0);
  }

  *[Symbol.iterator](): Iterator<Buffer[]> {
    for (let message = 0; message < this.#length; message++) yield this.message(message);
  }

  /** All messages, copied together into one buffer of their own. */
  keep(): Buffer[][] {
    const messages: Buffer[][] = [];
    if (this.#length === 0) return messages;
    if (this.#isSparse) return this.#keepSparse();
    let copy = this.#chunk;
    let from = 0;
    if (!this.#whole) {
      const last = this.#length - 1;
      from = this.#starts[this.#firsts[0] as number] as number;
      const to = this.#ends[(this.#firsts[last] as number) + (this.#counts[last] as number) - 1] as number;
      copy = Buffer.allocUnsafeSlow(to - from);
      copy.set(this.#chunk.subarray(from, to));
    }
    for (let message = 0; message < this.#length; message++) messages.push(this.#collect(message, copy, from));
    return messages;
  }

  /** What was left out must not be kept along with the rest. */
  #keepSparse(): Buffer[][] {
    const leadBytes = (this.#lead?.length ?? 0) * this.#length;
    const copy = Buffer.allocUnsafeSlow(this.byteLength - leadBytes);
    let at = 0;
    return Array.from({ length: this.#length }, (_, message) =>
      this.message(message).map((frame) => {
        if (frame === this.#lead) return frame;
        copy.set(frame, at);
        at += frame.length;
        return copy.subarray(at - frame.length, at);
      }),
    );
  }

  #collect(message: number, buffer: Buffer, from: number): Buffer[] {
    const frames: Buffer[] = this.#lead === undefined ? [] : [this.#lead];
    if (this.#whole) return frames.concat(this.#whole);
    const first = this.#firsts[message] as number;
    const end = first + (this.#counts[message] as number);
    for (let at = first; at < end; at++) {
      frames.push(buffer.subarray((this.#starts[at] as number) - from, (this.#ends[at] as number) - from));
    }
    return frames;
  }

  /** Where a frame is noted; -1 for the one that was put in front. */
  #index(message: number, frame: number): number {
    if (frame < 0 || frame >= this.frameCount(message)) {
      throw new RangeError(`message ${message} has no frame ${frame}`);
    }
    const first = this.#firsts[message] as number;
    if (this.#lead === undefined) return first + frame;
    return frame === 0 ? -1 : first + frame - 1;
  }

  #assertMessage(message: number): void {
    if (message >= 0 && message < this.#length) return;
    throw new RangeError(`there is no message ${message}: ${this.#length} are here now`);
  }

  /** For whoever fills it: begins anew, on a chunk. */
  begin(chunk: Buffer): this {
    this.#chunk = chunk;
    this.#whole = undefined;
    this.#lead = undefined;
    this.#isSparse = false;
    this.#frames = 0;
    this.#length = 0;
    this.#open = 0;
    return this;
  }

  /** For whoever fills it: one message whose frames have their own buffers. */
  beginWhole(frames: readonly Buffer[]): this {
    this.begin(nothing);
    this.#whole = frames;
    this.#firsts[0] = 0;
    this.#counts[0] = frames.length;
    this.#length = 1;
    return this;
  }

  /** For whoever fills it: another frame of the message that is open. */
  addFrame(start: number, end: number): void {
    this.#starts[this.#frames] = start;
    this.#ends[this.#frames++] = end;
  }

  /** For whoever fills it: the open message is complete. */
  endMessage(): void {
    this.#firsts[this.#length] = this.#open;
    this.#counts[this.#length++] = this.#frames - this.#open;
    this.#open = this.#frames;
  }

  /** For whoever fills it: copies of the frames of the message that is open. */
  copyOpen(): Buffer[] {
    const frames: Buffer[] = [];
    for (let at = this.#open; at < this.#frames; at++) {
      frames.push(Buffer.from(this.#chunk.subarray(this.#starts[at], this.#ends[at])));
    }
    return frames;
  }

  /** Goes on without the messages before, keeping those frames that are open. */
  forgetMessages(): void {
    this.#length = 0;
    this.#isSparse = false;
    this.#lead = undefined;
  }

  /** Puts a frame in front of each message. */
  lead(frame: Buffer): void {
    this.#lead = frame;
  }

  /** Leaves out the messages of which `wanted` says no. `start` and `end` are the bounds of the first frame in `chunk`. */
  filter(wanted: (chunk: Buffer, start: number, end: number) => boolean): void {
    let kept = 0;
    for (let message = 0; message < this.#length; message++) {
      const first = this.#firsts[message] as number;
      const whole = this.#whole?.[first];
      const isWanted = whole
        ? wanted(whole, 0, whole.length)
        : wanted(this.#chunk, this.#starts[first] as number, this.#ends[first] as number);
      if (!isWanted) continue;
      this.#firsts[kept] = first;
      this.#counts[kept++] = this.#counts[message] as number;
    }
    this.#isSparse ||= kept < this.#length;
    this.#length = kept;
  }

  /** Leaves out the messages of which `wanted` says no. */
  select(wanted: (message: number) => boolean): void {
    let kept = 0;
    for (let message = 0; message < this.#length; message++) {
      if (!wanted(message)) continue;
      this.#firsts[kept] = this.#firsts[message] as number;
      this.#counts[kept++] = this.#counts[message] as number;
    }
    this.#isSparse ||= kept < this.#length;
    this.#length = kept;
  }

  /** The callback is over: nothing is here any more. */
  end(): void {
    this.begin(nothing);
  }
}
