import type { Arrival, Origin } from "./arrival.ts";
import type { EventSink, RefusalReason } from "./status.ts";

/** What a bus counts of the messages that it refused. */
export interface RefusalCounts {
  duplicates: number;
  readonly invalid: Partial<Record<RefusalReason, number>>;
}

/** Why a message is refused. */
export interface RefusedFor {
  /** As its first frame says. */
  readonly topic: string;
  readonly reason: RefusalReason;
  readonly detail: string;
}

/** Counts and tells the messages that a bus refused. */
export class Refusals {
  readonly #counts: RefusalCounts;
  readonly #status: EventSink;

  constructor(counts: RefusalCounts, status: EventSink) {
    this.#counts = counts;
    this.#status = status;
  }

  /** Once for each message that came and each reason, however many subscriptions refuse it. */
  note(arrival: Arrival, refused: RefusedFor): void {
    if (arrival.noteRefused(refused.reason)) this.noteFetched(arrival, refused);
  }

  /** A message that was asked for, by one subscription. */
  noteFetched({ name, endpoint }: Origin, { topic, reason, detail }: RefusedFor): void {
    if (reason === "duplicate") {
      this.#counts.duplicates++;
      this.#status.emit({ type: "duplicate", name, endpoint, topic });
      return;
    }
    this.#counts.invalid[reason] = (this.#counts.invalid[reason] ?? 0) + 1;
    this.#status.emit({ type: "invalid", name, endpoint, topic, reason, detail });
  }
}
