import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Entry } from "./entry.ts";
import { compileTemplate, type Style } from "./formatter.ts";
import { strftime } from "./strftime.ts";

const before = process.env.TZ;
beforeAll(() => {
  process.env.TZ = "Asia/Kolkata"; // The offset has minutes, and no daylight saving time.
});
afterAll(() => {
  if (before === undefined) delete process.env.TZ;
  else process.env.TZ = before;
});

const entry: Entry = {
  time: new Date("2026-03-09T18:40:05.042Z"),
  level: "warn",
  name: "fedmsg.relay",
  message: "one\ntwo\x1b[2J",
};

function format(text: string, style: Style = "%", datefmt = "") {
  return compileTemplate({ format: text, style, datefmt }).format(entry);
}

// What Python prints for the same record, but for the escapes.
test.each<[Style, string, string]>([
  [
    "%",
    "[%(asctime)s][%(name)10s %(levelname)7s] %(message)s",
    "[2026-03-10 00:10:05,042][fedmsg.relay WARNING] one\\ntwo\\x1b[2J",
  ],
  ["%", "%(levelname)-9s|%(levelname)9s|%(levelname).4s|", "WARNING  |  WARNING|WARN|"],
  ["%", "%(levelno)d %(levelno)05d %(levelno)-5d| %(levelno)s %(levelno)5s", "30 00030 30   | 30    30"],
  ["%", "%(msecs)03d %(created)f %(created).1f %(created)d", "042 1773081605.042000 1773081605.0 1773081605"],
  ["%", "100%% %(name)s %%(name)s", "100% fedmsg.relay %(name)s"],
  ["%", "%(lineno)d %(constructor)s %(name)d %s %", "%(lineno)d %(constructor)s %(name)d %s %"],
  [
    "{",
    "{asctime} {levelname:9}|{levelname:>9}|{levelname:^9}|{levelno:5}|{levelno:05d}",
    "2026-03-10 00:10:05,042 WARNING  |  WARNING| WARNING |   30|00030",
  ],
  ["{", "{{name}} {name} {lineno} %(name)s", "{name} fedmsg.relay {lineno} %(name)s"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is Python's syntax
  ["$", "$$ $name ${levelname}x $nothing $levelnamex", "$ fedmsg.relay WARNINGx $nothing $levelnamex"],
])("style %s: %j", (style, text, expected) => {
  expect(format(text, style)).toBe(expected);
});

test("the process is ours, and what cannot be filled is named", () => {
  expect(format("%(process)d")).toBe(String(process.pid));
  const { unknown } = compileTemplate({ format: "%(a)s %(name)s %(message)d %%", style: "%", datefmt: "" });
  expect(unknown).toEqual(["%(a)s", "%(message)d"]);
});

describe("strftime", () => {
  test.each([
    ["%Y-%m-%d %H:%M:%S", "2026-03-10 00:10:05"],
    ["%d/%b/%y %I:%M %p", "10/Mar/26 12:10 AM"],
    ["%A, %e %B; %a %j", "Tuesday, 10 March; Tue 069"],
    ["%FT%T.%f%z", "2026-03-10T00:10:05.042000+0530"],
    ["%% %Q %", "% %Q %"],
  ])("%s", (text, expected) => {
    expect(strftime(text, entry.time)).toBe(expected);
  });

  test("%Z is a name of the zone", () => {
    expect(strftime("%Z", entry.time)).toMatch(/^(IST|GMT\+5:30)$/);
  });
});
