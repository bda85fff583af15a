/**
 * What can be fetched from a Python replay server (`fedmsg/replay/__init__.py`), which has no heartbeats, no head and no pages:
 * a hole in the `seq_id`s of what its publisher sends is asked for by range. Only for a subscription to everything: with a
 * filter there are holes that mean nothing.
 */

import { setTimeout as delay } from "node:timers/promises";
import { fetchRange } from "../replay/fetch.ts";
import type { FollowedContext } from "./followed-context.ts";

/** A hole that is larger is not filled: who has lost so much is told. */
const holeMax = 100_000;
/** Between two questions. */
const pauseMs = 1000;

/** Watches the `seq_id`s of one publisher. */
export class OldReplay {
  readonly #name: string;
  readonly #endpoint: string;
  readonly #context: FollowedContext;
  #last: number | undefined;
  /** What is to be fetched next: one piece, however many holes it has. */
  #hole: { from: number; to: number } | undefined;
  #work: Promise<void> | undefined;

  constructor(name: string, endpoint: string, context: FollowedContext) {
    this.#name = name;
    this.#endpoint = endpoint;
    this.#context = context;
  }

  /** Resolves when no hole is being filled. */
  get idle(): Promise<void> {
    return this.#work ?? Promise.resolve();
  }

  /** A message came from the publisher itself. */
  hear(seqId: number): void {
    const last = this.#last ?? seqId - 1;
    if (seqId <= last && seqId > last - holeMax) return; // It is late, or another process's; or, far below, of a new beginning.
    this.#last = seqId;
    if (seqId <= last + 1) return;
    this.#hole = { from: this.#hole?.from ?? last + 1, to: seqId - 1 };
    this.#work ??= this.#fillAll().finally(() => {
      this.#work = undefined;
    });
  }

  async #fillAll(): Promise<void> {
    const { signal } = this.#context;
    while (this.#hole && !signal.aborted) {
      const { from, to } = this.#hole;
      this.#hole = undefined;
      await this.#fill(from, to);
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #fill(from: number, to: number): Promise<void> {
    const { status, take, signal } = this.#context;
    const name = this.#name;
    const journal = "seq_id";
    const origin = { name, endpoint: this.#endpoint, journal: undefined };
    const first = Math.max(from, to - holeMax + 1);
    if (first > from) status.emit({ type: "gap", name, journal, from, to: first - 1, detail: "too many at once" });
    let count = 0;
    try {
      for await (const { bodies } of fetchRange(this.#endpoint, first, to, { signal })) {
        for (const body of bodies) if ((await take(body, origin))?.isNew) count++;
      }
    } catch (error) {
      if (signal.aborted) return;
      status.emit({ type: "gap", name, journal, from: first, to, detail: (error as Error).message });
    }
    if (count > 0) status.emit({ type: "replayed", name, journal, count, from: first, to });
  }
}
