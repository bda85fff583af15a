import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { KeySet } from "./key-set.ts";

const keys = (count: number) => Array.from({ length: count }, () => randomBytes(8).toString("latin1"));

test("holds what was added, and nothing else", () => {
  const set = new KeySet(64);
  const added = keys(10_000);
  for (const key of added) set.add(key);
  expect(set.size).toBe(10_000);
  expect(added.every((key) => set.has(key))).toBe(true);
  expect(keys(10_000).some((key) => set.has(key))).toBe(false);
});

test("tells keys apart that differ in one bit", () => {
  const set = new KeySet();
  const [key = ""] = keys(1);
  set.add(key);
  for (let bit = 0; bit < 64; bit++) {
    const other = Buffer.from(key, "latin1");
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(set.has(other.toString("latin1"))).toBe(false);
  }
});

test("drops the oldest, in whole blocks", () => {
  const set = new KeySet(64);
  const added = keys(200);
  for (const key of added) set.add(key);
  expect(set.dropOldest(63)).toBe(0);
  expect(set.dropOldest(150)).toBe(128);
  expect(set.size).toBe(72);
  expect(added.slice(0, 128).some((key) => set.has(key))).toBe(false);
  expect(added.slice(128).every((key) => set.has(key))).toBe(true);
});

test("holds the newest while keys come and the oldest go, however many there were", () => {
  const set = new KeySet(64);
  const added: string[] = [];
  for (let round = 0; round < 40; round++) {
    for (const key of keys(500)) {
      added.push(key);
      set.add(key);
    }
    set.dropOldest(set.size - 2000);
    const gone = added.length - set.size;
    expect(added.slice(gone).every((key) => set.has(key))).toBe(true);
    expect(added.slice(0, gone).some((key) => set.has(key))).toBe(false);
  }
  expect(set.size).toBeLessThanOrEqual(2063);
});
