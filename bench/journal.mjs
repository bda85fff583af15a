/**
 * The journal beside the bare database, in turns, in the same folder.
 *
 * Bare is SQLite with the same settings and the columns of an entry: no checksum, nothing to find ids or times by, no promise
 * for each entry; one prepared statement, groups of 100. The journal has 2000 appends in flight. Bodies are 500 bytes long. On a
 * disk `full` measures how many `fsync` there are, `normal` what each entry costs.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "@fedmsg/store";
import { quantile } from "#workloads";

/** @typedef {Record<"full" | "bareFull" | "normal" | "bareNormal" | "read" | "bareRead", number>} Round Entries a second. */
/** @typedef {{ mark: string, value: number, limit: number, ratio: number, required: string, pass: boolean }} Mark */
/** @typedef {import("@photostructure/sqlite").DatabaseSyncInstance} Database */

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
 * @param {{ full: number, normal: number }} sizes
 * @param {number} round
 * @returns {Promise<Round>}
 */
async function measureAll(sizes, round) {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-bench-"));
  const file = (/** @type {string} */ name) => join(folder, `${name}.db`);
  /** @type {(() => Promise<Partial<Round>>)[]} */
  const pieces = [
    () => ours(file("full"), "full", sizes.full),
    () => bare(file("bare-full"), "FULL", sizes.full),
    () => ours(file("normal"), "normal", sizes.normal),
    () => bare(file("bare-normal"), "NORMAL", sizes.normal),
  ];
  if (round % 2 === 0) pieces.reverse();
  try {
    let all = {};
    for (const piece of pieces) all = { ...all, ...(await piece()) };
    return /** @type {Round} */ (all);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} file
 * @param {"full" | "normal"} sync
 * @param {number} count
 * @returns {Promise<Partial<Round>>}
 */
async function ours(file, sync, count) {
  const journal = await openJournal(file, { sync });
  let begun = 0;
  const work = async () => {
    while (begun < count) {
      begun++;
      await journal.append((position) => ({ topic, msgId: idOf(position), body }));
    }
  };
  const appended = await perSecond(count, () => Promise.all(Array.from({ length: inFlight }, work)));
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

/**
 * The SQLite that the store uses.
 *
 * @param {string} file
 * @returns {Promise<Database>}
 */
export async function openBare(file) {
  const isBuiltIn = Number.parseInt(process.versions.node, 10) >= 24;
  const name = isBuiltIn ? "node:sqlite" : "@photostructure/sqlite";
  const { DatabaseSync } = await import(name);
  return new DatabaseSync(file);
}

/** @param {number} n */
function idOf(n) {
  return `2026-f989d333-aed3-485b-a9e4-7fac${String(n).padStart(8, "0")}`;
}

/**
 * @param {number} count
 * @param {() => Promise<unknown>} work
 */
export async function perSecond(count, work) {
  const startedAt = performance.now();
  await work();
  return (count / (performance.now() - startedAt)) * 1000;
}

/**
 * @template {string} Key
 * @param {string} name
 * @param {readonly Record<Key, number>[]} rounds
 * @param {Key} ours
 * @param {Key} bareOne
 * @param {number} least
 * @returns {Mark}
 */
export function mark(name, rounds, ours, bareOne, least) {
  const median = (/** @type {(round: Record<Key, number>) => number} */ of) => quantile(rounds.map(of), 0.5);
  const ratio = median((round) => round[ours] / round[bareOne]);
  return {
    mark: name,
    value: median((round) => round[ours]),
    limit: median((round) => round[bareOne]),
    ratio,
    required: `ratio >= ${least}`,
    pass: ratio >= least,
  };
}

/**
 * @param {readonly Round[]} rounds
 * @returns {Mark}
 */
function leastRead(rounds) {
  const read = mark("read by pages of 1000, of the bare database; entries a second", rounds, "read", "bareRead", 0);
  return { ...read, required: "value >= 200000", pass: read.value >= 200_000 };
}
