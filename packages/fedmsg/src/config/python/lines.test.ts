/** Where the members of a file are said to stand. */

import { expect, test } from "vitest";
import type { Lines } from "../origin.ts";
import { readPython } from "./index.ts";

async function linesOf(source: string): Promise<Record<string, number>> {
  const { lines } = await readPython("x.py", source, { env: {}, cwd: "/", home: "/", hostname: "app01" });
  const found: Record<string, number> = {};
  const walk = (at: Lines, path: string) => {
    for (const [name, below] of at.members ?? []) {
      found[`${path}${name}`] = below.line;
      walk(below, `${path}${name}.`);
    }
  };
  walk(lines!, "");
  return found;
}

test("a member stands on the line of its key", async () => {
  const source = `import os
config = dict(
    active=True,
    endpoints={
        "bodhi.app01": [
            "tcp://app01:3000",
            "tcp://app01:3001"],
    },
    name=
        "x",
)
config["later"] = {"a":
  1}
`;
  expect(await linesOf(source)).toEqual({
    active: 3,
    endpoints: 4,
    "endpoints.bodhi.app01": 5,
    "endpoints.bodhi.app01.0": 6,
    "endpoints.bodhi.app01.1": 7,
    name: 9,
    later: 12,
    "later.a": 12,
  });
});

test("what comes from another place stands where its value, keyword or key was written", async () => {
  const source = `base = {
  "a": 1,
  "b": [
    1, 2,
  ],
}
config = dict(base,
  c=3)
config.update(
  d=4)
config["b"].append(
  5)
config["b"] += [
  6]
config.setdefault(
  "e", {})
for i in range(2):
  config["f%d" % i] = i
config["g"] = [
  i
  for i in range(2)
]
config.update(a=
  7)
`;
  expect(await linesOf(source)).toEqual({
    a: 23,
    b: 3,
    "b.0": 4,
    "b.1": 4,
    "b.2": 12,
    "b.3": 14,
    c: 8,
    d: 10,
    e: 16,
    f0: 18,
    f1: 18,
    g: 19,
    "g.0": 20,
    "g.1": 20,
  });
});

test("line ends of Windows and a mark at the start count as elsewhere", async () => {
  expect(await linesOf('\ufeff# one\r\nconfig = {\r\n"a": """x\r\ny""",\r\n"b": 1}')).toEqual({ a: 3, b: 5 });
});
