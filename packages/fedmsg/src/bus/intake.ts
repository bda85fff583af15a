/**
 * What of all that comes a subscription gets: topics, whose word it is, each once.
 *
 * ```
 *  feed ──▶ wants? ──▶ take ──▶ seen before? ──▶ judge ──▶ give
 *                       │                           ▲
 *                       └── heartbeats ──▶ journals ┘ what did not come
 * ```
 */

import type { Config } from "../config/index.ts";
import { passingReasons, type Reason } from "../crypto/index.ts";
import { FedmsgError } from "../errors.ts";
import { decodeBody } from "../wire/frames.ts";
import type { TopicMatcher } from "../wire/topic.ts";
import { weightOf } from "../wire/weight.ts";
import { type Arrival, type Origin, toKey, type Valid } from "./arrival.ts";
import type { FetchedFrom, Taken } from "./followed-context.ts";
import type { Following } from "./following.ts";
import { type Coming, type Received, WeighedMessage } from "./received.ts";
import type { Refusals } from "./refusals.ts";
import type { Judge, Judgement } from "./trust.ts";

/** What an intake needs of its subscription. */
export interface IntakeOptions {
  readonly config: Config;
  readonly topics: TopicMatcher;
  readonly refusals: Refusals;
  readonly onReceived: () => void;
  /**
   * Gives a message to the reader; a promise, where there is no room for the next one yet.
   *
   * @param coming its key, and which journal gave it, where journals are followed
   */
  readonly give: (received: Received, coming: Coming | undefined) => Promise<void> | undefined;
}

/** See the top of this file. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #wantsHeartbeats: boolean;
  #judge!: Judge; // Before anything is received.
  #following: Following | undefined;
  #catchingUp: Promise<unknown> | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#wantsHeartbeats = options.topics.prefixes.some((prefix) => prefix.startsWith("_"));
  }

  /** Before anything is taken: who judges, */
  judgeBy(judge: Judge): void {
    this.#judge = judge;
  }

  /** and, where journals are followed, by whom. */
  follow(following: Following): void {
    this.#following = following;
  }

  /** Until then there is something to catch up on, and what comes waits. */
  waitFor(ready: Promise<unknown>): void {
    this.#catchingUp = ready.finally(() => {
      this.#catchingUp = undefined;
    });
  }

  get isCatchingUp(): boolean {
    return this.#catchingUp !== undefined;
  }

  /** Whether {@link take} would do anything with it. */
  wants(arrival: Arrival): boolean {
    if (arrival.isHeartbeat) return this.#following !== undefined || this.#wantsHeartbeats;
    const { decoded } = arrival;
    return decoded.valid && this.#options.topics.matches(decoded.topic);
  }

  /** Takes what it wants. Returns a promise only where the reader is behind, or a check takes time. */
  take(arrival: Arrival): Promise<void> | undefined {
    if (this.#catchingUp) return this.#catchingUp.then(() => this.take(arrival));
    if (arrival.isHeartbeat) {
      const heartbeat = this.#following && arrival.heartbeat;
      if (heartbeat) this.#following?.hear(heartbeat);
      if (!this.#wantsHeartbeats) return undefined;
    }
    const { decoded } = arrival;
    if (!decoded.valid) {
      this.#options.refusals.note(arrival, decoded);
      return undefined;
    }
    if (arrival.isHeartbeat && !this.#options.topics.matches(decoded.topic)) return undefined;
    const key = this.#following && arrival.key;
    if (key !== undefined && this.#following?.ledger.stateOf(key) !== "unknown") {
      this.#options.refusals.note(arrival, { topic: decoded.topic, reason: "duplicate", detail: "" });
      return undefined;
    }
    const judgement = this.#judge.judge(decoded, "recent", arrival);
    if (judgement instanceof Promise) return judgement.then((judged) => this.#conclude(arrival, decoded, judged, key));
    return this.#conclude(arrival, decoded, judgement, key);
  }

  /**
   * Takes a message that was asked for: as one that came by itself, however old it is.
   *
   * @throws FedmsgError FEDMSG_CREDENTIALS where nobody can say now whether it is valid: it is asked for once more
   */
  async takeFetched(body: Uint8Array, origin: FetchedFrom): Promise<Taken | undefined> {
    const { config, topics, refusals } = this.#options;
    const decoded = decodeBody(body, config.bodyBytesMax);
    if (!decoded.valid) {
      refusals.noteFetched(origin, decoded);
      return undefined;
    }
    const { topic } = decoded;
    if (!topics.matches(topic)) return undefined;
    const key = toKey(decoded);
    if (this.#following?.ledger.stateOf(key) !== "unknown") return { key, isNew: false };
    const judgement = await this.#judge.judge(decoded, "whenever");
    if (!judgement.accepted) {
      refusals.noteFetched(origin, { topic, ...judgement });
      if (!passingReasons.has(judgement.reason as Reason)) return undefined; // It is nobody's message.
      throw new FedmsgError("FEDMSG_CREDENTIALS", `it cannot be said whose ${topic} is: ${judgement.detail}`);
    }
    const from = { ...origin, weight: weightOf(body) };
    await this.#deliver(decoded, judgement, from, { key, journal: origin.journal });
    return { key, isNew: true };
  }

  /**
   * A journal has this: where it is what somebody has in hand, it may be let go. Never throws.
   *
   * @returns its key, where it is, and no journal said so before
   */
  vouch(body: Uint8Array): string | undefined {
    const decoded = decodeBody(body, this.#options.config.bodyBytesMax);
    if (!decoded.valid) return undefined;
    const key = toKey(decoded);
    return this.#following?.ledger.vouch(key, body) ? key : undefined;
  }

  #conclude(
    arrival: Arrival,
    decoded: Valid,
    judgement: Judgement,
    key: string | undefined,
  ): Promise<void> | undefined {
    if (!judgement.accepted) {
      const { reason, detail } = judgement;
      this.#options.refusals.note(arrival, { topic: decoded.topic, reason, detail });
      return undefined;
    }
    this.#following?.heardOf(arrival.name, decoded.message.seq_id);
    return this.#deliver(decoded, judgement, arrival, key === undefined ? undefined : { key, journal: undefined });
  }

  #deliver(
    { topic, message, body }: Valid,
    { trust, signer }: Extract<Judgement, { accepted: true }>,
    { name, endpoint, weight }: Origin & { readonly weight: number },
    coming: Coming | undefined,
  ): Promise<void> | undefined {
    if (coming && !this.#following?.ledger.see(coming.key, body)) return undefined; // Another copy was quicker.
    this.#options.onReceived();
    const received = { name, endpoint, topic, message, body, trust, ...(signer !== undefined && { signer }) };
    return this.#options.give(new WeighedMessage(received, weight), coming);
  }
}
