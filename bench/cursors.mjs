/**
 * Handling with a row for each message, beside the same rows in the bare database, in turns, in the same folder.
 *
 * Bare is SQLite with the same settings and the subscriber's table alone: no key, no savepoint, no promise for each message; one
 * prepared statement, groups of 1000. Ours has 1000 messages in flight. Rows are 500 bytes long. On a disk `full` measures
 * how many `fsync` there are, `normal` what each message costs.
 */

import { createHash } from "node:crypto";
import { openCursors } from "@fedmsg/store";
import { inFlightPerSecond, inOneFolder, mark, openBare, perSecond } from "./beside.mjs";

/** @typedef {Record<"full" | "bareFull" | "normal" | "bareNormal", number>} Round Messages a second. */
/** @typedef {import("./beside.mjs").Mark} Mark */

const inFlight = 1000;
const table = "CREATE TABLE builds (id INTEGER PRIMARY KEY, text TEXT)";
const insert = "INSERT INTO builds VALUES (?, ?)";
const text = "x".repeat(500);
/** Messages of each measurement. */
const counts = { full: 20_000, normal: 100_000 };

/**
 * @param {{ rounds: number, print: (line: object) => void }} options
 * @returns {Promise<Mark[]>}
 */
export async function measureCursors({ rounds: count, print }) {
  /** @type {Round[]} */
  const rounds = [];
  await measureAll({ full: 1000, normal: 5000 }, 0); // The compiler's turn.
  for (let n = 1; n <= count; n++) {
    const round = await measureAll(counts, n);
    print({ bench: "cursors", round: n, ...round });
    rounds.push(round);
  }
  return [
    mark("handle with a row, sync: full, of the bare database", rounds, "full", "bareFull", 0.2),
    mark("handle with a row, sync: normal, of the bare database", rounds, "normal", "bareNormal", 0.2),
  ];
}

/**
 * @param {import("./beside.mjs").Sizes} sizes
 * @param {number} round
 * @returns {Promise<Round>}
 */
function measureAll(sizes, round) {
  return inOneFolder(round, [
    async (file) => ({ full: await ours(file("full"), "full", sizes.full) }),
    async (file) => ({ bareFull: await bare(file("bare-full"), "FULL", sizes.full) }),
    async (file) => ({ normal: await ours(file("normal"), "normal", sizes.normal) }),
    async (file) => ({ bareNormal: await bare(file("bare-normal"), "NORMAL", sizes.normal) }),
  ]);
}

/**
 * @param {string} file
 * @param {"full" | "normal"} sync
 * @param {number} count
 */
async function ours(file, sync, count) {
  const store = await openCursors(file, { sync });
  await store.handle("creation", (transaction) => transaction.run(table));
  const keys = Array.from({ length: count }, (_, n) => keyOf(n));
  const handled = await inFlightPerSecond(count, inFlight, (n) =>
    store.handle(keys[n] ?? "", (transaction) => transaction.run(insert, n, text)),
  );
  await store.close();
  return handled;
}

/**
 * @param {string} file
 * @param {"FULL" | "NORMAL"} synchronous
 * @param {number} count
 */
async function bare(file, synchronous, count) {
  const db = await openBare(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -16384; ${table}`);
  const statement = db.prepare(insert);
  const written = await perSecond(count, async () => {
    for (let id = 0; id < count; ) {
      db.exec("BEGIN");
      for (let n = 0; n < inFlight; n++, id++) statement.run(id, text);
      db.exec("COMMIT");
    }
  });
  db.close();
  return written;
}

/** Eight bytes that look like a message's key. @param {number} n */
function keyOf(n) {
  return createHash("sha256").update(String(n)).digest().toString("latin1", 0, 8);
}
