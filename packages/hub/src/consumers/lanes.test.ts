import { expect, test } from "vitest";
import { Lanes } from "./lanes.ts";

function takeAll(lanes: Lanes<string>): string[] {
  const items: string[] = [];
  for (let item = lanes.next(); item !== undefined; item = lanes.next()) items.push(item);
  return items;
}

test("of a line one item is out at a time, in order; what has no line waits for nobody", () => {
  const lanes = new Lanes<string>();
  for (const item of ["a1", "a2", "b1", "a3"]) lanes.add(item, item[0]);
  lanes.add("x", undefined);
  lanes.add("y", undefined);
  expect(takeAll(lanes)).toEqual(["a1", "b1", "x", "y"]);
  expect(lanes.size).toBe(2);
  lanes.finished("b");
  expect(takeAll(lanes)).toEqual([]);
  lanes.finished("a");
  expect(takeAll(lanes)).toEqual(["a2"]);
  lanes.addAgain("a2");
  lanes.add("a4", "a");
  expect(takeAll(lanes)).toEqual(["a2"]);
  lanes.finished("a");
  expect(takeAll(lanes)).toEqual(["a3"]);
});
