/** What a consumer missed, from where its status file says. */

import { collect, eventually, expectNoLeaks, take, testConfig } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { close, handleMissed, live, nowSeconds, placeWith } from "../../test/backlog-place.ts";
import { rowOf } from "../../test/history-server.ts";
import { openBacklog } from "./backlog.ts";
import type { Noted } from "./progress.ts";

expectNoLeaks();

describe("where it is not configured", () => {
  test.each([{ status_directory: "/var/run/x" }, { datagrepper_url: "http://127.0.0.1/raw" }, {}])(
    "%j",
    async (keys) => {
      const rest = { processName: "x", topics: [], onWarning: () => {}, signal: new AbortController().signal };
      expect(await openBacklog({ config: testConfig(keys), consumer: { name: "x" }, ...rest })).toBeUndefined();
    },
  );

  test.each(["ftp://x/raw", "x", "//x"])("%s is no URL of a history", async (datagrepper_url) => {
    await using place = await placeWith();
    await expect(place.open({ datagrepper_url })).rejects.toMatchObject({ code: "FEDMSG_CONFIG_INVALID" });
  });
});

describe("what was missed", () => {
  test("is nothing for a consumer without a past", async () => {
    await using place = await placeWith(1, 2);
    expect(await handleMissed(await place.open())).toEqual([]);
    expect(place.server.asked).toEqual([]);
  });

  test.each([
    ["an object", JSON.parse],
    ["a text", (text: string) => text],
  ] as const)("comes behind the message of a file that Python wrote, its body %s", async (_, body) => {
    await using place = await placeWith(1, 2, 3, 4);
    place.server.rows.push(rowOf(9, nowSeconds - 1, "org.test.prod.gil"), { ...rowOf(2, nowSeconds - 990), i: 2.5 });
    place.write("post", 2, nowSeconds - 998, body);
    const backlog = await place.open();
    expect(await handleMissed(backlog)).toEqual([3, 4]);
    expect(place.server.asked[0]).toMatchObject({ start: String(nowSeconds - 998), rows_per_page: "100", page: "1" });
    await close(backlog);
    expect(place.read()).toMatchObject({ message: { body: { i: 4 } }, status: "post", in_hand: 0 });
    expect(await handleMissed(await place.open())).toEqual([]);
  });

  test.each([
    ["pre", false, [2, 3, 4]],
    ["pre", true, [3, 4]],
    ["post", false, [3, 4]],
    ["post", true, [4]],
  ] as const)("%s, and skip_last_message %s", async (status, skip_last_message, numbers) => {
    await using place = await placeWith(1, 2, 3, 4);
    place.write(status, 2, nowSeconds - 998);
    expect(await handleMissed(await place.open({ skip_last_message }))).toEqual(numbers);
    expect(place.warnings.filter((text) => /passed over, as skip_last_message says/.test(text))).toHaveLength(
      skip_last_message ? 1 : 0,
    );
  });

  test("after a clean end nothing was being worked on, so skip_last_message passes over nothing", async () => {
    await using place = await placeWith(1, 2, 3);
    place.write("post", 1, nowSeconds - 999);
    const backlog = await place.open();
    for await (const missed of backlog.missed()) {
      backlog.done(missed);
      break;
    }
    await close(backlog);
    expect(await handleMissed(await place.open({ skip_last_message: true }))).toEqual([3]);
  });

  test("of the same second is not handled twice, and what was in hand is handled again", async () => {
    await using place = await placeWith();
    const at = nowSeconds - 100;
    place.server.rows.push(...[1, 2, 3, 4, 5].map((n) => rowOf(n, at)));
    place.write("post", 1, at);
    const backlog = await place.open();
    const [a, b, c] = await collect(backlog.missed(), 3);
    backlog.done(a as Noted);
    backlog.done(c as Noted);
    await close(backlog);
    expect(place.read()).toMatchObject({ message: { body: { i: 2 } }, in_hand: 1 });
    expect([b?.message.i, await handleMissed(await place.open())]).toEqual([3, [3, 5]]);
  });

  test("counts before what came live meanwhile: the file does not run ahead of it", async () => {
    await using place = await placeWith(1, 2, 3, 4);
    place.write("post", 1, nowSeconds - 999);
    const backlog = await place.open();
    const missed = backlog.missed();
    const first = await take(missed);
    const later = live(100);
    backlog.began(later);
    backlog.done(later);
    backlog.done(first);
    await close(backlog);
    expect(place.read()).toMatchObject({ message: { body: { i: 2 } }, status: "post", since: nowSeconds - 999 });
    place.server.rows.push(rowOf(100, nowSeconds));
    expect(await handleMissed(await place.open())).toEqual([3, 4]); // 100 was handled.
  });

  test("that came live first is not given once more", async () => {
    await using place = await placeWith(1, 2, 3);
    place.write("post", 1, nowSeconds - 999);
    const backlog = await place.open();
    backlog.began(live(3));
    expect(await handleMissed(backlog)).toEqual([2]);
  });

  test("goes on where the file is of a time to come", async () => {
    await using place = await placeWith(1, 2);
    place.write("post", 1, nowSeconds + 1e6);
    const backlog = await place.open();
    expect(await handleMissed(backlog)).toEqual([]);
    const message = live(3);
    backlog.began(message);
    backlog.done(message);
    await close(backlog);
    expect(place.read().since).toBeLessThanOrEqual(Date.now() / 1000);
  });

  test("is looked for a minute back, as clocks of publishers are late; what a message says of its time moves nothing", async () => {
    await using place = await placeWith();
    place.write("post", 0, nowSeconds - 500);
    const backlog = await place.open();
    expect(await handleMissed(backlog)).toEqual([]);
    const forged = [live(1, 1e12), live(2, "Thu"), live(3, Number.NaN), live(4, 0)];
    for (const message of forged) backlog.began(message);
    for (const message of forged) backlog.done(message);
    await close(backlog);
    const { since } = place.read();
    expect(since).toBeGreaterThanOrEqual(nowSeconds - 61);
    expect(since).toBeLessThanOrEqual(Date.now() / 1000 - 60);
    place.server.rows.push(rowOf(7, nowSeconds - 30), rowOf(4, nowSeconds - 30));
    expect(await handleMissed(await place.open())).toEqual([7]);
  });

  test("is asked for once more a while after the start, as history may be late", async () => {
    await using place = await placeWith(1, 2);
    place.write("post", 1, nowSeconds - 999);
    const backlog = await place.open({}, { fetching: { settleMs: 100 } });
    const missed = backlog.missed();
    expect((await take(missed)).message.i).toBe(2);
    place.server.rows.push(rowOf(3, nowSeconds));
    expect((await take(missed)).message.i).toBe(3);
    expect((await missed.next()).done).toBe(true);
  });

  test("waits for a service that fails, while live messages go on; the file stays where it was", async () => {
    await using place = await placeWith(1, 2);
    place.write("post", 1, nowSeconds - 999);
    for (let n = 0; n < 5; n++) place.server.misdeeds.push((_, response) => response.writeHead(500).end());
    const backlog = await place.open();
    const handling = handleMissed(backlog);
    const message = live(50);
    backlog.began(message);
    backlog.done(message);
    await eventually(() => place.warnings.length > 2, "warnings");
    expect(place.read().message.body.i).toBe(1);
    expect(await handling).toEqual([2]);
    await close(backlog);
    expect(place.read().message.body.i).toBe(50);
    expect(place.warnings).toHaveLength(5);
  });

  test("ends where the hub does, and is there the next time", async () => {
    await using place = await placeWith(1, 2);
    place.write("post", 1, nowSeconds - 999);
    place.server.misdeeds.push(() => ending.abort());
    const ending = new AbortController();
    const backlog = await place.open({}, { signal: ending.signal });
    expect(await handleMissed(backlog)).toEqual([]);
    await close(backlog);
    expect(await handleMissed(await place.open())).toEqual([2]);
  });
});
