/**
 * What can be asked of a replay server: one frame of JSON, three kinds.
 *
 * ```
 * {"seq_id_range":[2,6]}                              the Python system's: any of six fields, OR-ed; {} is everything
 * {"after":120,"limit":1000,"topics":["org.a."]}      a page: what comes behind a position
 * {"info":true}, {"info":true,"time":1795219574}      what the journal says of itself, and where it was then
 * {"info":true,"beats":[120,2163]}                    the same, and what heartbeats said of these positions
 * ```
 *
 * Refusals of the first kind are worded as in `fedmsg/replay/sqlstore.py`, to the byte: "key" stands there for every field,
 * and the range's name is misspelled. A page is refused in words of its own: `Unsupported field` is how a Python server says
 * that it knows no pages.
 */

import { FedmsgError } from "../errors.ts";
import { dumps } from "../wire/dumps.ts";
import { decodeText, encodeText } from "../wire/text.ts";
import type { EntryQuery } from "./journal.ts";

/** What a query may cost before anything is looked up. */
export interface QueryLimits {
  /** Bytes of a query. Default 64 KiB. */
  readonly queryBytesMax: number;
  /** Elements of each of its lists. Default 10,000. */
  readonly listMax: number;
  /** Beginnings of topics in a page query. Default 100. */
  readonly topicsMax: number;
  /** Bytes of each of these. Default 1 KiB. */
  readonly topicBytesMax: number;
  /** Entries of a page; who asks for more gets as many. Default 1000. */
  readonly pageEntriesMax: number;
}

/** Defaults of {@link QueryLimits}. */
export const queryLimits: QueryLimits = {
  queryBytesMax: 64 * 1024,
  listMax: 10_000,
  topicsMax: 100,
  topicBytesMax: 1024,
  pageEntriesMax: 1000,
};

/** A query that was understood. */
export type Query =
  | { readonly kind: "entries"; readonly query: EntryQuery }
  | { readonly kind: "page"; readonly after: number; readonly topics?: readonly string[]; readonly limit: number }
  | { readonly kind: "info"; readonly timeMs?: number; readonly beats?: readonly [number, number] };

/** Why there is no answer. */
export interface Refusal {
  readonly kind: "refusal";
  /** What stands between `error: '` and `'`. */
  readonly text: string;
}

/** A query as it is written; times are seconds since the epoch. */
export type ReplayQuery =
  | {
      readonly seq_id?: number;
      readonly seq_ids?: readonly number[];
      /** From the first to the second, both included. */
      readonly seq_id_range?: readonly [number, number];
      readonly msg_id?: string;
      readonly msg_ids?: readonly string[];
      /** From the first to the second, both included. */
      readonly time?: readonly [number, number];
    }
  | PageQuestion
  | { readonly info: true; readonly time?: number; readonly beats?: readonly [number, number] };

/** A query for a page, as it is written. */
export interface PageQuestion {
  /** The position before the first that is wanted. */
  readonly after: number;
  /** Beginnings of topics that are wanted. Default: all. */
  readonly topics?: readonly string[];
  /** At most so many messages. Default: as many as the server gives. */
  readonly limit?: number;
}

/** What nothing was found for is answered with. */
export const noMatch = "There was no match for the given query";

/** How a server that knows no pages answers one, whatever the field is called. */
export const unsupportedField = 'Unsupported field: "key"';

/**
 * Reads a query. Never throws: what is wrong with it is what the peer is told.
 *
 * @param limits default {@link queryLimits}
 */
export function parseQuery(bytes: Uint8Array, limits: QueryLimits = queryLimits): Query | Refusal {
  if (bytes.byteLength > limits.queryBytesMax) {
    return refuse(`The query has ${bytes.byteLength} bytes, ${limits.queryBytesMax} are allowed`);
  }
  const value = readJson(bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse("A query is a JSON object");
  const fields = Object.entries(value);
  if (Object.hasOwn(value, "after")) return parsePage(fields, limits);
  if (Object.hasOwn(value, "info")) return parseInfo(fields);
  return parseOld(fields, limits);
}

/** The bytes of a refusal, as a Python server writes them. */
export function encodeRefusal(text: string): Uint8Array {
  return encodeText(`error: '${text}'`);
}

/** The text of a refusal; undefined for bytes that are none. */
export function parseRefusal(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength > refusalBytesMax || bytes[0] !== 0x65) return undefined; // e
  try {
    return /^error: '(.*)'$/s.exec(decodeText(bytes))?.[1];
  } catch {
    return undefined;
  }
}

const refusalBytesMax = 64 * 1024;

/**
 * Writes a query.
 *
 * @throws FedmsgError FEDMSG_UNSUPPORTED for one that has more bytes than a server reads
 */
export function encodeQuery(query: ReplayQuery): Uint8Array {
  const bytes = encodeText(dumps(query));
  const { queryBytesMax } = queryLimits;
  if (bytes.byteLength <= queryBytesMax) return bytes;
  throw new FedmsgError(
    "FEDMSG_UNSUPPORTED",
    `the replay query has ${bytes.byteLength} bytes, a server reads ${queryBytesMax}; ask for less at a time`,
  );
}

/** Writes a query for a page. Beginnings of topics that are more than a server reads are left out: it gives all topics then. */
export function pageQuestion(after: number, limit: number, topics: readonly string[] = []): PageQuestion {
  const { queryBytesMax } = queryLimits;
  if (topics.length === 0 || !areTopics(topics, queryLimits)) return { after, limit };
  const question = { after, limit, topics };
  return encodeText(dumps(question)).byteLength <= queryBytesMax ? question : { after, limit };
}

/** The value, or undefined, which is no JSON. */
function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(bytes));
  } catch {
    return undefined;
  }
}

function parsePage(fields: readonly [string, unknown][], limits: QueryLimits): Query | Refusal {
  let after = 0;
  let topics: readonly string[] | undefined;
  let limit = limits.pageEntriesMax;
  for (const [name, value] of fields) {
    if (name === "after") {
      if (!isInteger(value) || value < 0) return refuse("after is a whole number from 0 on");
      after = value;
    } else if (name === "limit") {
      if (!isInteger(value) || value < 1) return refuse("limit is a whole number from 1 on");
      limit = Math.min(value, limits.pageEntriesMax);
    } else if (name === "topics") {
      if (!areTopics(value, limits)) {
        return refuse(`topics is a list of at most ${limits.topicsMax} texts of at most ${limits.topicBytesMax} bytes`);
      }
      topics = value;
    } else return refuse("A page has the fields after, topics and limit, and no others");
  }
  return { kind: "page", after, limit, ...(topics && topics.length > 0 && { topics }) };
}

function parseInfo(fields: readonly [string, unknown][]): Query | Refusal {
  const { info, time, beats, ...others } = Object.fromEntries(fields);
  if (info !== true || Object.keys(others).length > 0) {
    return refuse("info is true, and there are no other fields but time and beats");
  }
  if (time !== undefined && !isSeconds(time)) return refuse("time is a number of seconds since the epoch");
  if (beats !== undefined && !(isPair(beats) && beats.every(isInteger))) return refuse("beats is a pair of positions");
  return {
    kind: "info",
    ...(time !== undefined && { timeMs: Math.floor(time * 1000) }),
    ...(beats !== undefined && { beats: beats as [number, number] }),
  };
}

function parseOld(fields: readonly [string, unknown][], limits: QueryLimits): Query | Refusal {
  if (fields.length === 0) return { kind: "entries", query: { all: true } };
  const positions: number[] = [];
  const msgIds: string[] = [];
  let positionRange: readonly [number, number] | undefined;
  let timeRangeMs: readonly [number, number] | undefined;
  for (const [name, value] of fields) {
    if (name === "seq_id" || name === "seq_ids") {
      const list = name === "seq_id" ? [value] : value;
      if (!isListOf(list, isInteger, limits.listMax)) return wentWrong(name);
      for (const position of list) positions.push(position);
    } else if (name === "msg_id" || name === "msg_ids") {
      const list = name === "msg_id" ? [value] : value;
      if (!isListOf(list, isText, limits.listMax)) return wentWrong(name);
      for (const msgId of list) msgIds.push(msgId);
    } else if (name === "seq_id_range") {
      if (!isPair(value)) return refuse('Ill-format "sed_id_range" field');
      if (!value.every(isInteger)) return wentWrong(name);
      positionRange = value as [number, number];
    } else if (name === "time") {
      if (!isPair(value)) return refuse('Ill-format "time" field');
      if (!value.every(isSeconds)) return wentWrong(name);
      timeRangeMs = toMilliseconds(value as [number, number]);
    } else return refuse(unsupportedField);
  }
  return {
    kind: "entries",
    query: {
      ...(positions.length > 0 && { positions: [...new Set(positions)] }),
      ...(positionRange && { positionRange }),
      ...(msgIds.length > 0 && { msgIds: [...new Set(msgIds)] }),
      ...(timeRangeMs && { timeRangeMs }),
    },
  };
}

/** Times of messages are whole seconds, rounded down: between two times are those of the seconds that lie there. */
function toMilliseconds([from, to]: readonly [number, number]): readonly [number, number] {
  return [Math.ceil(from) * 1000, Math.floor(to) * 1000 + 999];
}

function refuse(text: string): Refusal {
  return { kind: "refusal", text };
}

function wentWrong(field: string): Refusal {
  return refuse(`Something went wrong when processing the field "${field}"`);
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** As Python's `datetime` has them: up to the year 9999. */
function isSeconds(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) < 253_402_300_800;
}

function isPair(value: unknown): value is readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

function isListOf<T>(value: unknown, isOne: (element: unknown) => element is T, most: number): value is readonly T[] {
  return Array.isArray(value) && value.length <= most && value.every(isOne);
}

function areTopics(value: unknown, { topicsMax, topicBytesMax }: QueryLimits): value is readonly string[] {
  return isListOf(value, isText, topicsMax) && value.every((topic) => encodeText(topic).byteLength <= topicBytesMax);
}
