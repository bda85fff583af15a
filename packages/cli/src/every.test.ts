import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { every } from "./every.ts";

let lateMs = 0;
beforeEach(() => {
  lateMs = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const start = Date.now();
  vi.spyOn(performance, "now").mockImplementation(() => Date.now() - start + lateMs);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** The times of calls at every 100 ms, each of which comes later than it should by so many ms. */
function timesOf(...late: readonly number[]): readonly number[] {
  const times: number[] = [];
  const stop = every(100, () => times.push(performance.now()));
  for (const ms of late) {
    lateMs += ms;
    vi.advanceTimersToNextTimer();
  }
  stop();
  expect(vi.getTimerCount()).toBe(0);
  return times;
}

test("a late call does not make later ones late", () => {
  expect(timesOf(0, 30, 0, 99, 0)).toEqual([100, 230, 300, 499, 500]);
});

test("what was missed is not made up for", () => {
  expect(timesOf(0, 250, 0)).toEqual([100, 450, 500]);
});

test("a timer that is early does not call twice", () => {
  expect(timesOf(0, -1, 0)).toEqual([100, 199, 300]);
});
