/** Whether a hub does what it is there for, in words for whoever is called when it does not. */

import { countOf } from "fedmsg/plugin";
import type { ConsumerStats, HubStats, ProducerStats } from "../stats.ts";

/**
 * How long a consumer may have work and finish none of it, not even by failing, and how late a producer may be, in seconds.
 * Attempts and polls are given up after a minute, unless their plugin says otherwise.
 */
export const stuckSeconds = 15 * 60;

/** More than this is told by a number. */
const problemsMax = 100;
const problemCharactersMax = 500;

/** Since when a consumer has not moved on. */
interface Standstill {
  readonly ended: number;
  readonly since: number;
}

/** Watches a hub, and says what is wrong with it. */
export class Health {
  #standing = new Map<string, Standstill>();

  /**
   * What is wrong now, compared with how it was at the calls before; nothing where all is well.
   *
   * @param now in seconds, by a clock that nobody sets
   * @param time in seconds since the epoch
   */
  problems(stats: HubStats, now = performance.now() / 1000, time = Date.now() / 1000): readonly string[] {
    const standing = new Map<string, Standstill>();
    const problems = [...stats.failures];
    for (const consumer of stats.consumers) {
      const standstill = standstillOf(consumer, this.#standing.get(consumer.name), now);
      standing.set(consumer.name, standstill);
      problems.push(...consumerProblems(consumer, now - standstill.since));
    }
    this.#standing = standing;
    problems.push(...stats.producers.flatMap((producer) => producerProblems(producer, time)));
    return clip(problems);
  }
}

/** An attempt that ends, however it does, is a sign of life; so is that there is nothing to do. */
function standstillOf(consumer: ConsumerStats, before: Standstill | undefined, now: number): Standstill {
  const { done, failures, waiting, inHand } = consumer;
  const ended = done + failures;
  if (before === undefined || before.ended !== ended || waiting + inHand === 0) return { ended, since: now };
  return before;
}

function consumerProblems({ name, isRunning, waiting, inHand }: ConsumerStats, seconds: number): readonly string[] {
  if (!isRunning) return [`consumer ${name}: it does not run`];
  if (seconds < stuckSeconds) return [];
  const work = `${countOf(inHand, "message")} in hand and ${waiting} waiting`;
  return [`consumer ${name}: stuck: ${work}, and nothing finished for ${Math.floor(seconds)} s`];
}

/** Where cron says when a producer runs, nobody knows here when it is late. */
function producerProblems({ name, isRunning, every, lastRanAt }: ProducerStats, time: number): readonly string[] {
  if (!isRunning) return [`producer ${name}: it does not run`];
  const age = time - lastRanAt;
  if (every === undefined || lastRanAt === 0 || age < every + stuckSeconds) return [];
  return [`producer ${name}: stuck: its last poll began ${Math.floor(age)} s ago, and is due every ${every} s`];
}

function clip(problems: readonly string[]): readonly string[] {
  const shown = problems.slice(0, problemsMax).map((problem) => problem.slice(0, problemCharactersMax));
  const more = problems.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}
