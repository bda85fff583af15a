/** `fedmsg journal …`: what a journal holds, whether it is sound, and what can be found in it. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openJournal } from "@fedmsg/store";
import { describe, expect, test } from "vitest";
import { run, tempDir } from "./support.ts";

const startMs = Date.parse("2026-11-21T10:00:00Z");

/** A journal of so many messages, one a minute, of two topics in turn. */
async function journalOf(count: number): Promise<{ file: string; uuid: string }> {
  const file = join(tempDir(), "x.db");
  let nowMs = startMs;
  const journal = await openJournal(file, { now: () => nowMs });
  for (let n = 1; n <= count; n++) {
    const topic = n % 2 ? "org.test.git.push" : "org.test.wiki.edit";
    const body = Buffer.from(`{"i":${n},"msg":{"ratio":1.0,"who":"ü${n}"}}`);
    await journal.append(() => ({ topic, msgId: `2026-${n}`, body }));
    nowMs += 60_000;
  }
  await journal.close();
  return { file, uuid: journal.info.uuid };
}

function journal(...args: string[]) {
  return run("fedmsg", ["journal", ...args]);
}

function flip(file: string, text: string): void {
  const bytes = readFileSync(file);
  const at = bytes.lastIndexOf(text);
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file, bytes);
}

describe("fedmsg journal info", () => {
  test("says what a journal holds, for people and as JSON", async () => {
    const { file, uuid } = await journalOf(3);
    const { code, stdout, stderr } = await journal("info", file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`uuid      ${uuid}\n`);
    expect(stdout).toContain("first     1  2026-11-21T10:00:00.000Z\nhead      3  2026-11-21T10:02:00.000Z\n");
    expect(stdout).toContain("sync      full\nopen      no\n");
    const asJson = await journal("info", `sqlite:${file}`, "--json");
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      uuid,
      first: 1,
      head: 3,
      earlier: [],
      sync: "full",
      open: false,
    });
  });

  test.each([
    ["not/there.db", /not\/there\.db: there is no such journal/],
    [import.meta.filename, /no SQLite database/],
    [".", /this is no file/],
  ])("refuses %s", async (file, message) => {
    const { code, stdout, stderr } = await journal("info", file);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
  });

  test("is there beside a living writer", async () => {
    const { file } = await journalOf(2);
    const writer = await openJournal(file);
    const { stdout } = await journal("info", file, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ head: 2, open: true });
    await writer.append(() => ({ topic: "t", msgId: "", body: Buffer.from("{}") }));
    expect(JSON.parse((await journal("info", file, "--json")).stdout)).toMatchObject({ head: 3 });
    await writer.close();
  });
});

describe("fedmsg journal verify", () => {
  test("is content with a sound journal", async () => {
    const { file } = await journalOf(10);
    const { code, stdout } = await journal("verify", file);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "10 messages are what was written, no faults\n" });
  });

  test("names every fault, and exits with 1", async () => {
    const { file } = await journalOf(10);
    flip(file, '"i":3');
    flip(file, '"i":7');
    const { code, stdout } = await journal("verify", file);
    expect(code).toBe(1);
    expect(stdout).toBe(
      [
        "damaged: the entry at 3 is not what was written",
        "damaged: the entry at 7 is not what was written",
        "8 messages are what was written, 2 faults",
        "",
      ].join("\n"),
    );
    const asJson = JSON.parse((await journal("verify", file, "--json")).stdout);
    expect(asJson).toMatchObject({
      good: 8,
      fault_count: 2,
      faults: [{ kind: "damaged", position: 3 }, { position: 7 }],
    });
  });
});

describe("fedmsg journal grep", () => {
  test("prints what is found as lines of JSON, numbers as they were spelt", async () => {
    const { file } = await journalOf(12);
    const { code, stdout } = await journal("grep", '"i":1[12],', file);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        '{"position":11,"time":"2026-11-21T10:10:00.000Z","topic":"org.test.git.push","msg_id":"2026-11","body":{"i":11,"msg":{"ratio":1.0,"who":"\\u00fc11"}}}',
        '{"position":12,"time":"2026-11-21T10:11:00.000Z","topic":"org.test.wiki.edit","msg_id":"2026-12","body":{"i":12,"msg":{"ratio":1.0,"who":"\\u00fc12"}}}',
        "",
      ].join("\n"),
    );
    expect(JSON.parse(stdout.split("\n")[0] as string).body.msg.who).toBe("ü11");
  });

  test.each([
    [
      ["", "--limit", "2"],
      [1, 2],
    ],
    [
      ["wiki", "--limit", "2"],
      [2, 4],
    ],
    [["ü4"], [4]],
    [
      ["", "--topic", "org.test.git", "--until", "2026-11-21T10:04Z"],
      [1, 3, 5],
    ],
    [
      ["", "--since", "2026-11-21T10:09:00Z"],
      [10, 11, 12],
    ],
    [
      ["", "--since", String(startMs / 1000 + 60), "--until", String(startMs / 1000 + 120)],
      [2, 3],
    ],
    [["nowhere"], []],
  ])("%j", async ([pattern = "", ...flags], positions) => {
    const { file } = await journalOf(12);
    const { code, stdout } = await journal("grep", pattern, file, ...flags);
    const lines = stdout.split("\n").slice(0, -1);
    expect(lines.map((line) => JSON.parse(line).position)).toEqual(positions);
    expect(code).toBe(positions.length > 0 ? 0 : 1);
  });

  test("refuses what makes no sense", async () => {
    const { file } = await journalOf(1);
    expect(await journal("grep", "(?=a)", file)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/look-around/),
    });
    const late = await journal("grep", "", file, "--since", "yesterday");
    expect(late).toMatchObject({ code: 2, stderr: expect.stringMatching(/expected seconds since the epoch/) });
  });
});

describe("fedmsg journal prune", () => {
  test("takes the oldest away", async () => {
    const { file, uuid } = await journalOf(10);
    const byTime = await journal("prune", file, "--older-than", "2026-11-21T10:04Z");
    expect(byTime).toMatchObject({ code: 0, stdout: "4 messages were removed\n", stderr: "" });
    const byBytes = await journal("prune", file, "--max-bytes", "0.1k", "--json");
    expect(JSON.parse(byBytes.stdout)).toEqual({ file, removed: 5 });
    expect(JSON.parse((await journal("info", file, "--json")).stdout)).toMatchObject({ uuid, first: 10, head: 10 });
    expect(await journal("prune", file)).toMatchObject({
      ...{ code: 2, stdout: "" },
      stderr: expect.stringMatching(/^fedmsg journal prune: error: say what is to go: .*\n\n\(.* --help lists/),
    });
    expect((await journal("prune", file, "--max-bytes", "many")).code).toBe(2);
  });

  test("refuses where a writer has it", async () => {
    const { file } = await journalOf(10);
    const writer = await openJournal(file);
    const { code, stderr } = await journal("prune", file, "--max-bytes", "0");
    expect(code).toBe(1);
    expect(stderr).toMatch(/x\.db: another writer has this journal open/);
    expect(writer.info.first).toBe(1);
    await writer.close();
  });
});
