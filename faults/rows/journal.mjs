/** What can happen to a journal: no room, a flipped byte, gone. */

import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openJournalReader } from "@fedmsg/store";
import { journalFile } from "../layout.mjs";

/**
 * @typedef {import("../row.mjs").Row} Row
 * @typedef {import("../row.mjs").Plan} Plan
 * @typedef {import("../rig.mjs").Rig} Rig
 */

const mebi = 2 ** 20;
/** Before the next heartbeat, which comes a second after something was sent. */
const noticedMs = 3000;

/** A disk of a third of what is to be written. @param {Plan} plan */
function smallDisk({ messages, short }) {
  const bodyBytes = short ? 4000 : 500;
  return { bodyBytes, mebibytes: Math.max(2, Math.round((messages * bodyBytes) / 3 / 3 / mebi)) };
}

/** @type {Row} */
const diskFull = {
  name: "disk-full",
  title: "No room for a publisher's journal, then room again",
  unable: () => {
    const able = process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0;
    return able ? undefined : "only root may mount a small disk";
  },
  special: (plan) => ({
    bodyBytes: smallDisk(plan).bodyBytes,
    prepare: ({ folder }, rig) => {
      const place = join(folder, "journals", "one");
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${smallDisk(plan).mebibytes}m`, "tmpfs", place]);
      rig.atEnd(() => void execFileSync("umount", ["--lazy", place]));
    },
  }),
  fault: async (rig, { seconds }) => {
    const deadline = performance.now() + seconds * 1000 + 30_000;
    while (rig.refusals.length === 0 && performance.now() < deadline) await delay(50);
    await delay(1000);
    const place = join(rig.layout.folder, "journals", "one");
    execFileSync("mount", ["-o", "remount,size=1g", place]);
  },
  check: (rig) => {
    const clear = rig.refusals.some((text) => text.startsWith("FEDMSG_JOURNAL:") && /full|space|room/i.test(text));
    return clear ? [] : [`no publish was refused for want of room: ${JSON.stringify(rig.refusals)}`];
  },
};

/**
 * A byte of a message that `narrow` has not seen changes while the publisher is down.
 *
 * @param {"kill" | "end"} way how the publisher went down
 * @returns {import("../row.mjs").Run}
 */
function flipping(way) {
  return async (rig, { messages, seconds }) => {
    const third = Math.floor(messages / 3);
    await rig.publish(third, seconds / 3);
    await rig.process("narrow").kill();
    await rig.publish(third, seconds / 3);
    await rig.process("publisher1")[way]();
    const before = await describe(rig);
    const n = Math.ceil((third / 3) * 1.5) - (Math.ceil((third / 3) * 1.5) % 3) + 1; // For `narrow`, and in the middle of what it missed.
    flipByteOf(journalFile(rig.layout, "one"), n);
    await rig.restart("publisher1");
    await rig.process("narrow").start();
    await rig.publish(messages - 2 * third, seconds / 3);
    const after = await describe(rig);
    // What was closed is not looked at when it is opened, but when somebody asks for it: then positions mean what they meant.
    return way === "kill" && after.uuid === before.uuid ? ["the journal kept its UUID"] : [];
  };
}

/** @param {Rig} rig */
async function describe(rig) {
  const reader = await openJournalReader(journalFile(rig.layout, "one"));
  try {
    return reader.info;
  } finally {
    reader.close();
  }
}

/** Changes a byte of the stored body of a message, in the database or, where it is still there, in its log. @param {string} file @param {number} n */
function flipByteOf(file, n) {
  const wanted = Buffer.from(`"n":${n},"p":1,"padding":"`);
  let flipped = 0;
  for (const path of [file, `${file}-wal`]) flipped += flipIn(path, wanted);
  if (flipped === 0) throw new Error(`no copy of message ${n} was found in ${file}`);
}

/** @param {string} path @param {Buffer} wanted */
function flipIn(path, wanted) {
  /** @type {number} */
  let file;
  try {
    file = openSync(path, "r+");
  } catch {
    return 0;
  }
  const bytes = Buffer.alloc(fstatSync(file).size);
  readSync(file, bytes, 0, bytes.length, 0);
  let found = 0;
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
    const place = at + wanted.length + 5;
    writeSync(file, Buffer.from([(bytes[place] ?? 0) ^ 0x04]), 0, 1, place);
    found++;
  }
  closeSync(file);
  return found;
}

/** That the cut was told by the publisher. @type {import("../row.mjs").Check} */
const toldOfCut = (_rig, judge) => {
  const told = judge.events("publisher1", "warning").map(({ detail }) => String(detail));
  return told.some((detail) => /damaged|not what was written/.test(detail))
    ? []
    : ["the publisher told nothing of the damage"];
};

/** @type {Row} */
const deleted = {
  name: "journal-deleted",
  title: "A journal deleted under its publisher, while a subscriber is away",
  mayLose: true,
  run: async (rig, { messages, seconds }) => {
    const file = journalFile(rig.layout, "one");
    const third = Math.floor(messages / 3);
    await rig.publish(third, seconds / 3);
    await rig.process("narrow").kill();
    const before = await describe(rig);
    await rig.publish(third, seconds / 3);
    const publishing = rig.publish(messages - 2 * third, seconds / 3);
    await delay(seconds * 50);
    for (const ending of ["", "-wal", "-shm"]) rmSync(file + ending, { force: true });
    const noticed = await changes(rig, before.uuid);
    await rig.process("narrow").start();
    await publishing;
    return noticed ? [] : [`no new journal within ${noticedMs} ms`];
  },
};

/** Whether a journal with another UUID is there in time. @param {Rig} rig @param {string} uuid */
async function changes(rig, uuid) {
  const deadline = performance.now() + noticedMs;
  while (performance.now() < deadline) {
    const found = await describe(rig).catch(() => undefined);
    if (found && found.uuid !== uuid) return true;
    await delay(50);
  }
  return false;
}

/** @type {Row[]} */
export const journalRows = [
  diskFull,
  {
    name: "flipped-byte",
    title: "A flipped byte in the journal of a publisher that was killed, while a subscriber is away",
    mayLose: true,
    run: flipping("kill"),
    check: toldOfCut,
  },
  {
    name: "flipped-byte-closed",
    title: "The same, and the publisher had ended by itself",
    mayLose: true,
    run: flipping("end"),
    check: toldOfCut,
  },
  deleted,
];
