import { expect, test } from "vitest";
import { CategoryCounts } from "./category-counts.ts";

function countsOf(...categories: string[]) {
  const counts = new CategoryCounts();
  for (const category of categories) counts.add(`org.fedoraproject.dev.${category}.x`);
  return counts;
}

test("messages are counted by category, sorted, and from 0 again afterwards", () => {
  const counts = countsOf("git", "bodhi", "git");
  expect(counts.take()).toEqual([
    ["bodhi", 1],
    ["git", 2],
  ]);
  counts.add("org.fedoraproject.dev.git.x");
  expect(counts.take()).toEqual([
    ["bodhi", 0],
    ["git", 1],
  ]);
});

test("a category cannot end a line, or its place in it", () => {
  const names = countsOf("git 1:1\nPUTVAL a/b/c N:1", "a/b", "é\u2028", "x".repeat(1000), "").take();
  expect(names.map(([name]) => name)).toEqual(["_", "__", "a_b", "git_1_1_PUTVAL_a_b_c_N_1", "x".repeat(64)]);
});

test("beyond 1,000 categories the rest is counted together", () => {
  const counts = countsOf(...Array.from({ length: 1500 }, (_, n) => `c${n}`), "c7");
  const taken = new Map(counts.take());
  expect({ size: taken.size, other: taken.get("_other"), c7: taken.get("c7") }).toEqual({
    size: 1001,
    other: 500,
    c7: 2,
  });
});
