import { expect, test } from "vitest";
import { QueryBudget } from "./budget.ts";

test("a burst, then so many a second, each host for itself", () => {
  const budget = new QueryBudget(10, 3);
  const taken = (host: string, now: number) => Array.from({ length: 5 }, () => budget.take(host, now)).filter(Boolean);
  expect(taken("a", 0)).toHaveLength(3);
  expect(taken("b", 0)).toHaveLength(3);
  expect(taken("a", 100)).toHaveLength(1);
  expect(taken("a", 150)).toHaveLength(0);
  expect(taken("a", 350)).toHaveLength(2);
  expect(taken("a", 1e9)).toHaveLength(3);
});

test("hosts without number cost no more than some memory", () => {
  const budget = new QueryBudget(1, 1);
  for (let n = 0; n < 20_000; n++) budget.take(`host ${n}`, 0);
  expect(budget.take("host 19999", 0)).toBe(false);
  expect(budget.take("host 0", 0)).toBe(true); // It was forgotten.
});
