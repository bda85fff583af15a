/** Whether the shim does what it says, with this Node and its SQLite: a rig that loses nothing would find nothing lost. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { cutPower, losingWrites, setClock, wrongClock } from "./shim.mjs";

const writing = `
  const fs = require("node:fs");
  const [file] = process.argv.slice(1);
  const descriptor = fs.openSync(file, "w");
  fs.writeSync(descriptor, "kept--", 0);
  fs.fsyncSync(descriptor);
  try { fs.openSync(file, "wx"); } catch {} // It is there, and stays as it is.
  fs.writeSync(descriptor, "lost", 4);
  fs.ftruncateSync(descriptor, 3);
  fs.writeSync(descriptor, "more", 3);
  process.kill(process.pid, "SIGKILL");
`;

const committing = `
  const builtIn = Number.parseInt(process.versions.node, 10) >= 24; // As in packages/store.
  const { DatabaseSync } = require(builtIn ? "node:sqlite" : "@photostructure/sqlite");
  const db = new DatabaseSync(process.argv[1]);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n)");
  db.exec("INSERT INTO t VALUES (1)");
  db.exec("PRAGMA synchronous = NORMAL; INSERT INTO t VALUES (2)");
  process.kill(process.pid, "SIGKILL");
`;

const day = 86_400;
let checked = false;

/** @throws Error what it does not do */
export function checkShim() {
  if (checked) return;
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-shim-check-"));
  try {
    checkFile(folder);
    checkDatabase(folder);
    checkClock(folder);
    checked = true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder */
function checkFile(folder) {
  const [file, log] = [join(folder, "file"), join(folder, "file.log")];
  killed(writing, file, losingWrites(folder, log));
  expect("a file as written", readFileSync(file, "latin1"), "kepmore");
  cutPower(log);
  expect("a file as of its fsync", readFileSync(file, "latin1"), "kept--");
}

/** @param {string} folder */
function checkDatabase(folder) {
  const [file, log] = [join(folder, "t.db"), join(folder, "t.log")];
  killed(committing, file, losingWrites(folder, log));
  const before = statSync(`${file}-wal`).size;
  cutPower(log);
  if (statSync(`${file}-wal`).size >= before) throw new Error("the shim: SQLite's writes were not seen");
  const db = new DatabaseSync(file);
  expect("committed with fsync", db.prepare("SELECT group_concat(n) AS found FROM t").get().found, "1");
  db.close();
}

/** @param {string} folder */
function checkClock(folder) {
  const file = join(folder, "clock");
  setClock(file, day);
  const env = { ...process.env, NODE_OPTIONS: "", ...wrongClock(file) };
  const told = Number(execFileSync(process.execPath, ["-p", "Date.now()"], { env, encoding: "utf8" }));
  expect("days ahead", Math.round((told - Date.now()) / 1000 / day), 1);
}

/** @param {string} code @param {string} file @param {Record<string, string>} env */
function killed(code, file, env) {
  const options = { env: { ...process.env, NODE_OPTIONS: "", ...env }, encoding: /** @type {const} */ ("utf8") };
  const { signal, stderr } = spawnSync(process.execPath, ["-e", code, file], { ...options, cwd: import.meta.dirname });
  if (signal !== "SIGKILL") throw new Error(`the shim: a process under it did not get to its end: ${stderr}`);
}

/** @param {string} what @param {unknown} found @param {unknown} wanted */
function expect(what, found, wanted) {
  if (found !== wanted) throw new Error(`the shim: ${what}: ${wanted} was expected, and ${found} found`);
}
