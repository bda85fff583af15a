import { type WriteOptions, writeJson } from "./json-writer.ts";
import { Float } from "./number.ts";
import { createQuoter } from "./text.ts";

/**
 * A message as it stands on the wire. A message that was received holds whatever its sender wrote: only that it is an
 * object and has its topic is certain. Read `msg` as data from a stranger.
 */
export interface Message {
  readonly topic: string;
  /** What the sender has to say. */
  readonly msg?: unknown;
  /** When it was published, in seconds since the epoch. */
  readonly timestamp?: number;
  /** `<year>-<uuid4>`. */
  readonly msg_id?: string;
  /** Counts the messages of one publisher, from 1. */
  readonly i?: number;
  /** The login name that the publisher runs under. */
  readonly username?: string;
  readonly [field: string]: unknown;
}

/** What a publisher puts around the caller's `msg`. */
export interface EnvelopeFields {
  readonly topic: string;
  readonly msg: unknown;
  /** Now, in milliseconds since the epoch, as `Date.now()` tells. */
  readonly nowMs: number;
  readonly uuid: string;
  readonly i: number;
  readonly username: string;
  /** Its place in the publisher's journal, if there is one: its `seq_id`. */
  readonly position?: number | undefined;
}

/** Makes a message: the fields that `fedmsg/core.py` sets in `publish`, with its `{}` for an empty `msg`. */
export function createEnvelope({ topic, msg: given, nowMs, uuid, i, username, position }: EnvelopeFields): Message {
  const msg = isEmpty(given) ? {} : given;
  const msg_id = `${yearOf(nowMs)}-${uuid}`;
  const timestamp = Math.floor(nowMs / 1000);
  // In the order that they are written in: sorting what is sorted costs little.
  if (position === undefined) return { i, msg, msg_id, timestamp, topic, username };
  return { i, msg, msg_id, seq_id: position, timestamp, topic, username };
}

/** The last quarter of an hour that the year was asked for: in no time zone a year changes within one. */
const lastYear = { quarter: Number.NaN, year: 0 };

/** The local year, as `fedmsg/core.py` has it. */
function yearOf(nowMs: number): number {
  const quarter = Math.floor(nowMs / 900_000);
  if (quarter !== lastYear.quarter) Object.assign(lastYear, { quarter, year: new Date(nowMs).getFullYear() });
  return lastYear.year;
}

/** What Python calls false: nothing, zero, and whatever is empty. `NaN` is not: it shall be refused, not hidden. */
function isEmpty(msg: unknown): boolean {
  if (msg instanceof Map || msg instanceof Set) return msg.size === 0;
  if (Array.isArray(msg)) return msg.length === 0;
  if (msg instanceof Float) return msg.value === 0;
  return !msg && !Number.isNaN(msg);
}

/**
 * Writes a message as the canonical text that is signed and sent. ASCII only, so the text has as many bytes as
 * characters.
 *
 * @throws FedmsgError FEDMSG_ENCODE naming the path to a value that has no JSON form, `NaN` and infinities included
 */
export function encodeMessage(message: Message): string {
  return writeJson(message, canonical);
}

const canonical: WriteOptions = { sort: "text", indent: 0, allowNan: false };
const quoteTopic = createQuoter();
const quoteUsername = createQuoter();

/**
 * As {@link encodeMessage}, for what {@link createEnvelope} made and nobody changed since: all but `msg` costs next to nothing.
 *
 * @throws FedmsgError FEDMSG_ENCODE
 */
export function encodeEnvelope({ i, msg, msg_id, seq_id, timestamp, topic, username }: Message): string {
  const text = writeJson(msg, canonical, "msg", 1);
  const place = seq_id === undefined ? "" : `"seq_id":${seq_id},`;
  const from = `"topic":${quoteTopic(topic)},"username":${quoteUsername(username as string)}`;
  return `{"i":${i},"msg":${text},"msg_id":"${msg_id}",${place}"timestamp":${timestamp},${from}}`;
}
