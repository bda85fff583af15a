/**
 * Dead letters: messages that a consumer failed on as often as it may. They stand beside the consumer's cursors, so that
 * giving a message up and remembering that it was handled is one transaction.
 *
 * ```
 * fedmsg_dead_letters   id, topic, msg_id, name, endpoint, trust, signer, body, error, attempts, failed_at, asked
 *                       ids are never used again · failed_at in ms · asked: 0, or when somebody asked to try it again, in ms
 * ```
 *
 * Whoever asks need not be the process that tries: `fedmsg dead-letters retry` writes `asked`, and the hub finds it.
 */

import { FedmsgError, type TrustLevel } from "fedmsg";
import type { SqlValue, Transaction } from "fedmsg/plugin";

/** A message that failed, with all that it takes to try it again. */
export interface NewDeadLetter {
  readonly topic: string;
  readonly msgId: string;
  /** Of `Received`: where it came from, and whose word it is. */
  readonly name: string;
  readonly endpoint: string;
  readonly trust: TrustLevel;
  readonly signer?: string;
  /** The exact bytes. */
  readonly body: Uint8Array;
  /** Why it failed. Of a longer text the first 4 KiB are kept. */
  readonly error: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** When it failed, in ms since the epoch. */
  readonly failedAtMs: number;
}

/** One that is kept. */
export interface DeadLetter extends NewDeadLetter {
  /** 1 or more; no other letter of this consumer ever has it. */
  readonly id: number;
  /** Somebody asked to try it again, and it has not failed since. */
  readonly isAsked: boolean;
}

/** How many dead letters a consumer may have. */
export const deadLettersMax = 100_000;

const errorBytesMax = 4096;

const tableName = "fedmsg_dead_letters";
const table = `CREATE TABLE IF NOT EXISTS ${tableName} (
  id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, msg_id TEXT NOT NULL, name TEXT NOT NULL, endpoint TEXT NOT NULL,
  trust TEXT NOT NULL, signer TEXT, body BLOB NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL,
  failed_at INTEGER NOT NULL, asked INTEGER NOT NULL DEFAULT 0
)`;
const index = `CREATE INDEX IF NOT EXISTS ${tableName}_asked ON ${tableName} (asked)`;
const insert = `INSERT INTO ${tableName} (topic, msg_id, name, endpoint, trust, signer, body, error, attempts, failed_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Says whether the table is there. */
export const isThere = `SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = '${tableName}'`;

/** Creates the table where it is missing. */
export function createTable(transaction: Transaction): void {
  if (transaction.get(isThere)) return;
  transaction.run(table);
  transaction.run(index);
}

/**
 * Keeps a dead letter as a part of the commit of its message: give it to `CursorStore.handle` as, or in, its `work`. So the
 * message is handled and its letter kept, or neither.
 *
 * Nothing is lost silently: where there is no room the letter is not kept, the message is not handled, and whoever called
 * must stop and say so.
 *
 * @throws FedmsgError FEDMSG_DEAD_LETTERS_FULL where there are {@link deadLettersMax} already
 *
 * @example
 * ```ts
 * await cursors.handle(key, (transaction) => addDeadLetter(transaction, letter));
 * ```
 */
export function addDeadLetter(transaction: Transaction, letter: NewDeadLetter): void {
  createTable(transaction);
  assertRoom(transaction);
  const { topic, msgId, name, endpoint, trust, signer = null, body, error, attempts, failedAtMs } = letter;
  const kept = clipError(error);
  transaction.run(insert, topic, msgId, name, endpoint, trust, signer, body, kept, attempts, Math.trunc(failedAtMs));
}

function assertRoom(transaction: Transaction): void {
  // The first and the last id are found at once; rows need counting only where there may be too many.
  const ends = transaction.get(`SELECT min(id) AS first, max(id) AS last FROM ${tableName}`);
  if (Number(ends?.last ?? 0) - Number(ends?.first ?? 0) + 1 < deadLettersMax) return;
  const counted = transaction.get(`SELECT count(*) AS letters FROM ${tableName}`);
  if (Number(counted?.letters) < deadLettersMax) return;
  throw new FedmsgError(
    "FEDMSG_DEAD_LETTERS_FULL",
    `there are ${deadLettersMax} dead letters, as many as there may be; see why with \`fedmsg dead-letters list\`, then \`retry\` or \`drop\` them`,
  );
}

/** Cuts an error's text to the bytes that are kept, between two characters. */
export function clipError(error: string): string {
  const bytes = Buffer.from(error);
  if (bytes.length <= errorBytesMax) return error;
  let end = errorBytesMax - 3;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return `${bytes.toString("utf8", 0, end)}…`;
}

/** From a row of the table. */
export function toLetter(row: Readonly<Record<string, SqlValue>>): DeadLetter {
  const { id, topic, msg_id, name, endpoint, trust, signer, body, error, attempts, failed_at, asked } = row;
  return {
    id: Number(id),
    topic: String(topic),
    msgId: String(msg_id),
    name: String(name),
    endpoint: String(endpoint),
    trust: trust as TrustLevel,
    ...(signer !== null && { signer: String(signer) }),
    body: body as Uint8Array,
    error: String(error),
    attempts: Number(attempts),
    failedAtMs: Number(failed_at),
    isAsked: Number(asked) > 0,
  };
}
