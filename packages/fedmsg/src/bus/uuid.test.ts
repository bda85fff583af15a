import { expect, test } from "vitest";
import { createUuid } from "./uuid.ts";

test("makes UUIDs of version 4, none of them twice", () => {
  const made = Array.from({ length: 1000 }, createUuid);
  for (const uuid of made)
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(made).size).toBe(1000);
});
