/** How far a consumer is, in a file. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { close, handleMissed, live, nowSeconds, placeWith } from "../../test/backlog-place.ts";
import type { Noted } from "./progress.ts";
import { statusPath } from "./status-file.ts";

expectNoLeaks();

describe("the status file", () => {
  test("names the newest message before which all are done, in Python's form", async () => {
    await using place = await placeWith();
    const backlog = await place.open();
    const [a, b, c] = [live(1), live(2), live(3)];
    backlog.began(a);
    await eventually(() => existsSync(place.path), "the file");
    expect(place.read()).toMatchObject({ message: { topic: a.topic, body: a.message }, status: "pre", in_hand: 1 });
    backlog.began(b);
    backlog.began(c);
    backlog.done(b);
    await eventually(() => place.read().in_hand === 2, "two in hand");
    expect(place.read()).toMatchObject({ message: { body: { i: 1 } }, status: "pre" });
    backlog.done(a);
    await eventually(() => place.read().in_hand === 1, "one in hand");
    expect(place.read()).toMatchObject({ message: { body: { i: 2 } }, status: "post" });
    backlog.done(c);
    backlog.done(c);
    await close(backlog);
    expect(place.read()).toMatchObject({ message: { body: { i: 3 } }, status: "post", in_hand: 0 });
    expect(statSync(place.path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(place.path))).toEqual(["builds"]);
  });

  test("keeps of a long message what it takes to go on", async () => {
    await using place = await placeWith();
    const backlog = await place.open();
    const { topic, message } = live(1);
    const body = Buffer.from(JSON.stringify({ ...message, msg: "x".repeat(1_000_000) }));
    const long = { topic, message, body };
    backlog.began(long);
    backlog.done(long);
    await close(backlog);
    expect(statSync(place.path).size).toBeLessThan(1000);
    expect(place.read().message.body).toEqual({ i: 1, msg_id: "2026-1", timestamp: nowSeconds, topic });
    expect(await handleMissed(await place.open())).toEqual([]);
  });

  test.each([
    "",
    "{",
    "7",
    '{"status": "post"}',
    '{"message": {"body": {}}, "status": "post"}',
    '{"message": {"body": {"timestamp": "Thu"}}, "status": "post"}',
    '{"message": {"body": {"timestamp": 1}}, "status": "done"}',
    '{"message": {"body": "{\\"timestamp\\": -1}"}, "status": "pre"}',
    `${"[".repeat(100_000)}`,
  ])("that makes no sense is told, kept aside, and written anew: %#", async (text) => {
    await using place = await placeWith(1, 2);
    mkdirSync(dirname(place.path), { recursive: true });
    writeFileSync(place.path, text);
    const backlog = await place.open();
    expect(await handleMissed(backlog)).toEqual([]);
    expect(place.warnings).toEqual([expect.stringMatching(/fedmsg-hub\/builds: .* kept as .*builds\.corrupt/)]);
    expect(readFileSync(`${place.path}.corrupt`, "utf8")).toBe(text);
    backlog.began(live(1));
    await close(backlog);
    expect(place.read().status).toBe("pre");
  });

  test("that cannot be written is told once, and written when it can be", async () => {
    await using place = await placeWith();
    const backlog = await place.open();
    rmSync(dirname(place.path), { recursive: true });
    writeFileSync(dirname(place.path), "in the way");
    backlog.began(live(1));
    await eventually(() => place.warnings.length > 0, "the warning");
    rmSync(dirname(place.path));
    mkdirSync(dirname(place.path));
    backlog.began(live(2));
    await close(backlog);
    expect(place.warnings).toEqual([expect.stringMatching(/builds: how far the consumer is cannot be written: .*/)]);
    expect(place.read().status).toBe("pre");
  });

  test("is never torn, and never falls behind for long, however fast messages are done", async () => {
    await using place = await placeWith();
    const backlog = await place.open();
    let n = 0;
    const reads: number[] = [];
    while (reads.length < 10) {
      for (let many = 0; many < 500; many++) {
        const message = live(++n);
        backlog.began(message);
        backlog.done(message);
      }
      await new Promise((resolve) => setImmediate(resolve));
      if (!existsSync(place.path)) continue;
      const { i } = place.read().message.body;
      if (i !== reads.at(-1)) reads.push(i);
    }
    expect(reads).toEqual([...reads].sort((a, b) => a - b));
    await close(backlog);
    expect(place.read().message.body.i).toBe(n);
  });

  test.each([
    ["fedmsg-hub", "builds", "/s/fedmsg-hub/builds"],
    ["../..", "../../etc/passwd", "/s/%2E.%2F../%2E.%2F..%2Fetc%2Fpasswd"],
    ["..", ".", "/s/%2E./%2E"],
    ["", "a\0b", "/s/%/a%00b"],
    ["a b", "ü\ud800", "/s/a%20b/%C3%BC%EF%BF%BD"],
  ])("stays in its folder, whatever the names: %j %j", (processName, consumer, path) => {
    expect(statusPath("/s", processName, consumer)).toBe(path);
  });

  test("of a long name has a short one of its own", () => {
    const [a, b] = ["a", "b"].map((end) => statusPath("/s", "x", `${"n".repeat(500)}${end}`));
    expect([a === b, (a as string).length < 200]).toEqual([false, true]);
  });
});

test("a folder that cannot be made is told, and the consumer goes on", async () => {
  await using place = await placeWith();
  const status_directory = join(place.folder, "file", "x");
  writeFileSync(join(place.folder, "file"), "");
  const backlog = await place.open({ status_directory });
  expect(await handleMissed(backlog)).toEqual([]);
  backlog.began(live(1));
  await close(backlog);
  expect(place.warnings.length).toBeGreaterThanOrEqual(1);
});

test("noting a message takes no time to speak of", async () => {
  await using place = await placeWith();
  const backlog = await place.open();
  const messages = Array.from({ length: 20_000 }, (_, n) => live(n));
  const from = performance.now();
  for (let n = 0; n < messages.length; n++) {
    backlog.began(messages[n] as Noted);
    if (n >= 100) backlog.done(messages[n - 100] as Noted);
  }
  const micros = ((performance.now() - from) * 1000) / messages.length;
  expect(micros).toBeLessThan(100); // Three on an idle machine.
});
