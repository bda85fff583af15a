import { expect, test } from "vitest";
import { knownAs } from "./known-keys.ts";

test("a relay knows a message by its key and by so much of its body's hash that nobody finds another body for it", () => {
  const key = Buffer.from("01234567");
  const known = knownAs({ key, body: Buffer.from("one") });
  expect(known.length).toBeGreaterThanOrEqual(key.byteLength + 128 / 8);
  expect(known).toBe(knownAs({ key, body: Buffer.from("one") }));
  for (const [otherKey, otherBody] of [
    ["01234568", "one"],
    ["01234567", "another"],
  ] as const) {
    expect(knownAs({ key: Buffer.from(otherKey), body: Buffer.from(otherBody) })).not.toBe(known);
  }
});
