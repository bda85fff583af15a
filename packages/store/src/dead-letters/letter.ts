/**
 * Dead letters: messages that a consumer failed on as often as it may. They stand beside the consumer's cursors, so that
 * giving a message up and remembering that it was handled is one transaction.
 *
 * Whoever asks need not be the process that tries: `fedmsg dead-letters retry` writes `asked`, and the hub finds it.
 */

import type { TrustLevel } from "fedmsg";
import type { SqlValue, Transaction } from "fedmsg/plugin";
import { assertRoom, createTables, deadLetterBytesMax } from "./table.ts";

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

const errorBytesMax = 4096;

const insert = `INSERT INTO fedmsg_dead_letters (topic, msg_id, name, endpoint, trust, signer, body, error, attempts, failed_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/**
 * Keeps a dead letter as a part of the commit of its message: give it to `CursorStore.handle` as, or in, its `work`. So the
 * message is handled and its letter kept, or neither.
 *
 * Nothing is lost silently: where there is no room the letter is not kept, the message is not handled, and whoever called
 * must stop and say so.
 *
 * @param options `bytesMax`: how many bytes all letters may have before this one; 0 for any number, default {@link deadLetterBytesMax}
 * @throws FedmsgError FEDMSG_DEAD_LETTERS_FULL where there are 100,000 (`deadLettersMax`) already, or so many bytes
 *
 * @example
 * ```ts
 * await cursors.handle(key, (transaction) => addDeadLetter(transaction, letter));
 * ```
 */
export function addDeadLetter(
  transaction: Transaction,
  letter: NewDeadLetter,
  options: { readonly bytesMax?: number } = {},
): void {
  createTables(transaction);
  assertRoom(transaction, options.bytesMax ?? deadLetterBytesMax);
  const { topic, msgId, name, endpoint, trust, signer = null, body, error, attempts, failedAtMs } = letter;
  const kept = clipError(error);
  transaction.run(insert, topic, msgId, name, endpoint, trust, signer, body, kept, attempts, Math.trunc(failedAtMs));
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
