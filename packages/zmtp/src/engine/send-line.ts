/** Messages that wait for room, or for a peer, in the order in which they were sent. */

import { abortedError, closedError, ZmtpError } from "../errors.ts";
import type { Engine } from "./engine.ts";

/** A message as it goes out. */
export type Frames = readonly Uint8Array[];

/** What a frame that waits costs beside its bytes. */
const frameOverhead = 64;

interface Item {
  frames: Frames;
  readonly bytes: number;
  resolve(): void;
  reject(error: unknown): void;
  given: boolean;
}

/** Sends through `attempt`, which queues a message for everyone it is for, or answers false: not now. */
export class SendLine {
  readonly #engine: Engine;
  readonly #attempt: (frames: Frames) => boolean;
  #items: Item[] = [];
  #head = 0;
  #bytes = 0;
  #closed = false;
  #changed: { promise: Promise<void>; resolve: () => void } | undefined;

  constructor(engine: Engine, attempt: (frames: Frames) => boolean) {
    this.#engine = engine;
    this.#attempt = attempt;
  }

  /** Whether somebody waits. */
  get waits(): boolean {
    return this.#head < this.#items.length;
  }

  /** Sends at once, or not at all. Throws what `attempt` throws. */
  try(frames: Frames): boolean {
    if (this.#closed) throw closedError();
    return !this.waits && this.#attempt(frames);
  }

  /** Sends as soon as it can be done; resolves then. */
  send(frames: Frames, signal: AbortSignal | undefined): Promise<void> {
    try {
      return this.try(frames) ? this.#engine.sent() : this.#wait(frames, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #wait(frames: Frames, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw abortedError(signal);
    let bytes = 0;
    for (const { length } of frames) bytes += length + frameOverhead;
    const { sendBytesMax } = this.#engine.settings;
    if (this.#bytes > 0 && this.#bytes + bytes > sendBytesMax) {
      const detail = `${this.#bytes} bytes wait to be sent, ${sendBytesMax} are allowed (sendBytesMax)`;
      throw new ZmtpError("ZMTP_FULL", `${detail}; await send() to slow down`);
    }
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      const item: Item = { frames, bytes, resolve, reject, given: false };
      this.#items.push(item);
      if (signal) this.#giveUpOnAbort(item, signal);
    });
  }

  /** Resolves when something has changed, and so `try` may succeed. */
  changed(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (!this.#changed) {
      let resolve = () => {};
      const promise = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.#changed = { promise, resolve };
    }
    return this.#changed.promise;
  }

  /** Something has changed: sends what can be sent. */
  pump(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
    while (this.waits && !this.#closed) {
      const item = this.#items[this.#head] as Item;
      try {
        if (!item.given && !this.#attempt(item.frames)) return;
        if (this.#closed) return; // By somebody who heard of a loss.
        this.#shift();
        item.resolve();
      } catch (error) {
        this.#shift();
        item.reject(error);
      }
    }
  }

  close(): void {
    this.#closed = true;
    const items = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
    for (const item of items) item.reject(closedError());
    this.#changed?.resolve();
  }

  #shift(): void {
    const item = this.#items[this.#head] as Item;
    if (!item.given) this.#bytes -= item.bytes;
    this.#items[this.#head++] = undefined as unknown as Item;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 4096) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  #giveUpOnAbort(item: Item, signal: AbortSignal): void {
    const onAbort = () => {
      if (item.given) return;
      item.given = true;
      item.frames = [];
      this.#bytes -= item.bytes;
      item.reject(abortedError(signal));
      this.pump(); // It may have held up others.
    };
    const { resolve, reject } = item;
    item.resolve = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    item.reject = (error) => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
  }
}
