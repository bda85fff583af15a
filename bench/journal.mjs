/**
 * The journal beside the bare database, in turns, in the same folder.
 *
 * Bare is SQLite with the same settings and the columns of an entry: no checksum, nothing to find ids or times by, no promise
 * for each entry; one prepared statement, groups of 100. The journal has 2000 appends in flight. Bodies are 500 bytes long. On a
 * disk `full` measures how many `fsync` there are, `normal` what each entry costs.
 */

import { openJournal } from "@fedmsg/store";
import { inFlightPerSecond, inOneFolder, mark, openBare, perSecond } from "./beside.mjs";

/** @typedef {Record<"full" | "bareFull" | "normal" | "bareNormal" | "read" | "bareRead", number>} Round Entries a second. */
/** @typedef {import("./beside.mjs").Mark} Mark */

const inFlight = 2000;
const bareGroup = 100;
const pageEntries = 1000;
const topic = "org.fedoraproject.dev.bodhi.update.request";
const body = Buffer.alloc(500, "x");
/** Entries of each measurement. */
const counts = { full: 20_000, normal: 100_000 };

/**
 * @param {{ rounds: number, print: (line: object) => void, counts?: { full: number, normal: number } }} options
 * @returns {Promise<Mark[]>}
 */
export async function measureJournal({ rounds: count, print, counts: sizes = counts }) {
  /** @type {Round[]} */
  const rounds = [];
  await measureAll({ full: 1000, normal: 5000 }, 0); // The compiler's turn.
  for (let n = 1; n <= count; n++) {
    const round = await measureAll(sizes, n);
    print({ bench: "journal", round: n, ...round });
    rounds.push(round);
  }
  return [
    mark("append at journal_sync: full, of the bare database", rounds, "full", "bareFull", 0.4),
    mark("append at journal_sync: normal, of the bare database", rounds, "normal", "bareNormal", 0.4),
    leastRead(rounds),
  ];
}

/**
 * @param {import("./beside.mjs").Sizes} sizes
 * @param {number} round
 * @returns {Promise<Round>}
 */
function measureAll(sizes, round) {
  return inOneFolder(round, [
    (file) => ours(file("full"), "full", sizes.full),
    (file) => bare(file("bare-full"), "FULL", sizes.full),
    (file) => ours(file("normal"), "normal", sizes.normal),
    (file) => bare(file("bare-normal"), "NORMAL", sizes.normal),
  ]);
}

/**
 * @param {string} file
 * @param {"full" | "normal"} sync
 * @param {number} count
 * @returns {Promise<Partial<Round>>}
 */
async function ours(file, sync, count) {
  const journal = await openJournal(file, { sync });
  const appended = await inFlightPerSecond(count, inFlight, () =>
    journal.append((position) => ({ topic, msgId: idOf(position), body })),
  );
  const read = await perSecond(count, async () => {
    let seen = 0;
    for (let after = 0; after < count; ) {
      const page = journal.page({ after, limit: pageEntries, bytesMax: 16 * 1024 * 1024 });
      seen += page.entries.length;
      after = page.through;
    }
    if (seen !== count) throw new Error(`${seen} of ${count} entries were read`);
  });
  await journal.close();
  return sync === "full" ? { full: appended } : { normal: appended, read };
}

/**
 * Rows a second of the bare database.
 *
 * @param {string} file
 * @param {"full" | "normal"} sync
 * @param {number} count
 */
export async function measureBareAppend(file, sync, count) {
  const { bareFull, bareNormal } = await bare(file, sync === "full" ? "FULL" : "NORMAL", count);
  return bareFull ?? bareNormal ?? Number.NaN;
}

/**
 * @param {string} file
 * @param {"FULL" | "NORMAL"} synchronous
 * @param {number} count
 * @returns {Promise<Partial<Round>>}
 */
async function bare(file, synchronous, count) {
  const db = await openBare(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -16384`);
  db.exec("CREATE TABLE entries (position INTEGER PRIMARY KEY, time INTEGER, topic TEXT, msg_id TEXT, body BLOB)");
  const insert = db.prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?)");
  const appended = await perSecond(count, async () => {
    for (let position = 1; position <= count; ) {
      db.exec("BEGIN");
      for (let n = 0; n < bareGroup; n++, position++) insert.run(position, Date.now(), topic, idOf(position), body);
      db.exec("COMMIT");
    }
  });
  const page = db.prepare("SELECT * FROM entries WHERE position > ? ORDER BY position LIMIT ?");
  const read = await perSecond(count, async () => {
    for (let after = 0; after < count; ) after = page.all(after, pageEntries).at(-1).position;
  });
  db.close();
  return synchronous === "FULL" ? { bareFull: appended } : { bareNormal: appended, bareRead: read };
}

/** @param {number} n */
function idOf(n) {
  return `2026-f989d333-aed3-485b-a9e4-7fac${String(n).padStart(8, "0")}`;
}

/**
 * @param {readonly Round[]} rounds
 * @returns {Mark}
 */
function leastRead(rounds) {
  const read = mark("read by pages of 1000, of the bare database; entries a second", rounds, "read", "bareRead", 0);
  return { ...read, required: "value >= 200000", pass: read.value >= 200_000 };
}
