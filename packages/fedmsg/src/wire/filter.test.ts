import { describe, expect, test } from "vitest";
import { FedmsgError } from "../errors.ts";
import { compileFilter, type MessageFilter } from "./filter.ts";

const topic = "org.example.prod.git.receive";
const body = Buffer.from('{"msg":{"name":"K\\u00f6ln \\"west\\"","raw":"Köln"}}');

describe("compileFilter", () => {
  test.each<[MessageFilter, boolean]>([
    [{}, true],
    [{ topics: [] }, true],
    [{ topics: ["org.example.*.git.#"] }, true],
    [{ topics: ["org.example.stg"] }, false],
    [{ not_topics: ["org.example.*.git.#"] }, false],
    [{ categories: ["build", "git"] }, true],
    [{ not_categories: ["git"] }, false],
    [{ contains: ["Köln"] }, true],
    [{ contains: ['Köln "west"'] }, true],
    [{ contains: ["köln"] }, false],
    [{ not_contains: ["west"] }, false],
    [{ categories: ["git"], not_contains: ["east"] }, true],
    [{ categories: ["git"], contains: ["east"] }, false],
  ])("%j: %s", (filter, selected) => {
    expect(compileFilter(filter)(topic, body)).toBe(selected);
  });

  test.each([
    [{ topic: ["a"] }, /filter\.topic: is no key of a filter; there are topics, not_topics/],
    [{ constructor: ["a"] }, /filter\.constructor: is no key/],
    [{ topics: "a" }, /filter\.topics: found "a", expected a list of texts/],
    [{ contains: [1] }, /filter\.contains: found \[1\], expected a list of texts/],
  ])("refuses %j", (filter, message) => {
    expect(() => compileFilter(filter as MessageFilter)).toThrow(FedmsgError);
    expect(() => compileFilter(filter as MessageFilter)).toThrow(message);
  });
});
