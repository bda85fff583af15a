import { eventually } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { Pauses, pauseMs, retryPolicy } from "./retries.ts";

test("a pause is a random part of one that doubles each time, up to the longest", () => {
  const policy = retryPolicy({ firstMs: 100, mostMs: 1000 });
  const pauses = (random: number) => [1, 2, 3, 4, 5, 2000].map((attempt) => pauseMs(attempt, policy, () => random));
  expect(pauses(1)).toEqual([100, 200, 400, 800, 1000, 1000]);
  expect(pauses(0.5)).toEqual([50, 100, 200, 400, 500, 500]);
  expect(pauses(0)).toEqual([0, 0, 0, 0, 0, 0]);
});

test("what a definition leaves out has its default", () => {
  expect(retryPolicy()).toEqual({ attempts: 5, firstMs: 200, mostMs: 30_000 });
  expect(retryPolicy({ attempts: 1 })).toEqual({ attempts: 1, firstMs: 200, mostMs: 30_000 });
});

test("pauses that were ended say so, and no other does", async () => {
  const over: string[] = [];
  const pauses = new Pauses<string>((item) => void over.push(item));
  pauses.add("short", 1);
  await eventually(() => over.length === 1, "the short pause");
  pauses.add("long", 1_000_000);
  expect(pauses.clear()).toEqual(["long"]);
  expect(over).toEqual(["short"]);
});
