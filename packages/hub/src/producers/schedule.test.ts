import { codeOf } from "@fedmsg/testkit";
import { defineProducer } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { createSchedule } from "./schedule.ts";

const poll = () => {};

test("an interval does not drift, and what was missed is left out", async () => {
  const schedule = await createSchedule(defineProducer({ name: "p", every: 0.1, poll }), 1000);
  expect([1000, 1001, 1099, 1100, 1455].map((ms) => schedule.next(ms))).toEqual([1100, 1100, 1100, 1200, 1500]);
});

test("cron says when, in local time, with seconds or without", async () => {
  const at = (text: string) => new Date(`2026-11-21T${text}`).getTime();
  const daily = await createSchedule(defineProducer({ name: "p", cron: "30 3 * * *", poll }), 0);
  expect(daily.next(at("03:29:59"))).toBe(at("03:30:00"));
  expect(daily.next(at("03:30:00"))).toBe(at("03:30:00") + 24 * 3_600_000);
  const often = await createSchedule(defineProducer({ name: "p", cron: "*/10 * * * * *", poll }), 0);
  expect(often.next(at("03:30:01"))).toBe(at("03:30:10"));
  expect(often.next(at("03:30:10.500"))).toBe(at("03:30:20"));
  const never = await createSchedule(defineProducer({ name: "p", cron: "0 0 30 2 *", poll }), 0);
  expect(never.next(at("00:00:00"))).toBeUndefined();
});

test.each(["", "* * *", "61 * * * *", "2026-11-21T00:00:00", "x".repeat(1000)])(
  "%j is no cron expression",
  async (cron) => {
    expect(await codeOf(createSchedule(defineProducer({ name: "p", cron, poll }), 0))).toBe("FEDMSG_CONFIG_INVALID");
  },
);
