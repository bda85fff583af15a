/**
 * Drives the {@link Follower} of one replay endpoint: asks the journal what it is, fetches what is missing, and asks again
 * after a loss of connection and after silence.
 *
 * ```
 *           ┌────────────── failed: again after 1, 2, 4 … 15 s ───────────────┐
 *           ▼                                                                  │
 *  ──▶ identify ──▶ catch up ──▶ wait ──▶ fetch what is due ─────────────────▶─┤
 *      {"info"}      pages        ▲ │        pages                             │
 *           ▲                     │ └── heartbeats, time                       │
 *           └── silence, reconnect, unknown heartbeat ◀────────────────────────┘
 * ```
 *
 * Heartbeats are hints: they say when to ask, and what they list need not be fetched when it came. Only what the journal
 * itself answers moves the cursor.
 */

import { FedmsgError } from "../errors.ts";
import { fetchInfo } from "../replay/fetch.ts";
import { Follower } from "../replay/follower.ts";
import type { PageHeader } from "../replay/header.ts";
import type { Heartbeat } from "../replay/heartbeat.ts";
import { type Resumption, resume } from "../replay/resume.ts";
import type { FollowedContext, From } from "./followed-context.ts";
import { OldReplay } from "./old-replay.ts";
import { takePages } from "./take-pages.ts";
import { askToVouch } from "./vouching.ts";

/** Without any heartbeat for so long, it asks; */
const silenceMsDefault = 15_000;
/** and in any case after so long; */
const trustMs = 300_000;
/** after a random pause of at most so long, so that not all subscribers ask at the same moment. */
const spreadMs = 5000;
/** Between two questions that heartbeats gave rise to. */
const pauseMs = 1000;
const retryMs = 1000;
/** Live messages wait no longer for a page at the start. */
const readyMs = 30_000;
/** Heartbeats that are not sure, until the journal is asked at once. */
const unsureMost = 500;

/** One entry of `replay_endpoints`. */
export class FollowedJournal {
  readonly name: string;
  readonly endpoint: string;
  /** Resolves when it caught up for the first time, or could not. */
  readonly ready: Promise<void>;
  readonly #context: FollowedContext;
  readonly #silenceMs: number;
  /** Where messages from before count as published before we subscribed, in ms since the epoch. */
  readonly #startedAt = Date.now();
  readonly #running: Promise<void>;
  #markReady!: () => void;
  #follower: Follower | undefined;
  /** When the journal is to be asked what it is, in ms of `performance.now()`, */
  #askAt = 0;
  /** and when, if no heartbeat comes until then. */
  #quietAt = 0;
  #askedAt = -Infinity;
  /** When it was asked last whether it sent what was heard. */
  #checkedAt = -Infinity;
  #suspectedAt = -Infinity;
  #reconnectedAt = -Infinity;
  #fetchedAt = -Infinity;
  #failures = 0;
  #wake: (() => void) | undefined;
  #hasWhatItGave = true;
  #completeAt: number | undefined;
  /** While there is nothing but the pages of one journal, what is behind us does not come again. */
  #isAllByPages: boolean;
  /** The last position that the journal told. */
  #head = 0;
  /** How many messages were handled when it was heard that the journal goes up to a position. */
  #mark: { readonly to: number; readonly handled: number } | undefined;
  /** Where it turned out to be a Python server. */
  #old: OldReplay | undefined;

  constructor(name: string, endpoint: string, context: FollowedContext) {
    this.name = name;
    this.endpoint = endpoint;
    this.#context = context;
    this.#silenceMs = context.silenceMs ?? silenceMsDefault;
    this.#isAllByPages = context.isAlone && context.store.handled === 0;
    this.ready = new Promise((resolve) => {
      this.#markReady = () => {
        this.#isAllByPages = false;
        resolve();
      };
    });
    this.#running = this.#run();
  }

  /** Whether what was fetched from it counts as there; once it answered the last question, only what it gave then does. */
  get hasWhatItGave(): boolean {
    return this.#hasWhatItGave;
  }

  /** The journal's UUID, once it told. */
  get journal(): string | undefined {
    return this.#follower?.journal;
  }

  /** How many messages were handled when nothing of this journal was missing or under way; undefined until then. */
  get completeAt(): number | undefined {
    return this.#completeAt;
  }

  /** Takes a heartbeat of this journal. */
  beat(heartbeat: Heartbeat): void {
    const now = performance.now();
    this.#mark ??= { to: heartbeat.to, handled: this.#context.store.handled };
    this.#follower?.beat(heartbeat, now);
    if (this.#quietAt > now) this.#listen(now);
    this.#wake?.();
  }

  /** A message with a `seq_id` came from its publisher itself. */
  hear(seqId: number): void {
    this.#old?.hear(seqId);
  }

  /** Somebody's heartbeat is of a journal that nobody knows: it may be this one's, begun anew. */
  suspect(): void {
    const now = performance.now();
    if (this.#suspectedAt > now) return; // It will be asked.
    const pause = this.#follower && this.#failures === 0 ? this.#silenceMs : pauseMs;
    this.#suspectedAt = Math.max(now, this.#askedAt + pauseMs, this.#suspectedAt + pause);
    this.#askBy(this.#suspectedAt);
  }

  /** A connection was lost, and is there again. */
  reconnected(): void {
    const now = performance.now();
    if (this.#reconnectedAt > now) return; // It will be asked.
    this.#reconnectedAt = Math.max(now, this.#askedAt + pauseMs) + Math.random() * spreadMs;
    this.#askBy(this.#reconnectedAt);
  }

  /** After the signal, resolves when it has ended. */
  get ended(): Promise<void> {
    return this.#running;
  }

  /** It asks after silence; and at times in any case, as anybody can send heartbeats. */
  #listen(now: number): void {
    this.#quietAt = Math.min(now + this.#silenceMs + Math.random() * spreadMs, this.#askedAt + trustMs);
  }

  #askBy(at: number): void {
    if (at >= this.#askAt) return;
    this.#askAt = at;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const { signal } = this.#context;
    while (!signal.aborted) {
      try {
        await this.#work();
      } catch (error) {
        if (!signal.aborted) this.#fail(FedmsgError.from(error));
      }
      this.#markReady();
      if (!signal.aborted) await this.#pause();
    }
    this.#markReady(); // The follower stays: what is in hand may still be committed, and it knows what is in the journal.
    await this.#old?.idle;
  }

  async #work(): Promise<void> {
    const now = performance.now();
    const follower = this.#failures === 0 ? this.#follower : undefined;
    if (follower && now >= this.#checkAt) {
      await this.#check(follower, now); // First, as anybody can have the others come up again and again.
    } else if (now >= Math.min(this.#askAt, this.#quietAt)) {
      this.#askAt = Infinity;
      const info = await this.#identify(now);
      await this.#fetch(info.head);
      this.#failures = 0;
      this.#listen(performance.now());
      this.#noteComplete();
    } else if (follower && now >= this.#fetchedAt + pauseMs) {
      const missing = follower.missing(now);
      if (missing) await this.#fetch(missing.through);
    }
  }

  /** At the end: has the journal say which pending messages it has. Never rejects. */
  async vouch(signal: AbortSignal): Promise<void> {
    const { name, endpoint } = this;
    const follower = this.#follower;
    if (follower) this.#hasWhatItGave = await askToVouch({ name, endpoint, follower, signal, context: this.#context });
  }

  /** Until something is due, or somebody wakes it. */
  #pause(): Promise<void> {
    const { signal } = this.#context;
    // After a failure it asks what the journal is before anything else.
    const isDue = this.#failures === 0 && this.#follower;
    const due = isDue ? Math.min(Math.max(isDue.dueAt, this.#fetchedAt + pauseMs), this.#checkAt) : Infinity;
    const ms = Math.max(0, Math.min(this.#askAt, this.#quietAt, due) - performance.now());
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }

  /** When it is to be asked whether it said what was heard: so long after the last time, or when that is much. */
  get #checkAt(): number {
    const unsure = this.#follower?.unsure ?? 0;
    if (unsure === 0) return Infinity;
    return Math.max(this.#askedAt + pauseMs, unsure < unsureMost ? this.#checkedAt + this.#silenceMs : 0);
  }

  /** Asks whether the heartbeats that moved the cursor were its own; fetches everything since where they were not. */
  async #check(follower: Follower, now: number): Promise<void> {
    const { doubt } = follower;
    if (!doubt) return;
    const { from, to, digest } = doubt;
    const { handled } = this.#context.store;
    this.#askedAt = now;
    this.#checkedAt = now;
    const info = await fetchInfo(this.endpoint, { signal: this.#context.signal, triesMax: 1, beats: [from, to] });
    if (info.journal === follower.journal) this.#noteHead(info, handled);
    if (info.journal !== follower.journal) {
      this.#askAt = now;
    } else if (info.beats === digest) {
      follower.assure(to);
    } else {
      follower.distrust();
      await this.#fetch(info.head);
    }
    this.#listen(performance.now());
  }

  #fail(error: FedmsgError): void {
    const now = performance.now();
    if (error.code === "FEDMSG_UNSUPPORTED") {
      this.#followOld(now);
      return;
    }
    const pause = Math.min(this.#silenceMs, retryMs * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    if (this.#failures++ === 0) {
      const detail = `cannot be asked for what was missed, and is tried again: ${error.message}`;
      this.#context.status.emit({ type: "warning", name: this.name, detail });
    }
    this.#askAt = Math.min(this.#askAt, now + pause);
    this.#quietAt = Infinity;
  }

  /** A Python server; it is asked again now and then, as it may be replaced by one of ours. */
  #followOld(now: number): void {
    this.#askAt = now + trustMs;
    this.#quietAt = Infinity;
    if (this.#old) return;
    const { name, endpoint } = this;
    const isWhole = this.#context.prefixes.includes("");
    if (isWhole) this.#old = new OldReplay(name, endpoint, this.#context);
    const detail = isWhole
      ? "only holes between what comes are fetched"
      : "with a filter, nothing can be fetched from it";
    this.#context.status.emit({ type: "warning", name, detail: `its replay server knows no pages: ${detail}` });
  }

  /** Asks the journal what it is, and follows it from where we are in it. */
  async #identify(now: number): Promise<PageHeader> {
    const { signal, store, status, from } = this.#context;
    this.#askedAt = now;
    const { handled } = store;
    const cursor = store.cursors.get(this.name);
    const info = await fetchInfo(this.endpoint, { signal, triesMax: 1, time: cursor ? undefined : this.#beginTime() });
    this.#old = undefined;
    // The cursor may have moved meanwhile.
    const isSame = cursor?.journal === info.journal && cursor.position <= info.head;
    const known = this.#follower?.journal === cursor?.journal ? this.#head : 0;
    this.#noteHead(info, handled);
    if (isSame && this.#follower?.journal === info.journal) return info;
    const { position, gaps } = cursor ? resume(cursor, info, known) : begin(info, from);
    for (const gap of gaps) status.emit({ type: "gap", name: this.name, ...gap });
    await this.#follow(info.journal, position);
    return info;
  }

  /** Seconds since the epoch, where a time says where to begin: what was there before we were is none of ours. */
  #beginTime(): number | undefined {
    const { from } = this.#context;
    if (typeof from === "number") return from / 1000;
    const isLate = from === "head" && Date.now() - this.#startedAt > pauseMs; // It could not be asked at first.
    return isLate ? this.#startedAt / 1000 : undefined;
  }

  /** What is told here is on the disk: whoever begins anew must not begin somewhere else. */
  async #follow(journal: string, cursor: number): Promise<void> {
    const { name } = this;
    const { store, ledger, matches, status } = this.#context;
    store.move({ name, journal, position: cursor });
    await store.save();
    const onSure = (at: number) => {
      store.move({ name, journal, position: at });
      this.#noteComplete();
    };
    this.#checkedAt = performance.now();
    this.#follower?.end();
    this.#follower = new Follower({ journal, cursor, ledger, matches, onSure });
    status.emit({ type: "following", name, journal, position: cursor });
  }

  /** Fetches what lies behind what was seen, up to a position. */
  async #fetch(through: number): Promise<void> {
    const { name, endpoint } = this;
    const follower = this.#follower as Follower;
    const late = setTimeout(this.#markReady, readyMs).unref(); // Others need not wait for who gives nothing.
    const onPage = () => void late.refresh();
    try {
      await takePages({ name, endpoint, follower, through, onPage, context: this.#context });
    } finally {
      clearTimeout(late);
      this.#fetchedAt = performance.now();
    }
  }

  /** The journal told where it ends: who speaks of more does not know it. @param handled how many messages were when it was asked */
  #noteHead({ head }: PageHeader, handled: number): void {
    this.#head = head;
    if (!this.#mark || this.#mark.to > head) this.#mark = { to: head, handled };
  }

  /** What was handled when the journal was heard to go up to where everything is sure now, is behind it. */
  #noteComplete(): void {
    if (this.#isAllByPages) this.#completeAt = this.#context.store.handled;
    if (!this.#mark || (this.#follower?.sure ?? -1) < this.#mark.to) return;
    this.#completeAt = this.#mark.handled;
    this.#mark = undefined;
  }
}

/** Where a subscription without a past begins: with the first that is there, or behind what it asked about. */
function begin(info: PageHeader, from: From): Resumption {
  return { position: from === "first" ? info.first - 1 : Math.max(info.through, info.first - 1), gaps: [] };
}
