/**
 * What relay and gateway have in common: everything that comes in goes out, byte for byte.
 *
 * A forwarder looks at the frames and not into the body: whether there are two, their size, that both are UTF-8 and that
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
  type Frames,
  framesByteLength,
  type InvalidReason,
  invalidReasons,
  type Publisher,
  type Subscriber,
} from "fedmsg/plugin";

/** What a forwarder has done so far. */
export interface ForwardCounts {
  /** Messages that came in and went out. */
  readonly forwarded: number;
  /** Messages that some subscriber lost, because it did not keep up. */
  readonly dropped: number;
  /** Messages that were refused, by reason. */
  readonly refused: Readonly<Partial<Record<InvalidReason, number>>>;
}

/** Where messages come from. */
export interface ForwarderInput {
  /** What the source is called in events: the key of the configuration that names it. */
  readonly name: string;
  readonly endpoint: string;
  readonly socket: Subscriber;
}

/** Where messages go. */
export interface Output extends Pick<Publisher, "send" | "dropped" | "drain" | "close"> {
  /** Sends several in order. Where it is there, messages that came together are given to it together. */
  sendAll?(messages: readonly Frames[]): Promise<void>;
  /** Says that the end has come: what cannot be sent now is given up. */
  hurry?(): void;
}

/** Parts of a forwarder. It closes the sockets at its end. */
export interface ForwarderOptions {
  readonly inputs: readonly ForwarderInput[];
  readonly output: Output;
  readonly bodyBytesMax: number;
  /** What goes out for what came in, or why nothing does. Default: the same, byte for byte. */
  readonly transform?: ((frames: Frames) => Frames | Fault) | undefined;
  readonly onEvent?: ((event: StatusEvent) => void) | undefined;
}

/** How long a forwarder that is drained waits for the next message before it takes its inputs to be empty, in ms. */
const quietMs = 50;
/** It ends in any case when nothing went on for so long, in ms; */
const stuckMs = 1000;
/** and after so long: publishers that never pause must not keep it from ending. */
const drainMs = 5000;
/** An input that is taken out is closed when nothing came from it for so long, in ms; */
const leaveMs = 100;
/** and after so many such spans in any case. */
const leaveSpansMax = 100;
/** What is sent together at most: less than a way out takes. */
const groupMessages = 1000;
const groupBytes = 4 * 1024 * 1024;
/** How long an input pauses when the others have filled the way out, in ms. */
const pauseMs = 5;

interface Reading {
  /** How often something came. */
  batches: number;
  ended: Promise<void>;
}

/** Forwards until it is drained or closed. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #inputs = new Map<ForwarderInput, Reading>();
  readonly #refused: Partial<Record<InvalidReason, number>> = {};
  readonly #done: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;
  #forwarded = 0;
  /** Batches that are being sent. */
  #inHand = 0;
  #lastAt = 0;
  #ending: Promise<void> | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#done.catch(() => {}); // Whoever asks for `done` hears of it; nobody has to.
    for (const input of options.inputs) this.add(input);
  }

  get counts(): ForwardCounts {
    return { forwarded: this.#forwarded, dropped: this.#options.output.dropped, refused: { ...this.#refused } };
  }

  /** Resolves when it has ended; rejects if one of its sockets failed. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Takes messages from one more place. */
  add(input: ForwarderInput): void {
    const reading: Reading = { batches: 0, ended: Promise.resolve() };
    this.#inputs.set(input, reading);
    reading.ended = this.#forward(input, reading).then(() => void this.#inputs.delete(input));
    reading.ended.catch((error) => this.#reject(error));
  }

  /** Takes what has arrived from an input, and then no more. */
  async remove(input: ForwarderInput): Promise<void> {
    const reading = this.#inputs.get(input);
    if (!reading) return;
    let before = -1;
    for (let spans = 0; before !== reading.batches && spans < leaveSpansMax && !this.#ending; spans++) {
      before = reading.batches;
      await delay(leaveMs, undefined, { ref: false });
    }
    await input.socket.close();
    await reading.ended.catch(() => {});
  }

  /** Forwards what has arrived, then ends. Idempotent. */
  drain(): Promise<void> {
    this.#ending ??= this.#end(true);
    return this.#ending;
  }

  /** Ends. Idempotent. */
  close(): Promise<void> {
    this.#ending ??= this.#end(false);
    return this.#ending;
  }

  async #end(drain: boolean): Promise<void> {
    if (drain) await this.#emptied();
    const loops = [...this.#inputs.values()].map(({ ended }) => ended);
    await Promise.all([...this.#inputs.keys()].map(({ socket }) => socket.close()));
    this.#options.output.hurry?.();
    if (!drain) await this.#options.output.close(); // A loop may be waiting for room.
    await Promise.allSettled(loops);
    await this.#options.output.drain();
    this.#resolve();
  }

  /** Resolves when nothing comes any more and nothing is in hand; or in any case, which is told. */
  async #emptied(): Promise<void> {
    const startedAt = performance.now();
    this.#lastAt = startedAt;
    for (let now = startedAt; this.#inHand > 0 || now - this.#lastAt < quietMs; now = performance.now()) {
      if (now - this.#lastAt > stuckMs || now - startedAt > drainMs) {
        const detail = "it ends while messages still come or wait to be sent: what was not taken yet is lost";
        this.#options.onEvent?.({ type: "warning", name: "drain", detail });
        return;
      }
      await delay(5);
    }
  }

  async #forward(input: ForwarderInput, reading: Reading): Promise<void> {
    for (;;) {
      const batch = await input.socket.receive();
      if (batch.length === 0) return;
      reading.batches++;
      this.#lastAt = performance.now();
      this.#inHand++;
      try {
        if (this.#options.output.sendAll) await this.#sendTogether(batch, input);
        else await this.#sendEach(batch, input);
      } catch (error) {
        if (this.#ending) return;
        throw error;
      } finally {
        this.#inHand--;
        this.#lastAt = performance.now();
      }
    }
  }

  async #sendEach(batch: readonly Frames[], input: ForwarderInput): Promise<void> {
    for (const frames of batch) {
      const accepted = this.accept(frames, input);
      if ("reason" in accepted) continue;
      await this.#send(accepted);
      this.#forwarded++;
    }
  }

  async #sendTogether(batch: readonly Frames[], input: ForwarderInput): Promise<void> {
    const { output, onEvent } = this.#options;
    const accepted = batch.flatMap((frames) => {
      const found = this.accept(frames, input);
      return "reason" in found ? [] : [found];
    });
    for (let at = 0; at < accepted.length; ) {
      const group = takeGroup(accepted, at);
      try {
        await output.sendAll?.(group);
      } catch (error) {
        const { message } = FedmsgError.from(error);
        const detail = `up to ${accepted.length - at} messages are lost at the end: ${message}`;
        onEvent?.({ type: "warning", name: input.name, detail });
        throw error;
      }
      this.#lastAt = performance.now();
      this.#forwarded += group.length;
      at += group.length;
    }
  }

  /** What goes out for what came in; or why it is refused, which is counted and told. */
  accept(frames: Frames, { name, endpoint }: Omit<ForwarderInput, "socket">): Frames | Fault {
    const { bodyBytesMax, transform, onEvent } = this.#options;
    const found = findFault(frames, bodyBytesMax) ?? (transform ? transform(frames) : frames);
    if (!("reason" in found)) return found;
    this.#refused[found.reason] = (this.#refused[found.reason] ?? 0) + 1;
    onEvent?.({ type: "invalid", name, endpoint, ...found });
    return found;
  }

  /** Counts a message that went out another way. */
  countForwarded(): void {
    this.#forwarded++;
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

/** Why a message goes nowhere. */
export interface Fault {
  readonly reason: InvalidReason;
  readonly detail: string;
  readonly topic: string;
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
