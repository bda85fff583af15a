/** An entry as a row: how texts are kept, and the checksum that tells whether it is still what was written. */

import { crc32 } from "node:zlib";
import type { JournalEntry, NewEntry } from "fedmsg/plugin";
import { hashText } from "./hash.ts";

/** The columns of {@link Row}, in order. */
export const columns = "position, time, topic, msg_id, checksum, body";

/** What stands in a column of text. */
export type StoredText = string | Uint8Array;

/** A row of `entries`, as an array. A damaged one may hold anything. */
export type Row = readonly [
  position: number,
  timeMs: number,
  topic: StoredText,
  msgId: StoredText,
  checksum: number,
  body: Uint8Array,
];

/** Bodies are limited elsewhere, far below; this keeps one from failing the group that it is in. */
const bodyBytesMax = 256 * 1024 * 1024;

/**
 * Checks what a caller built.
 *
 * @throws TypeError, RangeError
 */
export function assertEntry({ topic, msgId, body }: NewEntry): void {
  if (typeof topic !== "string" || typeof msgId !== "string") throw new TypeError("topic and msgId are texts");
  if (!(body instanceof Uint8Array)) throw new TypeError("body is a Uint8Array");
  if (body.byteLength > bodyBytesMax) {
    throw new RangeError(`the body is ${body.byteLength} bytes long, a journal takes ${bodyBytesMax}`);
  }
}

/**
 * The CRC-32 of the body, which goes on from a hash of everything else. Every changed byte is found: one in the body, and a burst
 * of up to 32 bits there, by the CRC; one elsewhere because each step of the hash is a bijection, and so is the CRC of its start.
 */
export function checksumOf(position: number, timeMs: number, topic: string, msgId: string, body: Uint8Array): number {
  const head = mix(mixNumber(mixNumber(knowTopic(topic).hash, position), timeMs), hashText(msgId)) >>> 0;
  return body.byteLength === 0 ? head : crc32(body, head); // Of no bytes zlib may make 0.
}

/** A bijection of either. */
function mix(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x01000193);
}

/** Both halves of a whole number, as `^` takes 32 bits. */
function mixNumber(hash: number, value: number): number {
  return mix(mix(hash, value), value / 2 ** 32);
}

/** What every entry of a topic needs. */
interface KnownTopic {
  readonly topic: string;
  readonly hash: number;
  readonly byteLength: number;
  readonly stored: StoredText;
}

let lastTopic = describeTopic("");

/** Most entries have the topic of the one before. */
function knowTopic(topic: string): KnownTopic {
  if (topic !== lastTopic.topic) lastTopic = describeTopic(topic);
  return lastTopic;
}

function describeTopic(topic: string): KnownTopic {
  return { topic, hash: hashText(topic), byteLength: Buffer.byteLength(topic), stored: storeText(topic) };
}

/** Before UTF-16 in a blob: no UTF-8 begins so. */
const utf16Mark = 0xff;

/**
 * SQLite's bindings end a text at its first NUL, and replace half a surrogate pair, which JSON may hold: such texts are kept as blobs,
 * the first as UTF-8, the second as UTF-16.
 */
export function storeText(text: string): StoredText {
  if (!text.isWellFormed()) return Buffer.concat([Buffer.of(utf16Mark), Buffer.from(text, "utf16le")]);
  return text.includes("\0") ? Buffer.from(text) : text;
}

/** As {@link storeText}. */
export function storeTopic(topic: string): StoredText {
  return knowTopic(topic).stored;
}

/** A text as it was before {@link storeText}. */
export function readText(stored: StoredText): string {
  if (typeof stored === "string") return stored;
  const bytes = Buffer.from(stored);
  return bytes[0] === utf16Mark ? bytes.toString("utf16le", 1) : bytes.toString();
}

/** Bytes that an entry counts as: those of its topic and body. */
export function sizeOf({ topic, body }: NewEntry): number {
  return knowTopic(topic).byteLength + body.byteLength;
}

/** The entry of a row; undefined where it is not what was written. */
export function entryOf(row: Row): JournalEntry | undefined {
  const [position, timeMs, storedTopic, storedId, checksum, body] = row;
  if (!isText(storedTopic) || !isText(storedId) || !(body instanceof Uint8Array)) return undefined;
  const topic = readText(storedTopic);
  const msgId = readText(storedId);
  if (checksumOf(position, timeMs, topic, msgId, body) !== checksum) return undefined;
  return { position, timeMs, topic, msgId, body };
}

function isText(value: unknown): value is StoredText {
  return typeof value === "string" || value instanceof Uint8Array;
}
