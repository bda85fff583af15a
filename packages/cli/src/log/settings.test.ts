import { expect, test } from "vitest";
import { parseLevel } from "./levels.ts";
import { type Members, resolveLogger } from "./settings.ts";

function resolve(logging: Members) {
  const warnings: string[] = [];
  return { ...resolveLogger("fedmsg.relay", logging, (text) => warnings.push(text)), warnings };
}

test("the nearest level counts, and the handlers of all loggers above", () => {
  const loggers = {
    "fedmsg.relay": { handlers: ["relay"] },
    "fedmsg.tail": { level: "DEBUG", handlers: ["tail"] },
    fedmsg: { level: "ERROR", handlers: ["fedmsg"] },
  };
  const root = { level: "INFO", handlers: ["root"] };
  expect(resolve({ loggers, root })).toEqual({ level: 40, handlers: ["relay", "fedmsg", "root"], warnings: [] });
  expect(resolve({ loggers: { ...loggers, "fedmsg.relay": { level: "NOTSET" } } }).level).toBe(40);
});

test("propagate: false is where handlers end, but not where the level ends", () => {
  for (const propagate of [false, 0, "False"]) {
    const loggers = { fedmsg: { propagate, handlers: ["fedmsg"] } };
    const root = { level: 10, handlers: ["root"] };
    expect(resolve({ loggers, root })).toEqual({ level: 10, handlers: ["fedmsg"], warnings: [] });
  }
});

test("where nothing is said, warnings count", () => {
  expect(resolve({})).toEqual({ level: 30, handlers: [], warnings: [] });
});

test("what is wrong is named, and counts as if it were not there", () => {
  const loggers = { "fedmsg.relay": 7, fedmsg: { level: "LOUD", handlers: { a: 1 } } };
  expect(resolve({ loggers, root: { level: "ERROR" } })).toEqual({
    level: 40,
    handlers: [],
    warnings: [
      'logging.loggers["fedmsg.relay"]: found 7; wanted a mapping',
      expect.stringMatching(/^logging\.loggers\["fedmsg"\]\.level: found 'LOUD'; wanted DEBUG/),
      'logging.loggers["fedmsg"].handlers: found { a: 1 }; wanted a list of names of handlers',
    ],
  });
});

test.each([
  ["debug", 10],
  ["Info", 20],
  ["WARN", 30],
  ["warning", 30],
  ["ERROR", 40],
  ["FATAL", 50],
  ["critical", 50],
  ["NOTSET", 0],
  [15, 15],
  ["15", 15],
  ["constructor", undefined],
  [-1, undefined],
  [true, undefined],
  [null, undefined],
])("the level %j is %j", (given, level) => {
  expect(parseLevel(given)).toBe(level);
});
