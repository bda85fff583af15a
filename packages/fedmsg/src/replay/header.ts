/** The first frame of a page: where in which journal it lies. */

import { dumps } from "../wire/dumps.ts";
import { decodeText, encodeText } from "../wire/text.ts";
import type { EarlierJournal, JournalInfo } from "./journal.ts";

/** What a page says of the journal it comes from. */
export interface PageHeader {
  /** The journal's UUID. Positions of different journals have nothing to do with each other. */
  readonly journal: string;
  /** The oldest position that is there; `head + 1` where nothing is. */
  readonly first: number;
  /** The newest position; 0 where nothing was ever appended. */
  readonly head: number;
  /** Everything up to here was looked at: where the next page begins. Never above `head`. */
  readonly through: number;
  /** Earlier UUIDs, newest first; only where `info` was asked for. */
  readonly earlier?: readonly EarlierJournal[];
  /** Positions that are left out of the page because what the journal has there is not what was written. */
  readonly damaged?: readonly number[];
  /** The digest of what heartbeats said of the positions that were asked for; only where it is known. */
  readonly beats?: string;
}

/** Earlier UUIDs that are told. */
export const earlierMax = 100;
/** Damaged positions that a page tells at most. */
export const damagedMax = 1000;
const beatsLengthMax = 64;
const headerBytesMax = 64 * 1024;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Writes a header. */
export function encodeHeader(
  { uuid: journal, first, head }: JournalInfo,
  through: number,
  more: Pick<PageHeader, "earlier" | "damaged" | "beats"> = {},
): Uint8Array {
  const earlier = more.earlier?.slice(0, earlierMax).map(({ uuid, through }) => ({ uuid, through }));
  const damaged = more.damaged?.length ? more.damaged.slice(0, damagedMax) : undefined;
  const { beats } = more;
  const optional = { ...(earlier && { earlier }), ...(damaged && { damaged }), ...(beats !== undefined && { beats }) };
  return encodeText(dumps({ journal, first, head, through, ...optional }));
}

/** Reads a header that somebody sent, and checks types and ranges; a text says what is wrong. Never throws. */
export function parseHeader(bytes: Uint8Array): PageHeader | string {
  if (bytes.byteLength > headerBytesMax) return `its header has ${bytes.byteLength} bytes`;
  let value: unknown;
  try {
    value = JSON.parse(decodeText(bytes));
  } catch {
    return "its header is not JSON";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "its header is no object";
  const { journal, first, head, through, earlier, damaged, beats } = value as Record<string, unknown>;
  if (typeof journal !== "string" || !uuid.test(journal)) return "its journal is no UUID";
  if (!isPosition(head, 0)) return "its head is no position";
  if (!isPosition(first, 1) || first > head + 1) return "its first is no position up to head + 1";
  if (!isPosition(through, 0) || through > head) return "its through is no position up to head";
  if (earlier !== undefined && !isEarlier(earlier)) return "its earlier is no list of journals";
  if (damaged !== undefined && !isDamaged(damaged, through)) return "its damaged is no list of positions up to through";
  if (beats !== undefined && !(typeof beats === "string" && beats.length <= beatsLengthMax))
    return "its beats are no digest";
  return {
    journal,
    first,
    head,
    through,
    ...(beats !== undefined && { beats }),
    ...(earlier && { earlier: earlier.map((before) => ({ uuid: before.uuid, through: before.through })) }),
    ...(damaged && { damaged }),
  };
}

function isPosition(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isDamaged(value: unknown, through: number): value is readonly number[] {
  return (
    Array.isArray(value) &&
    value.length <= damagedMax &&
    value.every((position) => isPosition(position, 1) && position <= through)
  );
}

function isEarlier(value: unknown): value is readonly EarlierJournal[] {
  return Array.isArray(value) && value.length <= earlierMax && value.every(isEarlierJournal);
}

function isEarlierJournal(value: unknown): value is EarlierJournal {
  if (typeof value !== "object" || value === null) return false;
  const { uuid: name, through } = value as Record<string, unknown>;
  return typeof name === "string" && uuid.test(name) && isPosition(through, 0);
}
