/** `fedmsg dead-letters …`: on the files of consumers, whether or not somebody has them open. */

import { join } from "node:path";
import { addDeadLetter, type NewDeadLetter, openCursors, openDeadLetters } from "@fedmsg/store";
import { describe, expect, test } from "vitest";
import { run, tempDir } from "./support.ts";

function letterOf(n: number, changes: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    topic: "org.test.git.push",
    msgId: `2026-${n}`,
    name: "relay",
    endpoint: "tcp://127.0.0.1:4001",
    trust: "unsigned",
    body: Buffer.from(`{"i": ${n}, "msg": {"ratio": 1.0}, "topic": "org.test.git.push"}`),
    error: `Error: no ${n}\n    at consume (builds.ts:7)`,
    attempts: 5,
    failedAtMs: Date.parse("2026-11-21T10:00:00Z") + n * 1000,
    ...changes,
  };
}

/** A folder with the file of a consumer `builds`, which has letters 1 to 3, and that of another, which has one. */
async function consumers() {
  const folder = tempDir();
  for (const [name, count] of [
    ["builds", 3],
    ["mails", 1],
  ] as const) {
    const box = await openDeadLetters(join(folder, `${name}.db`), { create: true });
    for (let n = 1; n <= count; n++) await box.add(letterOf(n));
    await box.close();
  }
  const config = { cursor_store: `sqlite:${folder}/{name}.db` };
  const letters = (...args: string[]) => run("fedmsg", ["dead-letters", ...args], { config });
  return { folder, letters, builds: join(folder, "builds.db") };
}

async function inBox<T>(file: string, work: (box: Awaited<ReturnType<typeof openDeadLetters>>) => T): Promise<T> {
  const box = await openDeadLetters(file);
  try {
    return work(box);
  } finally {
    await box.close();
  }
}

/** What a command says where its command line makes no sense, as for flags that there are not: no line of a log. */
function usage(command: string, what: RegExp): RegExp {
  const name = `fedmsg dead-letters ${command}`;
  return new RegExp(`^${name}: error: ${what.source}\\n\\n\\(${name} --help lists what there is\\)\\n$`);
}

describe("fedmsg dead-letters list", () => {
  test("lists what all consumers failed on, a line for each", async () => {
    const { letters, folder } = await consumers();
    await (await openCursors(join(folder, "content.db"))).close();
    const { code, stdout, stderr } = await letters("list");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^ +id {2}consumer {2}when +tries {2}topic +error$/);
    expect(lines[1]).toMatch(/^ +1 {2}builds +2026-11-21T10:00:01Z +5 {2}org\.test\.git\.push +Error: no 1$/);
    expect(lines.slice(1).map((line) => line.trim().split(/ +/).slice(0, 2))).toEqual([
      ["1", "builds"],
      ["2", "builds"],
      ["3", "builds"],
      ["1", "mails"],
      [""],
    ]);
  });

  test("as JSON, and of one consumer", async () => {
    const { letters } = await consumers();
    const { code, stdout } = await letters("list", "--consumer", "mails", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      id: 1,
      consumer: "mails",
      time: "2026-11-21T10:00:01Z",
      attempts: 5,
      topic: "org.test.git.push",
      msg_id: "2026-1",
      asked: false,
      error: "Error: no 1\n    at consume (builds.ts:7)",
    });
  });

  test("a message cannot write lines or move the cursor of a terminal", async () => {
    const { letters, folder } = await consumers();
    const box = await openDeadLetters(join(folder, "mails.db"));
    await box.add(letterOf(9, { topic: "a\nb\u001b[2J", error: "\u001b]0;x\u0007\u202eboom" }));
    await box.close();
    for (const args of [["list"], ["list", "--json"], ["show", "mails", "2"]]) {
      const { stdout } = await letters(...args);
      expect(stdout).not.toMatch(/[\x1b\x07\u202e]/);
      expect(stdout).not.toMatch(/^b/m);
    }
  });

  test("says that there are none; a file that is damaged is named, and does not hide the others", async () => {
    const { letters, folder } = await consumers();
    expect(await letters("drop", "mails", "--all", "--yes")).toMatchObject({ code: 0, stdout: "1 letter deleted\n" });
    expect(await letters("list", "--consumer", "mails")).toMatchObject({ code: 0, stdout: "no dead letters\n" });
    const { writeFileSync } = await import("node:fs");
    writeFileSync(join(folder, "bad.db"), "no database, but long enough to be taken for one. ".repeat(200));
    const { code, stdout, stderr } = await letters("list");
    expect(code).toBe(1);
    expect(stderr).toMatch(/bad\.db: .*no SQLite database/);
    expect(stdout.split("\n")).toHaveLength(5);
  });
});

describe("fedmsg dead-letters show", () => {
  test("prints everything about one, the message in readable form", async () => {
    const { letters } = await consumers();
    const { code, stdout } = await letters("show", "builds", "2");
    expect(code).toBe(0);
    expect(stdout).toContain("consumer  builds\nid        2\ntopic     org.test.git.push\nmsg_id    2026-2\n");
    expect(stdout).toContain("from      relay tcp://127.0.0.1:4001\ntrust     unsigned\nattempts  5\n");
    expect(stdout).toContain("error\n  Error: no 2\n      at consume (builds.ts:7)\nmessage\n  {\n");
    expect(stdout).toContain('"ratio": 1.0');
  });

  test("--raw prints the exact bytes", async () => {
    const { letters } = await consumers();
    const { stdout } = await letters("show", "builds", "3", "--raw");
    expect(stdout).toBe('{"i": 3, "msg": {"ratio": 1.0}, "topic": "org.test.git.push"}');
  });

  test.each([
    [["show", "builds", "9"], 1, /builds has no dead letter 9/],
    [["show", "builds", "x"], 2, usage("show", /"x" is no letter's id: .*/)],
    [["show", "biulds", "1"], 1, /biulds\.db: there is no such file, .* did you mean builds\?/],
    [["show", "../x", "1"], 1, /expected up to 100 letters, digits/],
    [["retry", "builds"], 2, usage("retry", /say which: the ids of letters, or --all/)],
    [["retry", "builds", "1", "--all"], 2, usage("retry", /say which: .*/)],
    [["drop", "builds", "one"], 2, usage("drop", /"one" is no letter's id: .*/)],
    [["drop", "builds", "--all"], 2, usage("drop", /.*--all --yes to do so/)],
    [["list", "--consumer", "nobody"], 1, /there are builds, mails/],
  ])("%j is refused, with what to do", async (args, code, message) => {
    const { letters } = await consumers();
    expect(await letters(...args)).toMatchObject({ code, stderr: expect.stringMatching(message) });
  });
});

describe("fedmsg dead-letters retry and drop", () => {
  test("where nobody has the file open, the next who opens it finds what was asked for", async () => {
    const { letters, builds } = await consumers();
    expect(await letters("retry", "builds", "1", "3", "8")).toMatchObject({
      code: 1,
      stdout: "2 letters will be tried again\n",
      stderr: expect.stringMatching(/no dead letter 8/),
    });
    expect((await letters("list", "--consumer", "builds")).stdout).toMatch(/3 {2}builds .*\[to be tried again\] Error/);
    expect(await letters("drop", "builds", "1")).toMatchObject({ code: 0, stdout: "1 letter deleted\n" });
    expect(await inBox(builds, (box) => box.takeAsked(10).map(({ id }) => id))).toEqual([3]);
    expect(await letters("retry", "builds", "--all")).toMatchObject({
      code: 0,
      stdout: "2 letters will be tried again\n",
    });
  });

  test("while a consumer has its cursors and its letters open, it finds them as well", async () => {
    const { letters, builds } = await consumers();
    const store = await openCursors(builds);
    const box = await openDeadLetters(builds);
    await store.handle("12345678", (transaction) => addDeadLetter(transaction, letterOf(4)));
    expect(await letters("retry", "builds", "--all")).toMatchObject({ code: 0 });
    expect(await letters("drop", "builds", "2")).toMatchObject({ code: 0 });
    expect(box.takeAsked(10).map(({ id }) => id)).toEqual([1, 3, 4]);
    await store.handle("12345679", (transaction) => addDeadLetter(transaction, letterOf(5)));
    expect(box.count()).toBe(4);
    await box.close();
    await store.close();
  });
});
