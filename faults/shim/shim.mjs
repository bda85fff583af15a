/** Builds shim.c, and takes back what a process wrote and did not fsync. See shim.c for the log. */

import { execFileSync } from "node:child_process";
import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureProgram } from "@fedmsg/testkit";

/**
 * @typedef {import("../../packages/zmtp/fuzz/dice.mjs").Dice} Dice
 *
 * @typedef {object} WriteRecord
 * @property {"write" | "size"} kind
 * @property {number} offset of a write; the new size of a file
 * @property {number} size of the file before
 * @property {Buffer} before what stood there
 * @property {Buffer} after what was written
 */

const kinds = /** @type {const} */ ({ write: 1, size: 2, sync: 3, gone: 4 });
const headerBytes = 48;
/** What a disk writes whole. */
const sectorBytes = 512;
const source = fileURLToPath(new URL("shim.c", import.meta.url));
/** @type {string | undefined} */
let built;

/** The shim as a library to preload; built once in this process. */
export function shimLibrary() {
  if (built) return built;
  ensureProgram({ debianPackage: "gcc", check: ["gcc", "--version"] });
  ensureProgram({ debianPackage: "libc6-dev", check: ["test", "-e", "/usr/include/stdio.h"] });
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-shim-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  built = join(folder, "shim.so");
  execFileSync("gcc", ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", built, source], {
    stdio: "inherit",
  });
  return built;
}

/**
 * What a process needs so that its writes can be lost.
 *
 * @param {string} prefix of the paths of its files
 * @param {string} log
 */
export function losingWrites(prefix, log) {
  return { LD_PRELOAD: shimLibrary(), FAULTS_WRITES_PREFIX: prefix, FAULTS_WRITES_LOG: log };
}

/** What a process needs so that its time of day is another. @param {string} file see {@link setClock} */
export function wrongClock(file) {
  return { LD_PRELOAD: shimLibrary(), FAULTS_CLOCK: file };
}

/** Sets the clock of those who have this file, in place: it stays mapped. @param {string} file @param {number} seconds */
export function setClock(file, seconds) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(seconds));
  const descriptor = openSync(file, existsSync(file) ? "r+" : "w");
  writeSync(descriptor, bytes, 0, 8, 0);
  closeSync(descriptor);
}

/**
 * Cuts the power, after a kill -9: files are as of their last fsync, and of what came later some is there and some is not, a
 * sector at a time, as the dice fall; without dice nothing is. The log is empty then.
 *
 * @param {string} log
 * @param {Dice} [dice]
 * @returns {number} bytes that were lost
 */
export function cutPower(log, dice) {
  if (!existsSync(log)) return 0;
  let lost = 0;
  for (const [path, records] of unsynced(readFileSync(log))) {
    if (existsSync(path)) lost += restore(path, records, dice);
    if (path.endsWith("-wal")) rmSync(path.replace(/-wal$/, "-shm"), { force: true }); // Memory.
  }
  rmSync(log);
  return lost;
}

/** By path: what was written since the last fsync. @param {Buffer} bytes */
function unsynced(bytes) {
  /** @type {Map<string, WriteRecord[]>} */
  const files = new Map();
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const [kind = 0, pathLength = 0, offset = 0, size = 0, length = 0, beforeLength = 0] = fields(bytes, at);
    at += headerBytes;
    const path = bytes.toString("utf8", at, at + pathLength);
    at += pathLength;
    const before = bytes.subarray(at, at + beforeLength);
    at += beforeLength;
    const after = bytes.subarray(at, at + length);
    at += length;
    if (at > bytes.length) break; // It was killed here: what this is about was not written.
    if (kind === kinds.sync || kind === kinds.gone) files.delete(path);
    else {
      const records = files.get(path) ?? [];
      files.set(path, records);
      records.push({ kind: kind === kinds.write ? "write" : "size", offset, size, before, after });
    }
  }
  return files;
}

/** @param {Buffer} bytes @param {number} at */
function fields(bytes, at) {
  return Array.from({ length: 6 }, (_, n) => Number(bytes.readBigInt64LE(at + 8 * n)));
}

/** @param {string} path @param {readonly WriteRecord[]} records @param {Dice | undefined} dice */
function restore(path, records, dice) {
  let lost = 0;
  const file = openSync(path, "r+");
  try {
    for (const { offset, size, before } of records.toReversed()) {
      if (before.length > 0) writeSync(file, before, 0, before.length, offset);
      ftruncateSync(file, size);
    }
    for (const record of records) lost += redo(file, record, dice);
  } finally {
    closeSync(file);
  }
  return lost;
}

/** Has some of a write reach the disk. @param {number} file @param {WriteRecord} record @param {Dice | undefined} dice */
function redo(file, { kind, offset, after }, dice) {
  if (kind === "size") {
    if (dice?.happens(0.5)) ftruncateSync(file, offset);
    return 0;
  }
  let lost = 0;
  for (let at = 0; at < after.length; at += sectorBytes) {
    const sector = after.subarray(at, at + sectorBytes);
    if (dice?.happens(0.5)) writeSync(file, sector, 0, sector.length, offset + at);
    else lost += sector.length;
  }
  return lost;
}
