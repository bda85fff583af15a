/**
 * The way out of a relay with a journal: what goes through is kept, byte for byte, and listed by heartbeats of the relay's own.
 *
 * Messages that came together are kept together, so that one `fsync` serves them all. What has no key is no message, and what
 * says another topic than its frame is none that anybody takes: these go through and are not kept, as others' heartbeats are
 * not. While the journal refuses, everything waits, in order; nothing more is read meanwhile, so that publishers feel it.
 */

import { setTimeout as delay } from "node:timers/promises";
import { FedmsgError } from "fedmsg";
import { describeKept, type Frames, type JournalledPublisher, type Kept, takenBefore, takenNow } from "fedmsg/plugin";
import type { Output } from "./forwarding.ts";

/** Pause before the journal is tried again, in ms. */
const retryMs = 100;
/** How often its refusal is told, in ms. */
const tellMs = 1000;

/** What may be tried again: nothing of it was kept or sent. */
const retried: readonly string[] = ["FEDMSG_JOURNAL", "FEDMSG_QUEUE_FULL"];

export class KeepingOutput implements Output {
  readonly #publisher: JournalledPublisher;
  readonly #onWarning: (detail: string) => void;
  #isHurrying = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #refusal: string | undefined;

  /** @param onWarning hears while the journal refuses, once a second */
  constructor(publisher: JournalledPublisher, onWarning: (detail: string) => void) {
    this.#publisher = publisher;
    this.#onWarning = onWarning;
  }

  get dropped(): number {
    return this.#publisher.dropped;
  }

  /** Why nothing goes out, while that is so. */
  get problem(): string | undefined {
    return this.#refusal ?? this.#publisher.problem;
  }

  send(frames: Frames): Promise<void> {
    return this.sendAll([frames]);
  }

  /** Keeps and sends, in order; waits while the journal refuses. */
  async sendAll(messages: readonly Frames[]): Promise<void> {
    for (let left = messages; ; ) {
      const failure = await this.#attempt(left);
      this.#refusal = failure?.error.message;
      if (!failure) return;
      if (!retried.includes(failure.error.code) || this.#isHurrying) throw failure.error;
      left = left.slice(failure.at);
      this.#tell(failure.error);
      await delay(retryMs);
    }
  }

  /** From now on a refusal is final. */
  hurry(): void {
    this.#isHurrying = true;
  }

  drain(): Promise<void> {
    return this.#publisher.drain();
  }

  close(): Promise<void> {
    return this.#publisher.close();
  }

  /** @returns the first message that did not go out, behind which none did either */
  async #attempt(messages: readonly Frames[]): Promise<Failure | undefined> {
    let failure: Failure | undefined;
    const sending: Promise<void>[] = [];
    for (const [at, frames] of messages.entries()) {
      const kept = describeKept(frames);
      if (!kept) await Promise.all(sending.splice(0)); // So that it stays behind them.
      if (failure) break;
      const build = () => {
        if (failure) throw failure.error; // A group before this one's failed: what is behind it waits.
        return kept as Kept;
      };
      const sent = kept ? this.#publisher.keep(build) : this.#publisher.pass(frames);
      const noteFailure = (error: unknown): void | Promise<void> => {
        if (error === takenBefore) return; // It came by `relay_confirm` too,
        if (error === takenNow) return this.#publisher.keep(build).then(() => {}, noteFailure); // or is coming.
        failure ??= { at, error: FedmsgError.from(error) };
      };
      sending.push(sent.then(() => {}, noteFailure));
    }
    await Promise.all(sending);
    return failure;
  }

  #tell({ message }: FedmsgError): void {
    const now = performance.now();
    if (now - this.#toldAt < tellMs) return;
    this.#toldAt = now;
    this.#onWarning(`nothing is forwarded at the moment: ${message}`);
  }
}

interface Failure {
  readonly at: number;
  readonly error: FedmsgError;
}
