/**
 * Follows one journal: compares what its heartbeats list with what came, and says what is to be fetched.
 *
 * ```
 *   position ──▶   1 … cursor │ (from, to] │ (from, to] │ (from, to] │ …
 *                  all handled│  page, or heartbeat     │  heartbeats of which something did not come, or that do not
 *                             │  of which all came      │  follow on the one before
 *                                                       ▲
 *                                                       seenTo
 * ```
 *
 * What came is known by its key, so it makes no difference which way it came first: live by one path or several, or fetched.
 * A message that no heartbeat lists never matters here: filters, other publishers behind the same relay, and old publishers
 * need nothing special.
 *
 * Anybody can send a heartbeat. So what was handled by the word of heartbeats alone is not *sure*: from time to time the journal is
 * asked whether it said that, and until then a restart begins before it.
 *
 * Pure: no socket, no clock. Whoever drives it tells it the time, fetches what it wants, and hands over what came.
 */

import { type Beat, digestOfAll } from "./beat-log.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { KeyWatcher, Ledger } from "./ledger.ts";

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
  /** What became of the messages. */
  readonly ledger: Ledger;
  /** Which topics are for us. */
  readonly matches: (topic: string) => boolean;
  /** How long what a heartbeat lists may still be on its way, in ms. Default 1000. */
  readonly patienceMs?: number | undefined;
  /** Called each time more is sure. */
  readonly onSure?: ((position: number) => void) | undefined;
}

/** What is to be asked: whether heartbeats said this of the positions behind `from` up to `to`. */
export interface Doubt {
  readonly from: number;
  readonly to: number;
  readonly digest: string;
}

/** A page that was fetched. */
export interface SeenPage {
  /** The position behind which it was asked for. */
  readonly after: number;
  /** Everything up to here was looked at. */
  readonly through: number;
  /** The journal's last position, as its own answer has it. */
  readonly head: number;
  /** The keys of those messages in it that are for us; what was given back meanwhile must come once more. */
  readonly keys: readonly string[];
  /** When it was asked for, in ms of the clock of `beat`. */
  readonly askedAt: number;
}

/** Heartbeats and pages that are not done with, and heartbeats that are not sure. */
const spansMax = 2000;
/** Keys that are waited for; beyond it heartbeats are not compared, and what they list is fetched. */
const keysMax = 200_000;

/** Knows what was handled, and what is missing. */
export class Follower {
  readonly journal: string;
  readonly #options: FollowerOptions;
  readonly #patienceMs: number;
  /** By position, without holes. */
  #spans: Span[] = [];
  #cursor: number;
  #sure: number;
  /** What the cursor went over since: heartbeats, and pages, which are sure in themselves. */
  #unsure: (Beat | { readonly to: number; readonly digest: undefined })[] = [];

  constructor(options: FollowerOptions) {
    this.journal = options.journal;
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? 1000;
    this.#cursor = options.cursor;
    this.#sure = options.cursor;
  }

  /** As {@link cursor}, by the word of the journal itself. */
  get sure(): number {
    return this.#sure;
  }

  /** How many heartbeats and pages are not sure yet. */
  get unsure(): number {
    return this.#unsure.length;
  }

  /** What the journal is to be asked; nothing where everything is sure. */
  get doubt(): Doubt | undefined {
    const beats: Beat[] = [];
    for (const beat of this.#unsure) {
      if (!beat.digest || (beats.length > 0 && beat.from !== beats.at(-1)?.to)) break;
      beats.push(beat);
    }
    const [first, last] = [beats[0], beats.at(-1)];
    return first && last && { from: first.from, to: last.to, digest: digestOfAll(beats) };
  }

  /** Everything up to this position was handled, or is not for us. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Everything up to this position came, or is not for us. */
  get seenTo(): number {
    let seenTo = this.#cursor;
    for (const { unseen, to } of this.#spans) {
      if (unseen > 0) break;
      seenTo = to;
    }
    return seenTo;
  }

  /** The last position that was heard of. */
  get known(): number {
    return this.#spans.at(-1)?.to ?? this.#cursor;
  }

  /** When something will have waited long enough, in ms; infinite where nothing is missing. */
  get dueAt(): number {
    return this.#spans.reduce((first, { unseen, dueAt }) => (unseen > 0 ? Math.min(first, dueAt) : first), Infinity);
  }

  /** Takes a heartbeat of this journal. @param now in ms, of a clock that does not go back */
  beat({ from, to, topics, digest }: Heartbeat, now: number): void {
    const { known } = this;
    if (to <= known || this.#spans.length + this.#unsure.length >= spansMax) return; // It came by another path before, or comes again.
    // What lies between was listed by heartbeats that never came: it can only be fetched.
    if (from > known) this.#add(known, from, now, now).unseen = Infinity;
    if (from === to) return;
    const span = this.#add(Math.max(from, known), to, now, now + this.#patienceMs);
    span.beat = { from, to, digest };
    const { matches, ledger } = this.#options;
    const hasRoom = this.#spans.reduce((sum, { open }) => sum + open.size, to - from) <= keysMax;
    if (!hasRoom) span.unseen = Infinity;
    for (const [topic, keys] of topics) {
      if (hasRoom && matches(topic)) for (const key of keys) span.wait(key.toString("latin1"), ledger);
    }
    this.#advance();
  }

  /** What must be fetched now, in one piece: up to the end of the last heartbeat that has waited long enough. */
  missing(now: number): Missing | undefined {
    const due = this.#spans.findLast(({ dueAt, unseen }) => dueAt <= now && unseen > 0);
    return due && { after: this.seenTo, through: due.to };
  }

  /**
   * A page has come. Heartbeats from before the question that speak of more than its
   * `head` are forged: anybody may send one, only the journal's answers move the cursor.
   */
  fetched({ after, through, head, keys, askedAt }: SeenPage): void {
    const { ledger } = this.#options;
    const asked = Math.max(after, this.seenTo);
    const done = this.#spans.filter((span) => span.from < asked); // What was given back there is not in the page.
    const from = Math.max(asked, done.at(-1)?.to ?? 0);
    const isOpen = ({ to, at }: Span) => to > from && to > through && !(to > head && at < askedAt);
    const open = new Set(this.#spans.filter((span) => span.from >= asked && isOpen(span)));
    for (const span of this.#spans) if (span.from >= asked && !open.has(span)) span.end(ledger);
    this.#spans = done;
    if (through > from) {
      const page = this.#add(from, through, askedAt, askedAt);
      for (const key of keys) page.wait(key, ledger);
    }
    for (const span of open) {
      // Where a forged one went, what follows it does not follow on any more.
      if (span.from > this.known) this.#add(this.known, span.from, askedAt, askedAt).unseen = Infinity;
      span.from = this.known;
      this.#spans.push(span);
    }
    this.#advance();
  }

  /** The journal said so, up to the end of a doubt. */
  assure(to: number): void {
    while (this.#unsure[0] && this.#unsure[0].to <= to) this.#unsure.shift();
    this.#settle(Math.max(this.#sure, to));
  }

  /** The journal did not say so: everything that is not sure is to be fetched. */
  distrust(): void {
    this.end();
    this.#unsure = [];
    this.#cursor = this.#sure;
  }

  /** What lies up to a position is gone from the journal. */
  skip(through: number): void {
    this.fetched({ after: this.seenTo, through, head: Infinity, keys: [], askedAt: 0 });
  }

  /** Watches no key any more. */
  end(): void {
    for (const span of this.#spans) span.end(this.#options.ledger);
    this.#spans = [];
  }

  #add(from: number, to: number, at: number, dueAt: number): Span {
    const span = new Span(from, to, at, dueAt, () => this.#advance());
    this.#spans.push(span);
    return span;
  }

  /** The cursor follows where everything is handled. */
  #advance(): void {
    const done = this.#spans.findIndex(({ unseen, open }) => unseen > 0 || open.size > 0);
    const count = done < 0 ? this.#spans.length : done;
    if (count === 0) return;
    for (const { beat, to } of this.#spans.splice(0, count)) this.#unsure.push(beat ?? { to, digest: undefined });
    this.#cursor = (this.#unsure.at(-1) as { to: number }).to;
    this.#settle(this.#sure);
  }

  /** Pages are sure where everything before them is. */
  #settle(sure: number): void {
    const before = this.#sure;
    this.#sure = sure;
    for (let [first] = this.#unsure; first && !first.digest; [first] = this.#unsure) {
      this.#sure = first.to;
      this.#unsure.shift();
    }
    if (this.#sure > before) this.#options.onSure?.(this.#sure);
  }
}

/** Entries behind `from` up to `to`, and what of them is waited for. */
class Span implements KeyWatcher {
  from: number;
  readonly to: number;
  /** When it was heard of. */
  readonly at: number;
  /** When what is unseen is to be fetched. */
  readonly dueAt: number;
  /** The heartbeat that it is of; pages have none. */
  beat: Beat | undefined;
  /** How many of its keys did not come; infinite where it is not known what they are. */
  unseen = 0;
  /** Keys of messages that are not handled. */
  readonly open = new Set<string>();
  readonly #onDone: () => void;

  constructor(from: number, to: number, at: number, dueAt: number, onDone: () => void) {
    this.from = from;
    this.to = to;
    this.at = at;
    this.dueAt = dueAt;
    this.#onDone = onDone;
  }

  wait(key: string, ledger: Ledger): void {
    const state = ledger.stateOf(key);
    if (state === "handled" || this.open.has(key)) return;
    if (state === "unknown") this.unseen++;
    this.open.add(key);
    ledger.watch(key, this);
  }

  end(ledger: Ledger): void {
    for (const key of this.open) ledger.unwatch(key, this);
  }

  seen(): void {
    this.unseen--;
  }

  released(): void {
    this.unseen++;
  }

  handled(key: string): void {
    this.open.delete(key);
    if (this.open.size === 0) this.#onDone();
  }
}
