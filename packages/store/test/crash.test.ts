/** What is left after `kill -9`, and after bytes changed in the file. */

import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { range } from "@fedmsg/testkit";
import type { Journal } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { openJournal, openJournalReader } from "../src/index.ts";
import { append, Child, Heard, sample, served, tempFile } from "./support.ts";

const pageBytes = 8192;

/** A journal whose writer was killed after so many entries. */
async function killedAfter(count: number, sync = "full") {
  const file = tempFile();
  const child = new Child("write.mjs", [file, sync, String(count)]);
  const uuid = await child.line();
  for (let line = uuid; line !== "done"; line = await child.line()) {}
  await child.kill();
  return { file, uuid };
}

/** Changes one byte of the body of an entry, in whichever file has its newest copy. */
function flipBody(file: string, position: number): string {
  const wanted = `{"i":${position},`;
  const holders = [`${file}-wal`, file].filter((path) => existsSync(path) && readFileSync(path).includes(wanted));
  for (const path of holders) flipAt(path, readFileSync(path).lastIndexOf(wanted) + 100);
  return holders[0] ?? "nowhere";
}

function flipAt(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 0x10;
  writeFileSync(path, bytes);
}

/** That it is a whole journal up to its head, and goes on. */
async function expectSound(journal: Journal, file: string): Promise<void> {
  const { head } = journal.info;
  expect(served(journal)).toEqual(range(1, head));
  expect(await journal.append(sample)).toBe(head + 1);
  const size = "org.test.store.sample".length + 500;
  expect(journal.info.bytes).toBe((head + 1) * size);
  const ids = [1, Math.ceil(head / 2), head, head + 1].filter((n) => n > 0).map((n) => `2026-${n}`);
  expect(journal.count({ msgIds: ids }, 10)).toBe(new Set(ids).size);
  await journal.close();
  const reader = await openJournalReader(file);
  expect(await reader.verify()).toEqual({ good: head + 1, faults: [], faultCount: 0 });
  reader.close();
}

describe.each(["full", "normal"] as const)("kill -9 at journal_sync: %s", (sync) => {
  test("nothing that was acknowledged is missing, three times in a row", async () => {
    const file = tempFile();
    const uuids: string[] = [];
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      const child = new Child("write.mjs", [file, sync]);
      uuids.unshift(await child.line());
      for (const enough = acknowledged + 3000; acknowledged < enough; ) acknowledged = Number(await child.line());
      await delay(round * 7); // Somewhere else in the course of a commit.
      await child.kill();
      for (const line of await child.rest()) acknowledged = Math.max(acknowledged, Number(line) || 0);
    }
    const heard = new Heard();
    const journal = await openJournal(file, { sync, ...heard });
    const { head, uuid, earlier } = journal.info;
    expect(head).toBeGreaterThanOrEqual(acknowledged);
    if (sync === "full") {
      expect([new Set([uuid, ...uuids]).size, earlier, heard.types]).toEqual([1, [], ["recovered"]]);
    } else {
      expect([new Set([uuid, ...uuids]).size, heard.types]).toEqual([4, ["recovered", "renewed"]]);
      expect(earlier.map((each) => each.uuid)).toEqual(uuids);
      expect(earlier[0]?.through).toBe(head);
      const throughs = earlier.map(({ through }) => through);
      expect(throughs).toEqual([...throughs].sort((a, b) => b - a));
    }
    await expectSound(journal, file);
  });

  test("after a clean close the UUID stays", async () => {
    const file = tempFile();
    const first = await openJournal(file, { sync });
    await append(first, 10);
    await first.close();
    const heard = new Heard();
    const second = await openJournal(file, { sync, ...heard });
    expect([second.info, heard.events]).toEqual([first.info, []]);
    await second.close();
  });
});

describe("a damaged end", () => {
  test("is cut from the first bad entry on, and a new UUID begins", async () => {
    const { file, uuid } = await killedAfter(30_000);
    flipBody(file, 21_000); // Long enough ago to be in the database, and so is what its log may still hold of it.
    const heard = new Heard();
    const journal = await openJournal(file, heard);
    expect(heard.types).toEqual(["recovered", "cut", "renewed"]);
    expect(heard.of("cut")).toMatchObject({ first: 21_000, last: 30_000 });
    expect(journal.info).toMatchObject({ head: 20_999, earlier: [{ uuid, through: 20_999 }] });
    expect(journal.info.uuid).not.toBe(uuid);
    await expectSound(journal, file);
  });

  test("in the write-ahead log: SQLite drops what is behind it, a new UUID says so", async () => {
    const { file, uuid } = await killedAfter(300);
    expect(flipBody(file, 150)).toBe(`${file}-wal`);
    const heard = new Heard();
    const journal = await openJournal(file, heard);
    const { head, earlier } = journal.info;
    expect(head).toBeLessThan(300);
    expect(earlier).toEqual([{ uuid, through: head }]);
    expect(heard.of("renewed")?.detail).toContain("write-ahead log is damaged");
    await expectSound(journal, file);
  });

  test.each([
    ["missing", (wal: string) => rmSync(wal)],
    ["cut short", (wal: string) => truncateSync(wal, 100)],
    ["overwritten at its beginning", (wal: string) => flipAt(wal, 17)],
  ])("a write-ahead log that is %s begins a new UUID, or loses nothing", async (_, harm) => {
    const { file, uuid } = await killedAfter(1500);
    harm(`${file}-wal`);
    const journal = await openJournal(file).catch((error: unknown) => error as Error);
    if (journal instanceof Error) throw journal;
    const { head, earlier } = journal.info;
    if (head < 1500) expect(earlier).toEqual([{ uuid, through: head }]);
    await expectSound(journal, file);
  });

  test("in SQLite's own tables: what can be read is carried to a new file", async () => {
    const { file, uuid } = await killedAfter(20_000);
    // A page in the last third becomes nonsense, once its newest copy is in the database.
    const wanted = '{"i":15000,';
    const page = Math.floor(readFileSync(file).lastIndexOf(wanted) / pageBytes);
    expect(page).toBeGreaterThan(0);
    const bytes = readFileSync(file);
    bytes.fill(0xff, page * pageBytes, page * pageBytes + 64);
    writeFileSync(file, bytes);
    const heard = new Heard();
    const journal = await openJournal(file, heard);
    expect(heard.types).toEqual(["recovered", "cut", "renewed"]);
    const { head, earlier } = journal.info;
    expect(head).toBeGreaterThan(14_900);
    expect(head).toBeLessThan(15_000);
    expect(earlier).toEqual([{ uuid, through: head }]);
    expect(journal.count({ msgIds: ["2026-1", "2026-4096", "2026-14000"] }, 9)).toBe(3);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await expectSound(journal, file);
  });
});

describe("a damaged entry in the middle", () => {
  test("is never served, and told once", async () => {
    const file = tempFile();
    const writer = await openJournal(file);
    await append(writer, 3000);
    await writer.close();
    for (const position of [1, 1500, 1501, 3000]) expect(flipBody(file, position)).toBe(file);
    const heard = new Heard();
    const journal = await openJournal(file, heard);
    const good = range(2, 2999).filter((n) => n !== 1500 && n !== 1501);
    expect(served(journal)).toEqual(good);
    expect(served(journal)).toEqual(good);
    const damaged = { entries: [], through: 1501, damaged: [1500, 1501] };
    expect(journal.page({ after: 1499, limit: 2, bytesMax: 1e9 })).toEqual(damaged);
    expect(journal.find({ positions: [1500, 1502], msgIds: ["2026-3000"] }, 10).map((e) => e.position)).toEqual([1502]);
    expect(heard.events.map((event) => event.type === "damaged" && event.position)).toEqual([1, 1500, 1501, 3000]);
    expect(await journal.append(sample)).toBe(3001);
    await journal.close();
    const reader = await openJournalReader(file);
    const { good: count, faults } = await reader.verify();
    expect(count).toBe(2997);
    expect(faults.map(({ kind, position }) => [kind, position])).toEqual(
      [1, 1500, 1501, 3000].map((n) => ["damaged", n]),
    );
    reader.close();
  });

  test("on a page that SQLite cannot read takes its neighbours with it, and no more", async () => {
    const file = tempFile();
    const writer = await openJournal(file);
    await append(writer, 3000);
    await writer.close();
    const bytes = readFileSync(file);
    const page = Math.floor(bytes.lastIndexOf('{"i":1500,') / pageBytes);
    bytes.fill(0xff, page * pageBytes, page * pageBytes + 64);
    writeFileSync(file, bytes);
    const heard = new Heard();
    const journal = await openJournal(file, heard);
    const positions = served(journal);
    expect(positions.length).toBeGreaterThan(2970);
    expect([journal.positionAt(Date.now()), journal.positionAt(0)]).toEqual([3000, 0]);
    expect(journal.find({ msgIds: ["2026-1500", "2026-1400", "2026-2999"] }, 9).map((e) => e.position)).toEqual([
      1400, 2999,
    ]);
    expect(journal.count({ all: true }, 10_000)).toBe(positions.length);
    expect(positions).not.toContain(1500);
    expect(positions.at(-1)).toBe(3000);
    expect(heard.types.every((type) => type === "damaged")).toBe(true);
    await journal.close();
    const reader = await openJournalReader(file);
    const { good, faults } = await reader.verify();
    expect(good).toBe(positions.length);
    expect(faults.filter(({ kind }) => kind === "tables").length).toBeGreaterThan(0);
    reader.close();
  });
});
