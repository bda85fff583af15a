/** What the cases for journals share: a journal with its clock, and entries. */

import type { Journal, JournalEntry, NewEntry } from "fedmsg/plugin";

/** A journal, made anew for each test, and its clock. */
export interface Bench {
  journal: Journal;
  nowMs: number;
}

/** Where the clock begins. */
export const startMs = 1_700_000_000_000;

/** The page of all entries. */
export const everything = { after: 0, limit: 1_000_000, bytesMax: 1_000_000_000 };

/** An entry whose body says its number. */
export function entry(n: number | string, topic = "org.test.a", msgId = `2026-${n}`): NewEntry {
  return { topic, msgId, body: Buffer.from(`{"i":"${n}"}`) };
}

/** Appends entries of these topics in turn, all in one turn of the event loop. */
export function fill({ journal }: Bench, count: number, topics = ["org.test.a"]): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => journal.append((at) => entry(at, topics[n % topics.length]))),
  );
}

/** Appends entries of these times. */
export async function fillAt(bench: Bench, timesMs: readonly number[]): Promise<void> {
  for (const timeMs of timesMs) {
    bench.nowMs = timeMs;
    await bench.journal.append(entry);
  }
}

/** Where entries are. */
export function positionsOf(entries: readonly JournalEntry[]): number[] {
  return entries.map(({ position }) => position);
}

/** Bytes of topics and bodies. */
export function sizeOf(entries: readonly JournalEntry[]): number {
  return entries.reduce((sum, { topic, body }) => sum + Buffer.byteLength(topic) + body.byteLength, 0);
}
