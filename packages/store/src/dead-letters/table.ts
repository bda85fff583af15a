/**
 * The tables of dead letters.
 *
 * ```
 * fedmsg_dead_letters         id, topic, msg_id, name, endpoint, trust, signer, body, error, attempts, failed_at, asked
 *                             ids are never used again · failed_at in ms · asked: 0, or when somebody asked to try it again, in ms
 * fedmsg_dead_letter_totals   one row: letters, bytes    kept by triggers, so that whoever deletes letters, by whatever means,
 *                                                        makes room for others
 * ```
 *
 * Totals are kept, and not counted, as every letter asks for them. A file that has letters of before there were totals gets
 * them with its next letter; so does one from which somebody took one of the two tables.
 */

import { FedmsgError } from "fedmsg";
import type { Transaction } from "fedmsg/plugin";

/** How many dead letters a consumer may have. */
export const deadLettersMax = 100_000;
/**
 * How many bytes a consumer's dead letters may have where nobody says otherwise (`dead_letters_max_bytes`). Ordinary messages of up
 * to 6 KiB reach the bound in number first; what is larger must not fill a disk on which there are cursors, too. Up to 1 GiB a
 * file is also checked as a whole after an unclean end.
 */
export const deadLetterBytesMax = 2 ** 30;

const tableName = "fedmsg_dead_letters";
const totalsName = "fedmsg_dead_letter_totals";

/** What a row has in bytes; all SQLite versions of these ten years know these functions. */
function bytesOf(row: string): string {
  const texts = ["topic", "msg_id", "name", "endpoint", "signer", "error"];
  const lengths = texts.map((column) => `coalesce(length(CAST(${row}.${column} AS BLOB)), 0)`);
  return `(length(${row}.body) + ${lengths.join(" + ")})`;
}

const table = `CREATE TABLE IF NOT EXISTS ${tableName} (
  id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, msg_id TEXT NOT NULL, name TEXT NOT NULL, endpoint TEXT NOT NULL,
  trust TEXT NOT NULL, signer TEXT, body BLOB NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL,
  failed_at INTEGER NOT NULL, asked INTEGER NOT NULL DEFAULT 0
)`;
const triggers = ["added", "deleted", "changed"];
const statements = [
  table,
  `DROP TABLE IF EXISTS ${totalsName}`,
  ...triggers.map((name) => `DROP TRIGGER IF EXISTS ${tableName}_${name}`),
  `CREATE INDEX IF NOT EXISTS ${tableName}_asked ON ${tableName} (asked)`,
  `CREATE TABLE ${totalsName} (id INTEGER PRIMARY KEY CHECK (id = 1), letters INTEGER NOT NULL, bytes INTEGER NOT NULL)`,
  `INSERT INTO ${totalsName} SELECT 1, count(*), coalesce(sum(${bytesOf("letter")}), 0) FROM ${tableName} AS letter`,
  trigger("added", "INSERT", `letters = letters + 1, bytes = bytes + ${bytesOf("NEW")}`),
  trigger("deleted", "DELETE", `letters = letters - 1, bytes = bytes - ${bytesOf("OLD")}`),
  trigger("changed", "UPDATE OF error", `bytes = bytes + ${bytesOf("NEW")} - ${bytesOf("OLD")}`),
];

function trigger(name: string, when: string, change: string): string {
  const header = `CREATE TRIGGER ${tableName}_${name} AFTER ${when} ON ${tableName}`;
  return `${header} BEGIN UPDATE ${totalsName} SET ${change}; END`;
}

/** Says whether there is a table of letters. */
export const isThere = `SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = '${tableName}'`;

const countTables = `SELECT count(*) AS tables FROM sqlite_schema
  WHERE type = 'table' AND name IN ('${tableName}', '${totalsName}')`;

/** Creates what is missing of the tables. */
export function createTables(transaction: Transaction): void {
  if (Number(transaction.get(countTables)?.tables) === 2) return;
  for (const statement of statements) transaction.run(statement);
}

/**
 * Makes sure that one more letter may be kept. The last one may go beyond the bound in bytes: so any fits where there are none.
 *
 * @throws FedmsgError FEDMSG_DEAD_LETTERS_FULL
 */
export function assertRoom(transaction: Transaction, bytesMax: number): void {
  const totals = transaction.get(`SELECT letters, bytes FROM ${totalsName}`);
  const letters = Number(totals?.letters ?? 0);
  const bytes = Number(totals?.bytes ?? 0);
  if (letters >= deadLettersMax) throw fullError(`there are ${letters} dead letters, as many as there may be`);
  if (bytesMax === 0 || bytes < bytesMax) return;
  throw fullError(
    `the ${letters} dead letters have ${bytes} bytes, and ${bytesMax} are allowed (dead_letters_max_bytes)`,
  );
}

function fullError(what: string): FedmsgError {
  const advice = "see why with `fedmsg dead-letters list`, then `retry` or `drop` them";
  return new FedmsgError("FEDMSG_DEAD_LETTERS_FULL", `${what}; ${advice}`);
}
