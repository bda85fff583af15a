import { expect, test } from "vitest";
import { countOf } from "./count-of.ts";

test("one is one, and everything else is many", () => {
  expect([0, 1, 2].map((n) => countOf(n, "message"))).toEqual(["0 messages", "1 message", "2 messages"]);
  expect([1, 2].map((n) => countOf(n, "message is", "messages are"))).toEqual(["1 message is", "2 messages are"]);
});
