import { expect, test } from "vitest";
import { Tally } from "./tally.ts";

test("times are given once, the newest 1024 of them, the oldest first", () => {
  const tally = new Tally();
  expect(tally.takeTimes()).toEqual([]);
  for (let n = 0; n < 3; n++) tally.took(n);
  expect(tally.takeTimes()).toEqual([0, 1, 2]);
  for (let n = 0; n < 3000; n++) tally.took(n);
  expect(tally.takeTimes()).toEqual(Array.from({ length: 1024 }, (_, n) => 1976 + n));
  expect(tally.takeTimes()).toEqual([]);
  expect(tally.busySeconds).toBe(3 + (2999 * 3000) / 2);
});
