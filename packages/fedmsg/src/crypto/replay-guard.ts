/**
 * Refuses messages that are played again (`replay_window`).
 *
 * A signature holds for ever, so whoever has a message can send it again. The guard accepts a message only while its
 * signed `timestamp` lies within the window, and remembers the keys of that time:
 *
 * ```
 *       floor = now − window                              now         now + 60 s (or window)
 *  ───────┼───────────┬───────────┬───────────┬────────────┼────────────┼─────────────────▶ timestamp
 *  too-old│  {keys}   │  {keys}   │  {keys}   │   {keys}   │   {keys}   │ too-new
 * ```
 *
 * Keys lie in a map for each second of their own timestamps, so that forgetting is dropping whole seconds, and what was
 * forgotten is too old to come back: the floor never sinks, not even when the clock does. It rises with a
 * {@link SteadyClock}, so that a clock that was wrong for a moment does not close the guard until it is right again.
 *
 * Where keys are too many, the oldest seconds go. If one signer has more than half of all, they are his own, and a floor
 * of his own rises; else everybody's, up to a minute ago and no further: who has a certificate can fill the memory, but
 * not have the messages of others refused. Where that frees nothing, the new message is refused (`too-many`), as it could
 * not be told from its copies. A signer is a key: one key may have certificates in several names, of which anybody can
 * put another one into a message. None is accepted twice.
 *
 * Rejected: to count the window from the arrival. A message with a time far ahead would outlive the memory of it. Also
 * rejected: a filter with false positives, which would lose messages.
 */

import { AcceptedMessage } from "./accepted.ts";
import { messageKey } from "./key.ts";
import { MessageParts, readParts, type SignedInput } from "./parts.ts";
import type { Accepted } from "./reasons.ts";
import { SteadyClock } from "./steady-clock.ts";

/** How far ahead of now a message's time may lie, and how late it may be whatever the memory, in seconds. */
const nearSeconds = 60;
const tellEveryMs = 60_000;

/** How a guard is made. */
export interface ReplayGuardOptions {
  /** `replay_window`. Seconds; 0 lets everything pass. */
  readonly windowSeconds: number;
  /** How many keys are remembered at most, about 80 bytes each. Default 1,000,000. */
  readonly entriesMax?: number | undefined;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly monotonicNow?: (() => number) | undefined;
  /**
   * Told when keys were too many: how many seconds back messages are still accepted; of everybody, or of the signer that
   * has more than half of the memory. At most once a minute.
   */
  readonly onShrink?: ((secondsLeft: number, signer?: string) => void) | undefined;
  /**
   * Told when the clock is so far behind that messages of this moment are refused as too old: how many seconds they are
   * behind what was accepted before. At most once a minute.
   */
  readonly onClockBehind?: ((seconds: number) => void) | undefined;
}

/** What a guard says about a valid message. `duplicate` is no fault of anybody: there are several paths. */
export type Freshness = "fresh" | "duplicate" | "too-old" | "too-new" | "too-many";

/** Remembers what was seen. */
export interface ReplayGuard {
  /**
   * Judges a message that is *valid*, and remembers it if it is fresh. One without a number as its timestamp is too old.
   * Never throws.
   *
   * @param accepted what the validator said: whose share of the memory it takes. Without it, that of nobody in particular
   */
  admit(message: SignedInput | MessageParts, accepted?: Accepted): Freshness;
  /** How many keys are remembered. */
  readonly size: number;
}

/** Makes a guard. */
export function createReplayGuard(options: ReplayGuardOptions): ReplayGuard {
  return new SeenMessages(options);
}

/** A signer, and how much of the memory is his. */
interface Holder {
  readonly id: string;
  readonly name: string;
  size: number;
  /** The first second that is accepted of him, where that is later than everybody's. */
  floor: number;
}

class SeenMessages implements ReplayGuard {
  readonly #options: ReplayGuardOptions;
  readonly #entriesMax: number;
  readonly #now: () => number;
  readonly #monotonicNow: () => number;
  /** By second; the keys as eight characters each, and whose they are. */
  readonly #seen = new Map<number, Map<string, Holder>>();
  readonly #holders = new Map<string, Holder>();
  #size = 0;
  /** The first second that is accepted. */
  #floor = Number.NEGATIVE_INFINITY;
  /** Absent while nothing is remembered that it could make us forget. */
  #clock: SteadyClock | undefined;
  /** Who had more than half at last. */
  #greedy: Holder | undefined;
  /** The second in which there was nothing more to forget. */
  #exhaustedAt = Number.NEGATIVE_INFINITY;
  readonly #toldAt = { shrink: Number.NEGATIVE_INFINITY, behind: Number.NEGATIVE_INFINITY };

  constructor(options: ReplayGuardOptions) {
    this.#options = options;
    this.#entriesMax = options.entriesMax ?? 1_000_000;
    this.#now = options.now ?? Date.now;
    this.#monotonicNow = options.monotonicNow ?? (() => performance.now());
  }

  get size(): number {
    return this.#size;
  }

  admit(message: SignedInput | MessageParts, accepted?: Accepted): Freshness {
    const { windowSeconds } = this.#options;
    if (windowSeconds <= 0) return "fresh";
    const parts = readParts(message);
    const timestamp = parts instanceof MessageParts ? parts.timestamp : undefined;
    const key = timestamp === undefined ? undefined : messageKey(parts as MessageParts);
    if (timestamp === undefined || key === undefined) return "too-old";
    const exactly = this.#now() / 1000;
    const now = Math.floor(exactly);
    if (this.#clock) this.#raiseFloor(Math.ceil(Math.floor(this.#clock.follow(exactly)) - windowSeconds));
    if (now < this.#floor) this.#tell("behind", () => this.#options.onClockBehind?.(this.#floor - now));
    const holder = this.#holderOf(accepted);
    // Compared so that a NaN, too, is refused.
    if (!(timestamp >= Math.max(this.#floor, holder.floor, Math.ceil(now - windowSeconds)))) return "too-old";
    if (!(timestamp <= now + Math.min(windowSeconds, nearSeconds))) return "too-new";
    const second = Math.floor(timestamp);
    const text = Buffer.from(key).toString("latin1");
    if (this.#seen.get(second)?.has(text)) return "duplicate";
    if (this.#size >= this.#entriesMax && !this.#makeRoom(holder, now)) return "too-many";
    if (!(timestamp >= Math.max(this.#floor, holder.floor))) return "too-old"; // by now
    this.#clock ??= new SteadyClock(exactly, this.#monotonicNow);
    this.#remember(second, text, holder);
    return "fresh";
  }

  /** Who is not remembered is made up, and kept only with his first message. */
  #holderOf(accepted: Accepted | undefined): Holder {
    const id = accepted ? AcceptedMessage.keyOf(accepted) : "";
    const known = this.#holders.get(id);
    return known ?? { id, name: accepted?.signer ?? "", size: 0, floor: Number.NEGATIVE_INFINITY };
  }

  #remember(second: number, key: string, holder: Holder): void {
    let keys = this.#seen.get(second);
    if (!keys) {
      keys = new Map();
      this.#seen.set(second, keys);
    }
    keys.set(key, holder);
    this.#holders.set(holder.id, holder);
    this.#size++;
    if (++holder.size > this.#entriesMax / 2) this.#greedy = holder;
  }

  /** Forgets, where that can be. Not with each message: a tenth at once, and where there is too little, once a second. */
  #makeRoom(holder: Holder, now: number): boolean {
    const greedy = this.#greedy && this.#greedy.size > this.#entriesMax / 2 ? this.#greedy : undefined;
    if (greedy && greedy !== holder) this.#shrink(greedy, Number.POSITIVE_INFINITY, now);
    else if (this.#exhaustedAt !== now) this.#shrink(greedy, now - nearSeconds, now);
    return this.#size < this.#entriesMax;
  }

  /** Forgets the oldest seconds, of one signer or of everybody, until a tenth is free; up to a floor of `floorMax`. */
  #shrink(holder: Holder | undefined, floorMax: number, now: number): void {
    const enough = Math.floor(this.#entriesMax * 0.9);
    let floor = holder ? holder.floor : this.#floor;
    for (const second of [...this.#seen.keys()].sort((a, b) => a - b)) {
      if (this.#size <= enough || second >= floorMax) break;
      this.#forget(second, holder);
      floor = Math.max(floor, second + 1);
    }
    if (this.#size > enough) this.#exhaustedAt = now;
    if (holder) holder.floor = floor;
    else this.#raiseFloor(floor);
    const left = now - floor;
    if (left < this.#options.windowSeconds) this.#tell("shrink", () => this.#options.onShrink?.(left, holder?.name));
  }

  #forget(second: number, of?: Holder): void {
    const keys = this.#seen.get(second);
    for (const [key, holder] of keys ?? []) {
      if (of && holder !== of) continue;
      keys?.delete(key);
      holder.size--;
      this.#size--;
    }
    if (keys?.size === 0) this.#seen.delete(second);
  }

  #raiseFloor(floor: number): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    for (const second of this.#seen.keys()) if (second < floor) this.#forget(second);
    for (const [id, holder] of this.#holders) if (holder.size === 0 && holder.floor <= floor) this.#holders.delete(id);
  }

  #tell(what: "shrink" | "behind", tell: () => void): void {
    const now = this.#monotonicNow();
    if (now - this.#toldAt[what] < tellEveryMs) return;
    this.#toldAt[what] = now;
    tell();
  }
}
