/** What is the SQLite journal's own: its file, its one writer, its bounds. */

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { bufferBytes, canMount, expectBuffersAtMost, openSmallDisk, processorMs } from "@fedmsg/testkit";
import type { Journal } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { openJournal, openJournalReader, pruneJournal } from "../src/index.ts";
import { openDatabase } from "../src/sqlite.ts";
import { append, Child, Heard, refusal, sample, served, tempFile } from "./support.ts";

/** Runs as somebody who is not root, where the tests are. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe("a location", () => {
  test.each([
    ["", /names no file/],
    [":memory:", /createMemoryJournal/],
    ["postgresql://db/x", /a journal is a file/],
    ["file:/tmp/x?mode=memory", /a journal is a file/],
    ["/not/there/x.db", /create the directory \/not\/there first/],
    ["/tmp", /this is no file/],
  ])("%j is refused", async (location, message) => {
    expect((await refusal(openJournal(location))).message).toMatch(message);
  });

  test("may have sqlite: before it; the file is its owner's alone", async () => {
    const file = tempFile();
    for (const location of [file, `sqlite:${file}`, `sqlite:///${file}`]) {
      const journal = await openJournal(location);
      await append(journal, 1);
      const modes = ["", "-wal", "-shm", "-lock"].map((suffix) => statSync(`${file}${suffix}`).mode & 0o777);
      expect(modes).toEqual([0o600, 0o600, 0o600, 0o600]);
      await journal.close();
    }
    const reader = await openJournalReader(file);
    expect(reader.info).toMatchObject({ head: 3, sync: "full", isOpen: false });
    reader.close();
  });
});

describe("open names the file, and what to do", () => {
  test("where there is no permission", async () => {
    const file = tempFile();
    mkdirSync(join(dirname(file), "closed"), { mode: 0o500 });
    const inside = join(dirname(file), "closed", "x.db");
    const error = await refusal(asNobody(() => openJournal(inside)));
    expect(error.message).toMatch(/x\.db: cannot be created: .*no permission; see to the owner and mode of/);
  });

  test("where it is no database, another's database, or of a newer format", async () => {
    const text = tempFile("notes.txt");
    writeFileSync(text, "not a database, but a text that is long enough to be taken for one. ".repeat(100));
    expect((await refusal(openJournal(text))).message).toMatch(/notes\.txt: .*no SQLite database; name another/);
    expect(readFileSync(text, "utf8").startsWith("not a database")).toBe(true);
    const other = tempFile("other.db");
    const db = await openDatabase(other, { timeoutMs: 0 });
    db.exec("CREATE TABLE mine (x)");
    db.close();
    const before = readFileSync(other);
    expect((await refusal(openJournal(other))).message).toMatch(/other\.db: this is a database, but not a journal/);
    expect(readFileSync(other).equals(before)).toBe(true);
    const newer = tempFile("newer.db");
    await (await openJournal(newer)).close();
    const changed = await openDatabase(newer, { timeoutMs: 0 });
    changed.exec("PRAGMA user_version = 2");
    changed.close();
    expect((await refusal(openJournal(newer))).message).toMatch(/newer\.db: its format is 2, .* use a newer fedmsg/);
    expect((await refusal(openJournalReader(newer))).message).toMatch(/its format is 2/);
  });
});

describe("the one writer", () => {
  test("a second open in the same process is refused, until the first is closed", async () => {
    const file = tempFile();
    const first = await openJournal(file);
    await append(first, 5);
    for (let n = 0; n < 2; n++) {
      expect((await refusal(openJournal(file))).message).toMatch(/another writer has this journal open/);
    }
    await append(first, 5);
    await first.close();
    const second = await openJournal(file);
    expect([second.info, served(second).length]).toEqual([first.info, 10]);
    await second.close();
  });

  test("a second process is refused; after kill -9 of the first the lock is gone", async () => {
    const file = tempFile();
    const child = new Child("write.mjs", [file, "full", "50"]);
    while ((await child.line()) !== "done");
    expect((await refusal(openJournal(file))).message).toMatch(/another writer has this journal open/);
    expect((await refusal(pruneJournal(file, { bytesMax: 0 }))).message).toMatch(/another writer/);
    await child.kill();
    const journal = await openJournal(file);
    expect(journal.info.head).toBe(50);
    await journal.close();
  });

  test("notices that its file was deleted or replaced; a new journal may begin there", async () => {
    const file = tempFile();
    const first = await openJournal(file);
    await append(first, 3);
    const copy = `${file}.copy`;
    copyFileSync(file, copy);
    rmSync(file);
    expect(first.isInPlace()).toBe(false);
    copyFileSync(copy, file);
    expect(first.isInPlace()).toBe(false);
    rmSync(file);
    await first.close();
    expect(first.isInPlace()).toBe(false);
    const second = await openJournal(file);
    expect(second.info).toMatchObject({ first: 1, head: 0, earlier: [] });
    expect(second.info.uuid).not.toBe(first.info.uuid);
    expect(second.isInPlace()).toBe(true);
    rmSync(`${file}-lock`); // Another writer could come in now.
    expect(second.isInPlace()).toBe(false);
    await second.close();
  });
});

test("readers see every commit beside a living writer, and never what is not committed", async () => {
  const file = tempFile();
  const child = new Child("write.mjs", [file, "normal", "20000"]);
  await child.line();
  await child.line();
  const reader = await openJournalReader(file);
  let last = 0;
  for (let line = "1"; line !== "done"; line = await child.line()) {
    if (Number(line) % 1000 !== 0) continue;
    const { head } = reader.info;
    const { entries, through } = reader.page({ after: last, limit: 100_000, bytesMax: 1e9 });
    expect(through).toBeGreaterThanOrEqual(head);
    expect(entries.length).toBe(through - last);
    last = through;
  }
  expect(reader.info).toMatchObject({ head: 20_000, isOpen: true, sync: "normal", earlier: [] });
  expect(await reader.verify()).toEqual({ good: 20_000, faults: [], faultCount: 0 });
  expect(reader.find({ msgIds: ["2026-1", "2026-20000"] }, 10).map(({ position }) => position)).toEqual([1, 20_000]);
  expect(reader.positionAt(Date.now())).toBe(20_000);
  reader.close();
  reader.close();
  expect(() => reader.info).toThrow("closed");
});

test("a failed commit rejects the whole group, leaves everything as it was, and goes on", async () => {
  const file = tempFile();
  let nowMs = 1_700_000_000_000;
  const journal = await openJournal(file, { now: () => nowMs });
  await append(journal, 4090);
  const before = journal.info;
  const build = (position: number) => {
    nowMs = position === 4105 ? Number.NaN : 1_700_000_000_000; // Which the database refuses.
    return sample(position);
  };
  const settled = await Promise.allSettled(Array.from({ length: 29 }, () => journal.append(build)));
  const codes = settled.map((each) => each.status === "rejected" && each.reason.code);
  expect(new Set(codes.slice(0, 16))).toEqual(new Set(["FEDMSG_JOURNAL"])); // Up to what one statement inserts; the next group is another.
  expect(codes.slice(16).every((code) => code === false)).toBe(true);
  expect(journal.info.head).toBe(before.head + 13);
  expect(journal.page({ after: 4090, limit: 1, bytesMax: 0 }).entries[0]?.msgId).toBe("2026-4091");
  await append(journal, 5000);
  expect(journal.count({ msgIds: ["2026-1", "2026-4090", "2026-4091", "2026-4097"] }, 10)).toBe(4);
  await journal.close();
  const reader = await openJournalReader(file);
  expect(await reader.verify()).toEqual({ good: 9103, faults: [], faultCount: 0 });
  reader.close();
});

test("verify finds what would hide a message from those who ask for its id", async () => {
  const file = tempFile();
  const journal = await openJournal(file);
  await append(journal, 5000);
  await journal.close();
  const db = await openDatabase(file, { timeoutMs: 0 });
  db.exec("UPDATE ids SET keys = zeroblob(length(keys)) WHERE id = (SELECT min(id) FROM ids)");
  db.close();
  const reader = await openJournalReader(file);
  expect(await reader.verify()).toMatchObject({ good: 5000, faultCount: 1, faults: [{ kind: "tables" }] });
  reader.close();
});

test("who may only read can read, in a folder that takes no files either", async () => {
  const file = tempFile();
  const journal = await openJournal(file);
  await append(journal, 10);
  await journal.close();
  chmodSync(file, 0o644);
  chmodSync(dirname(file), 0o555);
  await asNobody(async () => {
    const reader = await openJournalReader(file);
    expect([reader.info.head, served(reader).length]).toEqual([10, 10]);
    reader.close();
  });
  chmodSync(dirname(file), 0o755);
});

test.skipIf(!canMount)(
  "a full disk rejects the group and keeps nothing of it; it goes on when there is room",
  async () => {
    using disk = openSmallDisk(4);
    const journal = await openJournal(join(disk.folder, "x.db"));
    const ballast = join(disk.folder, "ballast");
    writeFileSync(ballast, Buffer.alloc(1024 * 1024));
    let error: unknown;
    let head = 0;
    while (error === undefined) {
      head = journal.info.head;
      const settled = await Promise.allSettled(Array.from({ length: 100 }, () => journal.append(sample)));
      const failed = settled.filter((each) => each.status === "rejected");
      expect([0, 100]).toContain(failed.length); // All of a group, or nothing.
      error = failed[0]?.reason;
    }
    expect(error).toMatchObject({ code: "FEDMSG_JOURNAL", message: expect.stringMatching(/x\.db: .*disk is full/) });
    expect([journal.info.head, served(journal).length]).toEqual([head, head]);
    const again = await Promise.allSettled(Array.from({ length: 200 }, () => journal.append(sample)));
    expect(again.filter(({ status }) => status === "rejected").length).toBe(200);
    rmSync(ballast);
    expect(await journal.append(sample)).toBe(head + 1);
    await append(journal, 100);
    await journal.close();
    const reader = await openJournalReader(join(disk.folder, "x.db"));
    expect(await reader.verify()).toEqual({ good: head + 101, faults: [], faultCount: 0 });
    reader.close();
  },
);

describe("retention", () => {
  test("by bytes: the oldest go while others come, in steps, and the file stays small", async () => {
    const file = tempFile();
    const bytesMax = 2_000_000;
    const journal = await openJournal(file, { bytesMax, sync: "normal" });
    await append(journal, 10_000);
    const sizeBefore = statSync(file).size;
    for (let n = 0; n < 8; n++) await append(journal, 10_000);
    expect(journal.info.head).toBe(90_000);
    // Where the machine is busy it falls behind, as no commit may take long, and comes after with the next ones.
    for (let n = 0; n < 100 && journal.info.bytes > bytesMax; n++) await append(journal, 1);
    const { first, head, bytes } = journal.info;
    expect(bytes).toBeLessThanOrEqual(bytesMax);
    expect(first).toBe(head - Math.floor(bytesMax / (bytes / (head - first + 1))) + 1);
    expect(served(journal).length).toBe(head - first + 1);
    expect(statSync(file).size).toBeLessThan(sizeBefore * 1.5);
    expect(journal.count({ msgIds: [`2026-${first - 1}`, `2026-${first}`, `2026-${head}`] }, 9)).toBe(2);
    await journal.close();
    const reader = await openJournalReader(file);
    expect(await reader.verify()).toMatchObject({ faultCount: 0 });
    reader.close();
  });

  test("by age, and a journal that was opened with closer bounds catches up without holding anybody up", async () => {
    const file = tempFile();
    let nowMs = 1_700_000_000_000;
    let monotonicMs = 0;
    const options = { now: () => nowMs, monotonicNow: () => monotonicMs, sync: "normal" } as const;
    const first = await openJournal(file, options);
    await append(first, 50_000);
    await first.close();
    nowMs += 3_600_000;
    const journal = await openJournal(file, { ...options, maxAgeMs: 60_000 });
    monotonicMs += 360_000; // A tenth of it.
    let longest = 0;
    for (let n = 0; n < 2000 && journal.info.first <= 50_000; n++) {
      const before = processorMs();
      await journal.append(sample);
      longest = Math.max(longest, processorMs() - before);
    }
    expect(journal.info.first).toBe(50_001);
    expect(longest).toBeLessThan(100); // About 10 ms.
    await journal.close();
  });

  test("by age, but not at once where a clock jumps a year ahead", async () => {
    let nowMs = 1_700_000_000_000;
    let monotonicMs = 0;
    const clocks = { now: () => nowMs, monotonicNow: () => monotonicMs };
    const day = 86_400_000;
    const journal = await openJournal(tempFile(), { ...clocks, sync: "normal", maxAgeMs: 14 * day });
    await append(journal, 10);
    nowMs += 365 * day;
    await append(journal, 10);
    expect(journal.info.first).toBe(1);
    nowMs -= 365 * day; // Somebody has set it right.
    await append(journal, 10);
    for (let n = 0; n < 15; n++) {
      nowMs += day;
      monotonicMs += day;
      await append(journal, 1);
    }
    expect(journal.info.first).toBe(11); // What has the time of the wrong year stays until then, or until it is too much.
    await journal.close();
  });

  test("by age, but nothing fresh where the clock was a year ahead when the journal was opened", async () => {
    let nowMs = 1_700_000_000_000;
    let monotonicMs = 0;
    const day = 86_400_000;
    const clocks = { now: () => nowMs, monotonicNow: () => monotonicMs };
    nowMs += 365 * day;
    const journal = await openJournal(tempFile(), { ...clocks, sync: "normal", maxAgeMs: 7 * day });
    nowMs -= 365 * day; // Somebody has set it right.
    await append(journal, 3000);
    expect(journal.info).toMatchObject({ first: 1, head: 3000 });
    nowMs += 8 * day;
    monotonicMs += 8 * day;
    await append(journal, 1);
    expect(journal.info.first).toBeGreaterThan(1); // Their week is over.
    await journal.close();
  });

  test("pruneJournal() gives the room back to the system", async () => {
    const file = tempFile();
    const journal = await openJournal(file, { sync: "normal" });
    await append(journal, 20_000);
    await journal.close();
    const before = statSync(file).size;
    expect(await pruneJournal(file, { bytesMax: 500_000 })).toEqual({ removed: 20_000 - 959 });
    expect(statSync(file).size).toBeLessThan(before / 10);
    const reader = await openJournalReader(file);
    expect(reader.info).toMatchObject({ uuid: journal.info.uuid, first: 19_042, sync: "normal", isOpen: false });
    expect(await reader.verify()).toMatchObject({ good: 959, faultCount: 0 });
    reader.close();
    await refusal(pruneJournal(`${file}.not`, {}));
    expect(existsSync(`${file}.not`)).toBe(false);
  });
});

test("a copy has a new UUID: the original may have gone on, and its positions mean something else", async () => {
  const file = tempFile();
  const original = await openJournal(file, { sync: "normal" });
  await append(original, 10);
  await original.close();
  copyFileSync(file, `${file}.copy`);
  const heard = new Heard();
  const copy = await openJournal(`${file}.copy`, { sync: "normal", ...heard });
  expect(copy.info).toMatchObject({ head: 10, earlier: [{ uuid: original.info.uuid, through: 10 }] });
  expect(heard.types).toEqual(["renewed"]);
  await copy.close();
  const again = await openJournal(`${file}.copy`, { sync: "normal" });
  expect(again.info.uuid).toBe(copy.info.uuid);
  await again.close();
});

test("a file that somebody cut is not in place any more", async () => {
  const file = tempFile();
  const journal = await openJournal(file, { sync: "normal" });
  await append(journal, 100);
  expect(journal.isInPlace()).toBe(true);
  truncateSync(file, 0);
  expect(journal.isInPlace()).toBe(false);
  await journal.close();
});

test("100,000 entries are paged in bounded memory", async () => {
  const file = tempFile();
  const journal = await openJournal(file, { sync: "normal" });
  for (let n = 0; n < 10; n++) await append(journal, 10_000);
  const bytesMax = 1024 * 1024;
  const before = bufferBytes();
  let count = 0;
  for (let after = 0; after < 100_000; ) {
    const page = journal.page({ after, limit: 100_000, bytesMax });
    after = page.through;
    count += page.entries.length;
    expect(page.entries.reduce((sum, { body }) => sum + body.byteLength, 0)).toBeLessThanOrEqual(bytesMax);
  }
  expect(count).toBe(100_000);
  await expectBuffersAtMost(before + 2 * bytesMax);
  await journal.close();
});

test("rare topics do not hold anybody up: a page ends after some thousand positions, and says how far it looked", async () => {
  const journal: Journal = await openJournal(tempFile(), { sync: "normal" });
  await append(journal, 30_000);
  await journal.append((position) => sample(position, "org.rare"));
  const { entries, through } = journal.page({ after: 0, topics: ["org.rare"], limit: 10, bytesMax: 1e6 });
  expect(entries).toEqual([]);
  expect(through).toBeGreaterThan(0);
  expect(through).toBeLessThan(30_001);
  await journal.close();
});

test.skipIf(!canMount)("at the end of a life on a full disk nothing is thrown, and the next open checks", async () => {
  using disk = openSmallDisk(2);
  const heard = new Heard();
  const journal = await openJournal(join(disk.folder, "x.db"), heard);
  const ballast = join(disk.folder, "ballast");
  expect(() => writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024))).toThrow("ENOSPC");
  const appended = Promise.allSettled(Array.from({ length: 2000 }, () => journal.append(sample)));
  await journal.close();
  expect((await appended).some(({ status }) => status === "rejected")).toBe(true);
  rmSync(ballast);
  const again = await openJournal(join(disk.folder, "x.db"), heard);
  expect(served(again).length).toBe(again.info.head);
  await append(again, 10);
  await again.close();
});
