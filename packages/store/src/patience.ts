/**
 * Waiting for another program's lock without keeping this one from anything else. SQLite waits by standing still, and with it
 * whatever runs in the thread: all consumers of a hub. So it may do that for moments, and the rest of the waiting is a timer's.
 */

import { setTimeout as delay } from "node:timers/promises";
import { pragma } from "./database.ts";
import { type Database, resultCode, sqliteCodes } from "./sqlite.ts";

/** How long a statement stands still for a lock, in ms: SQLite's own tries are 1, 2 and 5 ms apart. */
export const standstillMs = 10;
/**
 * How long a lock is waited for in all, in ms. All transactions of ours are short; on a disk that is slow to sync they may still
 * take a second.
 */
export const patienceMs = 5000;

const firstPauseMs = 10;
const pauseMsMax = 200;

/** Whether another program's lock is to blame. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === sqliteCodes.busy || error instanceof LockedError;
}

/** One wait for a lock: pauses that double. */
export class Pausing {
  #nextMs = firstPauseMs;

  /** Resolves after the next pause, which keeps the process alive. */
  async pause(): Promise<void> {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(2 * ms, pauseMsMax);
    await delay(ms);
  }
}

/** A lock that another program holds. */
class LockedError extends Error {}

/**
 * Brings the log into the file, `mode` of it (https://sqlite.org/pragma.html#pragma_wal_checkpoint), or as much of it as those who
 * read and write meanwhile allow within 5 s, or until `untilMs` of `performance.now()`.
 *
 * @throws what SQLite throws
 */
export async function checkpoint(db: Database, mode: "FULL" | "TRUNCATE", untilMs?: number): Promise<void> {
  const work = () => {
    if (pragma(db, `wal_checkpoint(${mode})`) === 1) throw new LockedError(); // The first column says that somebody was in the way.
  };
  await patiently(work, untilMs).catch((error: unknown) => {
    if (!(error instanceof LockedError)) throw error;
  });
}

/**
 * Does some work as often as it takes, while another program's lock keeps it from beginning; for 5 s at most, or until `untilMs` of
 * `performance.now()`, and once in any case. What it did before it met the lock must do no harm a second time.
 *
 * @throws what the work throws
 */
export async function patiently<T>(
  work: () => T | Promise<T>,
  untilMs: number = performance.now() + patienceMs,
): Promise<T> {
  const pausing = new Pausing();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= untilMs) throw error;
    }
    await pausing.pause();
  }
}
