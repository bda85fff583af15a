/** While another program holds the lock of a subscriber's file for longer than anybody waits. */

import { eventually } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { openCursors } from "../src/index.ts";
import { openDatabase } from "../src/sqlite.ts";
import { Heard, tempFile } from "./support.ts";

/** What a lock is waited for, in ms, and how late its end may be noticed on a busy machine. */
const patienceMs = 5000;
const slackMs = 3500;

/** Holds the lock of a file, from another connection. */
async function lock(file: string): Promise<() => void> {
  const db = await openDatabase(file, { timeoutMs: 1000 });
  db.exec("BEGIN IMMEDIATE");
  return () => {
    db.exec("ROLLBACK");
    db.close();
  };
}

async function positionIn(file: string): Promise<unknown> {
  const db = await openDatabase(file, { timeoutMs: 1000 });
  try {
    return db.prepare("SELECT coalesce(max(position), 0) AS position FROM fedmsg_cursors").get()?.position;
  } finally {
    db.close();
  }
}

/** Handles so many messages. @returns for how many ms each of them waited for a refusal */
async function refused(handle: (key: string) => Promise<unknown>, count: number): Promise<number[]> {
  const since = performance.now();
  const keys = Array.from({ length: count }, (_, n) => String(n).padStart(8, "0"));
  return Promise.all(
    keys.map((key) =>
      handle(key).then(
        () => Number.NaN,
        () => performance.now() - since,
      ),
    ),
  );
}

test("each message waits for five seconds, however many do, and those that came later wait as long", async () => {
  const file = tempFile();
  const store = await openCursors(file);
  const letGo = await lock(file);
  const first = await refused((key) => store.handle(key), 3500);
  const later = await refused((key) => store.handle(key), 1);
  for (const wait of [Math.max(...first), Math.min(...first), ...later]) {
    expect(wait).toBeGreaterThanOrEqual(patienceMs);
    expect(wait).toBeLessThan(patienceMs + slackMs);
  }
  letGo();
  await store.handle("00000000");
  await store.close();
});

test("the end waits for five seconds altogether, with any number of messages and a cursor that moved", async () => {
  const file = tempFile();
  const heard = new Heard();
  const store = await openCursors(file, heard);
  const letGo = await lock(file);
  const waits = refused((key) => store.handle(key), 3500);
  store.move({ name: "relay", journal: "a", position: 5 });
  const since = performance.now();
  await store.close();
  expect(performance.now() - since).toBeLessThan(patienceMs + slackMs);
  expect((await waits).some(Number.isNaN)).toBe(false);
  expect(heard.events.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(/what was moved is not kept: .*another program holds a lock/),
    expect.stringMatching(/cannot be closed properly/),
  ]);
  letGo();
  const again = await openCursors(file);
  await again.close();
});

test("a cursor that moved meanwhile is written once the lock is free, though nothing else happens; it is told once", async () => {
  const file = tempFile();
  const heard = new Heard();
  const store = await openCursors(file, heard);
  const letGo = await lock(file);
  store.move({ name: "relay", journal: "a", position: 5 });
  await eventually(() => heard.events.length > 0, "the problem", 20_000);
  letGo();
  await eventually(async () => (await positionIn(file)) === 5, "the cursor on the disk", 20_000);
  expect(heard.events.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(/what was moved is not kept: .*another program holds a lock/),
  ]);
  await store.close();
});
