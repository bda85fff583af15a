/** Where a subscriber goes on, whatever became of the journal. */

import { expect, test } from "vitest";
import { resume } from "./resume.ts";

const now = "0f8fad5b-d9cb-469f-a165-70867728950e";
const before = "1f8fad5b-d9cb-469f-a165-70867728950e";
const at = (position: number, journal = now) => ({ name: "me", journal, position });
const journal = (first: number, head: number, through?: number) => ({
  journal: now,
  first,
  head,
  through: head,
  earlier: through === undefined ? [] : [{ uuid: before, through }],
});

test("the same journal: behind the cursor", () => {
  expect(resume(at(5), journal(1, 9), 5)).toEqual({ position: 5, gaps: [] });
  expect(resume(at(9), journal(10, 9), 9)).toEqual({ position: 9, gaps: [] });
});

test("what was pruned meanwhile is a gap with both ends", () => {
  const { position, gaps } = resume(at(5), journal(8, 9), 5);
  expect(position).toBe(7);
  expect(gaps).toMatchObject([{ journal: now, from: 6, to: 7 }]);
});

test("a journal that ends before the cursor goes on behind its end", () => {
  const { position, gaps } = resume(at(9), journal(1, 5), 9);
  expect(position).toBe(5);
  expect(gaps).toMatchObject([{ from: 6, to: 9 }]);
});

test("an earlier UUID vouches for its positions, and what was behind is a gap", () => {
  expect(resume(at(3, before), journal(1, 9, 6), 3)).toMatchObject({
    position: 3,
    gaps: [{ journal: before, from: 7 }],
  });
  const { position, gaps } = resume(at(8, before), journal(1, 9, 6), 8);
  expect(position).toBe(6);
  expect(gaps).toMatchObject([{ journal: before, from: 7, to: 8 }]);
});

test("another journal begins at its first, and nobody knows how much is gone of the one before", () => {
  const { position, gaps } = resume(at(8, before), journal(3, 9), 8);
  expect(position).toBe(2);
  expect(gaps).toHaveLength(1);
  expect(gaps[0]).toMatchObject({ journal: before, from: 9 });
  expect(gaps[0]).not.toHaveProperty("to");
});
