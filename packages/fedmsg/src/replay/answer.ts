/**
 * From a query to the frames of its answer, in steps that are short enough for the event loop: a few hundred entries or half a
 * mebibyte, then everybody else has a turn.
 *
 * All that the Python system's queries ask for is turned into ranges of positions first. Positions have no holes, so what an
 * answer will hold is counted before anything is read, and every answer is read the same way: behind a position, in order.
 */

import { encodeHeader } from "./header.ts";
import type { EntryQuery, Journal, JournalEntry } from "./journal.ts";
import { noMatch, type Query, type Refusal } from "./query.ts";

/** What an answer may cost. */
export interface AnswerLimits {
  /** Messages of an answer to one of the Python system's queries. Default 10,000. */
  readonly entriesMax: number;
  /** Bytes of these. Default 16 MiB. */
  readonly bytesMax: number;
  /** Bytes of the messages of a page; one message always fits. Default 4 MiB. */
  readonly pageBytesMax: number;
}

/** Defaults of {@link AnswerLimits}. */
export const answerLimits: AnswerLimits = {
  entriesMax: 10_000,
  bytesMax: 16 * 1024 * 1024,
  pageBytesMax: 4 * 1024 * 1024,
};

/** The frames of an answer, and how many messages they hold. */
export interface Answer {
  readonly kind: "answer";
  readonly frames: readonly Uint8Array[];
  readonly entries: number;
}

/** From the first position to the last, both included. */
type Range = readonly [from: number, to: number];

const stepEntries = 200;
const stepBytes = 512 * 1024;
/** A page ends after so many steps, full or not: where hardly anything matches, its `through` says how far it came. */
const pageSteps = 100;
/** A journal holds a `msg_id` once, unless its publisher repeats itself. */
const sameIdMax = 10;

/**
 * Answers a query.
 *
 * @param signal stops between two steps; what is answered then is of no use
 * @param beats the digest of what heartbeats said behind one position up to another
 * @throws what the journal throws
 */
export async function answerQuery(
  query: Query,
  journal: Journal,
  limits: AnswerLimits,
  signal: AbortSignal,
  beats?: (from: number, to: number) => string | undefined,
): Promise<Answer | Refusal> {
  if (query.kind === "entries") return answerEntries(query.query, journal, limits, signal);
  if (query.kind === "page") return answerPage(query, journal, limits, signal);
  const { info } = journal;
  const through = query.timeMs === undefined ? info.head : journal.positionAt(query.timeMs);
  const said = query.beats && beats?.(...query.beats);
  const more = { earlier: info.earlier, ...(said !== undefined && { beats: said }) };
  return { kind: "answer", frames: [encodeHeader(info, through, more)], entries: 0 };
}

async function answerPage(
  { after, topics, limit }: Extract<Query, { kind: "page" }>,
  journal: Journal,
  { pageBytesMax }: AnswerLimits,
  signal: AbortSignal,
): Promise<Answer> {
  const bodies: Uint8Array[] = [];
  const damaged: number[] = [];
  let through = Math.min(after, journal.info.head);
  let bytes = 0;
  for (let step = 0; step < pageSteps && !signal.aborted; step++) {
    const room = pageBytesMax - bytes;
    const page = journal.page({
      after: through,
      limit: Math.min(stepEntries, limit - bodies.length),
      bytesMax: Math.min(stepBytes, room),
      ...(topics && { topics }),
    });
    const first = page.entries[0];
    if (first && bodies.length > 0 && entryBytes(first) > room) {
      through = first.position - 1; // It would not fit; on the next page it will be the one that always does.
      break;
    }
    for (const entry of page.entries) {
      bytes += entryBytes(entry);
      bodies.push(entry.body);
    }
    if (page.through <= through) break;
    through = page.through;
    damaged.push(...(page.damaged ?? []));
    if (through >= journal.info.head || bodies.length >= limit || bytes >= pageBytesMax) break;
    await turn();
  }
  return {
    kind: "answer",
    frames: [encodeHeader(journal.info, through, { damaged }), ...bodies],
    entries: bodies.length,
  };
}

async function answerEntries(
  query: EntryQuery,
  journal: Journal,
  { entriesMax, bytesMax }: AnswerLimits,
  signal: AbortSignal,
): Promise<Answer | Refusal> {
  const ranges = await toRanges(query, journal, signal);
  const count = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  if (count > entriesMax) return tooMuch(`${count} messages, ${entriesMax} are allowed`, ranges);
  const bodies: Uint8Array[] = [];
  let bytes = 0;
  for await (const entries of readRanges(ranges, journal, signal)) {
    for (const { body } of entries) {
      bytes += body.byteLength;
      bodies.push(body);
    }
    if (bytes > bytesMax) return tooMuch(`more than ${bytesMax} bytes`, ranges);
  }
  if (bodies.length === 0) return { kind: "refusal", text: noMatch };
  return { kind: "answer", frames: bodies, entries: bodies.length };
}

/** Entries of ranges, in order, step by step. */
async function* readRanges(
  ranges: readonly Range[],
  journal: Journal,
  signal: AbortSignal,
): AsyncGenerator<readonly JournalEntry[]> {
  let sinceTurn = 0;
  for (const [from, to] of ranges) {
    for (let after = from - 1; after < to && !signal.aborted; ) {
      const page = journal.page({ after, limit: Math.min(stepEntries, to - after), bytesMax: stepBytes });
      const entries = page.entries.filter(({ position }) => position <= to); // The oldest may have been pruned by now.
      yield entries;
      if (page.through <= after) break;
      after = page.through;
      sinceTurn += entries.reduce((sum, entry) => sum + entryCost + entryBytes(entry), entryCost);
      if (sinceTurn < stepBytes) continue;
      sinceTurn = 0;
      await turn();
    }
  }
}

/** What it costs to read an entry, in bytes of a larger one. */
const entryCost = 2048;

/** The positions that a query is for, of those that are there: sorted, none twice. */
async function toRanges(query: EntryQuery, journal: Journal, signal: AbortSignal): Promise<readonly Range[]> {
  const { first, head } = journal.info;
  const ranges: Range[] = (query.positions ?? []).map((position) => [position, position]);
  if (query.all) ranges.push([first, head]);
  if (query.positionRange) ranges.push(query.positionRange);
  if (query.timeRangeMs) {
    const [from, to] = query.timeRangeMs;
    ranges.push([journal.positionAt(from - 1) + 1, journal.positionAt(to)]);
  }
  let sinceTurn = 0;
  for (const msgId of query.msgIds ?? []) {
    if (signal.aborted) break;
    for (const { position } of journal.find({ msgIds: [msgId] }, sameIdMax)) ranges.push([position, position]);
    if (++sinceTurn % stepEntries === 0) await turn();
  }
  return merge(ranges.map(([from, to]) => [Math.max(from, first), Math.min(to, head)]));
}

function merge(ranges: readonly Range[]): readonly Range[] {
  const merged: [number, number][] = [];
  for (const [from, to] of ranges.filter(([from, to]) => from <= to).sort(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

function tooMuch(what: string, ranges: readonly Range[]): Refusal {
  const after = (ranges[0]?.[0] ?? 1) - 1;
  return { kind: "refusal", text: `The answer has ${what}; ask for pages: {"after": ${after}, "limit": 1000}` };
}

function entryBytes({ topic, body }: JournalEntry): number {
  return topic.length + body.byteLength;
}

/** Everybody else has a turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
