/**
 * Follows one journal: compares what its heartbeats list with what was seen, and says what is to be fetched.
 *
 * ```
 *   position ──▶   1 … cursor │ (from, to] │ (from, to] │ …
 *                  all handled│  heartbeats that list something that was not seen, or that do not
 *                             │  follow on the one before
 * ```
 *
 * Everything up to the cursor was handled, or is not for us. What was handled is remembered by its key, so it makes no
 * difference which way a message came first: live by one path or several, or fetched. A message that no heartbeat lists
 * never matters here: filters, other publishers behind the same relay, and old publishers need nothing special.
 *
 * Pure: no socket, no clock. Whoever drives it tells it the time, fetches what it wants, and hands over what came.
 */

import type { Heartbeat } from "./heartbeat.ts";

/** What is to be fetched: the entries behind `after`, up to `through`. */
export interface Missing {
  readonly after: number;
  readonly through: number;
}

/** How a follower begins. */
export interface FollowerOptions {
  /** The UUID of the journal. */
  readonly journal: string;
  /** Everything up to this position was handled. */
  readonly cursor: number;
  /** Which topics are for us. */
  readonly matches: (topic: string) => boolean;
  /** How long what a heartbeat lists may still be on its way, in ms. Default 1000. */
  readonly patienceMs?: number | undefined;
  /** Keys that are remembered. Default 100,000. */
  readonly keysMax?: number | undefined;
}

interface Span {
  readonly from: number;
  readonly to: number;
  /** Keys that were not seen yet. */
  readonly missing: Set<string>;
  readonly dueAt: number;
}

/** Heartbeats that are waited for; about half an hour of them. */
const spansMax = 2000;

/** Knows what was handled, and what is missing. */
export class Follower {
  readonly journal: string;
  readonly #matches: (topic: string) => boolean;
  readonly #patienceMs: number;
  readonly #keysMax: number;
  /** Keys of what was handled, oldest first. */
  readonly #handled = new Set<string>();
  /** By position: heartbeats that are not done with. */
  #spans: Span[] = [];
  #cursor: number;

  constructor({ journal, cursor, matches, patienceMs = 1000, keysMax = 100_000 }: FollowerOptions) {
    this.journal = journal;
    this.#cursor = cursor;
    this.#matches = matches;
    this.#patienceMs = patienceMs;
    this.#keysMax = keysMax;
  }

  /** Everything up to this position was handled, or is not for us. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Notes a message that is handled now. Answers false for one that was handled before. */
  handle(key: string): boolean {
    if (this.#handled.has(key)) return false;
    this.#handled.add(key);
    if (this.#handled.size > this.#keysMax) this.#forget();
    for (const { missing } of this.#spans) missing.delete(key);
    this.#advance();
    return true;
  }

  /** Takes a heartbeat of this journal. @param now in ms, of a clock that does not go back */
  beat({ from, to, topics }: Heartbeat, now: number): void {
    const known = this.#spans.at(-1)?.to ?? this.#cursor;
    if (to <= known || this.#spans.length >= spansMax) return; // It came by another path before, or comes again.
    const dueAt = now + this.#patienceMs;
    // What lies between was listed by heartbeats that never came: it can only be fetched.
    if (from > known) this.#spans.push({ from: known, to: from, missing: new Set(["?"]), dueAt: now });
    const missing = new Set<string>();
    for (const [topic, keys] of topics) {
      if (!this.#matches(topic)) continue;
      for (const key of keys) if (!this.#handled.has(key.toString("latin1"))) missing.add(key.toString("latin1"));
    }
    // Without a list, it only says how far the journal is: what it leaves out is fetched, and nothing is believed.
    if (from < to) this.#spans.push({ from: Math.max(from, known), to, missing, dueAt });
    this.#advance();
  }

  /** What must be fetched now, in one piece: from the cursor to the end of the last heartbeat that has waited long enough. */
  missing(now: number): Missing | undefined {
    const due = this.#spans.findLast(({ dueAt, missing }) => dueAt <= now && missing.size > 0);
    return due && { after: this.#cursor, through: due.to };
  }

  /**
   * Everything up to a position was fetched, and handled where it was for us and new.
   *
   * @param head the journal's last position, as its own answer has it. Heartbeats that speak of more are forged: anybody may
   *   send one, only the journal's answers move the cursor
   */
  fetched(through: number, head: number): void {
    this.#spans = this.#spans.filter(({ to }) => to > through && to <= Math.max(head, through));
    this.#cursor = Math.max(this.#cursor, through);
    this.#advance();
  }

  /** The cursor follows where nothing is missing. */
  #advance(): void {
    let done = 0;
    for (const { from, to, missing } of this.#spans) {
      if (missing.size > 0 || from > this.#cursor) break;
      this.#cursor = Math.max(this.#cursor, to);
      done++;
    }
    if (done > 0) this.#spans.splice(0, done);
  }

  /** The oldest key goes. It lies far behind the cursor, or reading has paused (docs/wire.md, "Cursors"). */
  #forget(): void {
    for (const key of this.#handled) {
      this.#handled.delete(key);
      return;
    }
  }
}
