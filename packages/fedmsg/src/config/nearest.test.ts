import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const names = ["endpoints", "relay_inbound", "relay_outbound", "name", "irc"];

test.each([
  ["relay_inbond", "relay_inbound"],
  ["relay_outbuond", "relay_outbound"],
  ["endpoint", "endpoints"],
  ["Endpoints", "endpoints"],
  ["nmae", "name"],
  ["eman", undefined],
  ["nam", "name"],
  ["ic", "irc"],
  ["endpoints", "endpoints"],
  ["colour", undefined],
  ["", undefined],
  ["endpoints".repeat(100), undefined],
])("the name nearest to %j is %j", (word, expected) => {
  expect(nearest(word, names)).toBe(expected);
});

test("of equally near names the first is taken", () => {
  expect(nearest("ab", ["ax", "ay"])).toBe("ax");
});
