/**
 * How far a consumer is, where several messages are in hand and need not be done in their order.
 *
 * ```
 * missed   m1 done │ m2 done │ m3 in hand │ m4 done │ … not fetched yet
 *                       ▲ noted: everything before is done
 * live     l1 done │ l2 in hand │ l3 done                    not noted before all that was missed is done
 * ```
 *
 * Times are seconds. History is ordered by what messages say themselves; so one in hand is looked for at its own time, believed
 * within the day before it came. But what came before another and is done need not be looked for: there the time counts at
 * which it came, or one message that is late, or forged, would have the history of days handled again.
 */

import type { Received } from "fedmsg";
import { messageKey, messageKeyOf } from "fedmsg/crypto";
import type { LoadedStatus, Status } from "./status-file.ts";

/** What is needed of a message. */
export type Noted = Pick<Received, "topic" | "message" | "body">;

interface Entry {
  readonly received: Noted;
  readonly key: string;
  /** Where history has to be read from to find it. */
  readonly at: number;
  /** Where history has to be read from once everything up to it is done. */
  readonly nextAt: number;
  isDone: boolean;
  /** Its neighbours in its lane. */
  before?: Entry | undefined;
  behind?: Entry | undefined;
}

/** Keys that are remembered as known, so that what came live is not taken from history once more. */
const knownMax = 10_000;
/** Keys that are written down, 8 bytes each. */
const handledMax = 1000;
/** How far behind the last message history is read once more, for what others sent with a clock that is late. */
const overlapSeconds = 60;
const oldestSeconds = 86_400;

/** See the top of the file. */
export class Progress {
  readonly #loaded: LoadedStatus | undefined;
  readonly #missed = new Lane();
  readonly #live = new Lane();
  readonly #entries = new Map<object, { readonly entry: Entry; readonly lane: Lane }>();
  readonly #known = new Recent(knownMax);
  readonly #handled = new Recent(handledMax);
  #isFetched: boolean;

  constructor(loaded: LoadedStatus | undefined) {
    this.#loaded = loaded;
    this.#isFetched = loaded === undefined;
    const now = Math.floor(Date.now() / 1000);
    // Of what came before that, or before there was a file, nobody knows what was handled.
    this.#handled.forgottenAt = Math.min(now, Math.floor(loaded?.since ?? now)) - 1;
    for (const key of loaded ? handledBefore(loaded) : []) {
      this.#handled.add(key, now);
      this.#known.add(key, now);
    }
  }

  /** Whether it was given, begun or done before. */
  isKnown(received: Noted): boolean {
    return this.#known.has(keyOf(received));
  }

  /** A missed message is about to be given. */
  gave(received: Noted): void {
    const { timestamp } = received.message;
    const at = typeof timestamp === "number" && timestamp >= 0 ? Math.floor(timestamp) : 0;
    this.#add(received, this.#missed, at, at);
  }

  /** Everything that was missed was given. */
  fetched(): void {
    this.#isFetched = true;
  }

  /** A message is being worked on. */
  began(received: Noted): void {
    if (this.#entries.has(received.message)) return; // It was missed, and given.
    const now = Math.floor(Date.now() / 1000);
    const { timestamp } = received.message;
    const at = typeof timestamp === "number" && Number.isFinite(timestamp) ? Math.floor(timestamp) : now;
    this.#add(received, this.#live, Math.min(now, Math.max(now - oldestSeconds, at)), now);
  }

  /** A message is done, whatever became of it. @returns whether it was in hand */
  done({ message }: Pick<Noted, "message">): boolean {
    const found = this.#entries.get(message);
    if (!found) return false;
    this.#entries.delete(message);
    this.#handled.add(found.entry.key, found.entry.at);
    found.lane.settle(found.entry);
    return true;
  }

  /** What there is to write down; nothing where nothing ever began. */
  describe(): Status | undefined {
    const isThrough = this.#isFetched && this.#missed.inHand === 0;
    const lane = isThrough ? this.#live : this.#missed;
    const newest = lane.newest ?? (isThrough ? this.#missed.newest : undefined);
    const first = lane.first;
    const inHand = this.#missed.inHand + this.#live.inHand;
    if (!newest && this.#loaded) return this.#repeat(this.#loaded, inHand);
    const noted = newest ?? first;
    if (!noted) return undefined;
    const { topic, body } = noted.received;
    const nextAt = newest ? newest.nextAt : noted.at;
    const overlap = Math.max(nextAt - overlapSeconds, this.#handled.forgottenAt + 1);
    return {
      message: { topic, body: Buffer.from(body).toString() },
      status: newest ? "post" : "pre",
      since: Math.max(0, Math.min(nextAt, overlap, this.#oldestAt)),
      inHand,
      handled: this.#handled.keys(),
    };
  }

  /** What was read, as nothing of what was missed is done yet; but what came live and is done need not be done again. */
  #repeat(loaded: LoadedStatus, inHand: number): Status {
    const working = loaded.inHand === undefined ? undefined : inHand;
    const since = Math.min(loaded.since, this.#oldestAt);
    return { ...loaded, since, inHand: working, handled: this.#handled.keys() };
  }

  /** The earliest time of what is in hand. */
  get #oldestAt(): number {
    return Math.min(this.#missed.oldestAt, this.#live.oldestAt);
  }

  #add(received: Noted, lane: Lane, at: number, nextAt: number): void {
    const entry: Entry = { received, key: keyOf(received), at, nextAt, isDone: false };
    this.#known.add(entry.key, at);
    this.#entries.set(received.message, { entry, lane });
    lane.add(entry);
  }
}

/**
 * Messages in the order in which they began. Of those that are done one behind the other only the last is kept: it alone may
 * become the newest. So a message that is in hand for hours does not keep everything behind it in memory.
 */
class Lane {
  #first: Entry | undefined;
  #last: Entry | undefined;
  inHand = 0;
  /** The last one before which all are done, itself included. */
  newest: Entry | undefined;

  add(entry: Entry): void {
    this.inHand++;
    entry.before = this.#last;
    if (this.#last) this.#last.behind = entry;
    else this.#first = entry;
    this.#last = entry;
  }

  settle(entry: Entry): void {
    const { before, behind } = entry;
    this.inHand--;
    entry.isDone = true;
    if (behind?.isDone) this.#remove(entry);
    if (before?.isDone) this.#remove(before);
    const first = this.#first;
    if (!first?.isDone) return;
    this.newest = first;
    this.#remove(first);
  }

  /** The first that is in hand. */
  get first(): Entry | undefined {
    return this.#first;
  }

  /** The earliest time of those that are in hand. */
  get oldestAt(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (let entry = this.#first; entry; entry = entry.behind) {
      if (!entry.isDone && entry.at < oldest) oldest = entry.at;
    }
    return oldest;
  }

  #remove(entry: Entry): void {
    const { before, behind } = entry;
    if (before) before.behind = behind;
    else this.#first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    entry.before = undefined; // The newest is kept, and must not keep others.
    entry.behind = undefined;
  }
}

/** The newest so many keys. */
class Recent {
  readonly #most: number;
  readonly #ring: { readonly key: string; readonly at: number }[] = [];
  readonly #set = new Set<string>();
  #next = 0;
  /** The latest time of those that were forgotten. */
  forgottenAt = Number.NEGATIVE_INFINITY;

  constructor(most: number) {
    this.#most = most;
  }

  add(key: string, at: number): void {
    if (this.#set.has(key)) return;
    const before = this.#ring[this.#next];
    if (before) {
      this.#set.delete(before.key);
      this.forgottenAt = Math.max(this.forgottenAt, before.at);
    }
    this.#ring[this.#next] = { key, at };
    this.#set.add(key);
    this.#next = (this.#next + 1) % this.#most;
  }

  has(key: string): boolean {
    return this.#set.has(key);
  }

  keys(): string[] {
    return [...this.#set];
  }
}

/** Python named the last message alone. */
function handledBefore({ handled, status, message }: LoadedStatus): readonly string[] {
  if (status === "pre" || handled.length > 0) return handled;
  const key = messageKey(message.body);
  return key ? [Buffer.from(key).toString("latin1")] : [];
}

function keyOf({ message, body }: Noted): string {
  return Buffer.from(messageKeyOf(message, body)).toString("latin1");
}
