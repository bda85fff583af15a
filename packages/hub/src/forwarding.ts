/**
 * What relay and gateway have in common: everything that comes in goes out, byte for byte.
 *
 * Forwarding looks at the frames and not into the body: whether there are two, their size, that both are UTF-8 and that
 * the body looks like an object. Parsing each message again would cost more than carrying it, and every subscriber does
 * so anyway. What fails is counted and goes nowhere.
 *
 * Messages are sent one after the other, and the next ones are not read while one waits: so a full subscriber slows down
 * the publishers, for as long as the publishing socket lets it (DESIGN.md, decision 6).
 */

import { isUtf8 } from "node:buffer";
import { setTimeout as delay } from "node:timers/promises";
import { FedmsgError, type StatusEvent } from "fedmsg";
import {
  checkFraming,
  countOf,
  type Frames,
  type FramesCounts,
  type FramesSource,
  framesByteLength,
  type InvalidReason,
  invalidReasons,
  type Publisher,
} from "fedmsg/plugin";

/** Where messages go. */
export interface Output extends Pick<Publisher, "send" | "dropped" | "drain" | "close"> {
  /** Sends several in order. Where it is there, messages that came together are given to it together. */
  sendAll?(messages: readonly Frames[]): Promise<void>;
  /** Says that the end has come: what cannot be sent now is given up. */
  hurry?(): void;
}

/** How to forward. */
export interface ForwardingOptions {
  readonly output: Output;
  readonly bodyBytesMax: number;
  /** What goes out for what came in, or why nothing does. Default: the same, byte for byte. */
  readonly transform?: ((frames: Frames) => Frames | Fault) | undefined;
  /** Hears of what was refused or lost. Must not throw. */
  readonly tell: (event: StatusEvent) => void;
}

/** Why a message goes nowhere. */
export interface Fault {
  readonly reason: InvalidReason;
  readonly detail: string;
  readonly topic: string;
}

/** What is sent together at most: less than a way out takes. */
const groupMessages = 1000;
const groupBytes = 4 * 1024 * 1024;
/** How long an input pauses when the others have filled the way out, in ms. */
const pauseMs = 5;

/** Passes on what it is given. */
export class Forwarding {
  readonly #options: ForwardingOptions;
  readonly #refused: Partial<Record<InvalidReason, number>> = {};
  #forwarded = 0;
  /** What came another way than to `forward`. */
  #received = 0;
  #inHand: (() => number) | undefined;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  get counts(): FramesCounts {
    const { dropped } = this.#options.output;
    const elsewhere = this.#inHand && { received: this.#received, inHand: this.#inHand() };
    return { forwarded: this.#forwarded, dropped, refused: { ...this.#refused }, ...elsewhere };
  }

  /**
   * Sends what came together, in order. Rejects where the way out is closed or broken.
   *
   * @throws FedmsgError FEDMSG_CLOSED, FEDMSG_JOURNAL (at the end, when nobody waits for the journal any more)
   */
  forward(batch: readonly Frames[], source: FramesSource): Promise<void> {
    return this.#options.output.sendAll ? this.#sendTogether(batch, source) : this.#sendEach(batch, source);
  }

  /** What goes out for what came in; or why it is refused, which is counted and told. */
  accept(frames: Frames, { name, endpoint }: FramesSource): Frames | Fault {
    const { bodyBytesMax, transform, tell } = this.#options;
    const found = findFault(frames, bodyBytesMax) ?? (transform ? transform(frames) : frames);
    if (!("reason" in found)) return found;
    this.#refused[found.reason] = (this.#refused[found.reason] ?? 0) + 1;
    tell({ type: "invalid", name, endpoint, ...found });
    return found;
  }

  /** As `accept`, for what came another way than to `forward`. */
  acceptElsewhere(frames: Frames, source: FramesSource): Frames | Fault {
    const accepted = this.accept(frames, source);
    if ("reason" in accepted) this.#received++;
    return accepted;
  }

  /** Counts a message that came and went out another way. */
  countForwarded(): void {
    this.#received++;
    this.#forwarded++;
  }

  /** @param inHand counts what came another way, and is neither refused nor out */
  watch(inHand: () => number): void {
    this.#inHand = inHand;
  }

  async #sendEach(batch: readonly Frames[], source: FramesSource): Promise<void> {
    for (const frames of batch) {
      const accepted = this.accept(frames, source);
      if ("reason" in accepted) continue;
      await this.#send(accepted);
      this.#forwarded++;
    }
  }

  async #sendTogether(batch: readonly Frames[], source: FramesSource): Promise<void> {
    const { output, tell } = this.#options;
    const accepted = batch.flatMap((frames) => {
      const found = this.accept(frames, source);
      return "reason" in found ? [] : [found];
    });
    for (let at = 0; at < accepted.length; ) {
      const group = takeGroup(accepted, at);
      try {
        await output.sendAll?.(group);
      } catch (error) {
        const { message } = FedmsgError.from(error);
        const detail = `up to ${countOf(accepted.length - at, "message is", "messages are")} lost at the end: ${message}`;
        tell({ type: "warning", name: source.name, detail });
        throw error;
      }
      this.#forwarded += group.length;
      at += group.length;
    }
  }

  /** Each input waits with one message at most; but many inputs with large ones can be more than the queue takes. */
  async #send(frames: Frames): Promise<void> {
    for (;;) {
      try {
        return await this.#options.output.send(frames);
      } catch (error) {
        if (FedmsgError.from(error).code !== "FEDMSG_QUEUE_FULL") throw error;
        await delay(pauseMs);
      }
    }
  }
}

/** What is sent together of some messages, from one on. */
function takeGroup(messages: readonly Frames[], from: number): readonly Frames[] {
  let bytes = 0;
  let to = from;
  while (to < messages.length && to - from < groupMessages && bytes < groupBytes) {
    bytes += framesByteLength(messages[to++] as Frames);
  }
  return messages.slice(from, to);
}

/** What is wrong with a message, as far as its frames tell. */
function findFault(frames: Frames, bodyBytesMax: number): Fault | undefined {
  const framing = checkFraming(frames, bodyBytesMax);
  if (framing) return { reason: framing.reason, detail: framing.detail, topic: framing.topic };
  const [topic, body] = frames as readonly [Uint8Array, Uint8Array];
  if (!isUtf8(topic)) return fault("bad-utf8", "");
  if (topic.byteLength === 0) return fault("no-topic", "");
  if (!isUtf8(body)) return fault("bad-utf8", Buffer.from(topic).toString());
  if (!looksLikeObject(body)) return fault("not-an-object", Buffer.from(topic).toString());
  return undefined;
}

function fault(reason: InvalidReason, topic: string): Fault {
  return { reason, detail: invalidReasons[reason], topic };
}

/** Whether the first and the last byte that are not JSON's white space are braces. */
function looksLikeObject(body: Uint8Array): boolean {
  let first = 0;
  let last = body.byteLength - 1;
  while (isSpace(body[first])) first++;
  while (isSpace(body[last])) last--;
  return body[first] === 0x7b && body[last] === 0x7d && first < last;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
