/**
 * Hostile and broken files: whatever stands in one, reading it ends soon, throws nothing but a `FedmsgError`, and looks at
 * no environment variable that a configuration may not read. `FEDMSG_FUZZ_RUNS` asks for more runs.
 */

import { processorMs } from "@fedmsg/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FedmsgError } from "../../errors.ts";
import { readPython } from "./index.ts";

const runs = Number(process.env.FEDMSG_FUZZ_RUNS ?? 2000);

/** A file with most of what can be read, to be cut and mixed. */
const valid = `
import os, socket
from os.path import join
hostname = socket.gethostname().split(".")[0]
ports = [3000 + i for i in range(4) if i % 2 == 0 or not i > 2]
base = {"a": 1.5, 'b': (None, True), **{"c": [1, *ports]}}
text = "%s-%02d" % (hostname, 7) + "{0}:{x!r:>5}".format(1, x="y") + f"{hostname:>10}{ports[0]}"
config = dict(
    endpoints={"bodhi.%s" % hostname: ["tcp://%s:%i" % (hostname, port) for port in ports]},
    home=os.environ.get("HOME", "/"), path=join("/etc", "fedmsg"), secret=os.getenv("SECRET"),
)
for name, (low, high) in {"x": (1, 2)}.items():
    if low < high <= 3:
        config[name] = low
    else:
        continue
config.update(base, text=text)
config["endpoints"].setdefault("y", []).append("z")
del config["a"]
def f(x): return x
try:
    import json
except ImportError:
    json = None
ports += [1]; ports[0] = ports[-1]
`;

const tokens = valid.split(/(\W)/).filter((token) => token !== "");
const more = [
  "10**9",
  "*",
  "**",
  "9**9**9",
  "[",
  "]",
  "(",
  ")",
  "{",
  "}",
  "lambda",
  "while",
  "os.environ",
  "__class__",
];
const odd = [
  "__proto__",
  "constructor",
  "\\",
  '"""',
  "'",
  "\u0000",
  "\ud800",
  "😀",
  "\t",
  "\r",
  "0",
  "1e999",
  "range(10**12)",
];

const anyFile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc.array(fc.constantFrom(...tokens, ...more, ...odd), { maxLength: 120 }).map((soup) => soup.join("")),
  fc.array(fc.constantFrom(...tokens, ...more, ...odd), { maxLength: 60 }).map((soup) => `config = ${soup.join(" ")}`),
  fc.nat(valid.length).map((length) => valid.slice(0, length)),
  fc
    .array(fc.tuple(fc.nat(tokens.length), fc.nat(3), fc.constantFrom(...tokens, ...more, ...odd)), { maxLength: 8 })
    .map((changes) => {
      const changed = [...tokens];
      for (const [at, removed, added] of changes) changed.splice(at, removed, added);
      return changed.join("");
    }),
);

const allowed = /^(?:HOME|USER|LOGNAME|HOSTNAME|PWD|VIRTUAL_ENV|TMPDIR|LANG|XDG_.*|FEDMSG_.*)$/;

/** Reads a file, and gives the environment variables that were looked at. */
async function readWatched(source: string): Promise<Set<string>> {
  const seen = new Set<string>();
  const watch = (name: string | symbol) => seen.add(String(name));
  const env = new Proxy<NodeJS.ProcessEnv>(
    { HOME: "/home/me", SECRET: "not to be told" },
    {
      get: (target, name) => watch(name) && Reflect.get(target, name),
      has: (target, name) => watch(name) && Reflect.has(target, name),
      ownKeys: (target) => watch("all of them") && Reflect.ownKeys(target),
      getOwnPropertyDescriptor: (target, name) => watch(name) && Reflect.getOwnPropertyDescriptor(target, name),
    },
  );
  try {
    const { value } = await readPython("x.py", source, { env, cwd: "/work", home: "/home/me", hostname: "app01" });
    expect(JSON.stringify(value)).not.toContain("not to be told");
  } catch (error) {
    if (!(error instanceof FedmsgError))
      throw new Error(`not a FedmsgError: ${JSON.stringify(error)}`, { cause: error });
    expect(error.code).toBe("FEDMSG_CONFIG_UNREADABLE");
    expect(error.message).toMatch(/^x\.py:\d+:\d+: /);
    expect(error.message.split("\n").length).toBeLessThanOrEqual(21);
  }
  return seen;
}

test("the file that the others are made of can be read, but for its secret", async () => {
  await expect(
    readPython("x.py", valid.replace("SECRET", "USER"), { env: {}, cwd: "/", home: "/", hostname: "a" }),
  ).resolves.toBeTruthy();
});

test("any file is read or refused, and no secret with it", { timeout: 30_000 + runs * 20 }, async () => {
  await fc.assert(
    fc.asyncProperty(anyFile, async (source) => {
      const seen = await readWatched(source);
      expect([...seen].filter((name) => !allowed.test(name))).toEqual([]);
    }),
    { numRuns: runs },
  );
  expect(Object.prototype).toEqual({});
});

const mebi = 1024 * 1024;
const fill = (piece: string, length = 500_000) => piece.repeat(Math.floor(length / piece.length));

/** Files that would keep a reader busy, fill the memory or overflow the stack. */
const heavy: Record<string, string> = {
  "8 MiB of anything": fill("a b $ ", 8 * mebi),
  "8 MiB of lines": fill("x=1\n", 8 * mebi),
  "8 MiB of NUL": fill("\0", 8 * mebi),
  "opening brackets": fill("["),
  brackets: `config = ${"[".repeat(100_000)}${"]".repeat(100_000)}`,
  "a long sum": `config = {"a": ${"1+".repeat(100_000)}1}`,
  "a long chain": `config = a${".a".repeat(10_000)}`,
  "a long chain of items": `config = a${"[0]".repeat(10_000)}`,
  "a long chain of calls": `config = a${"()".repeat(10_000)}`,
  "nested f-strings": `config = {"a": ${'f"{'.repeat(5000)}1${'}"'.repeat(5000)}}`,
  replacements: `config = {"a": f"${"{1}".repeat(100_000)}"}`,
  not: `config = {"a": ${fill("not ")}1}`,
  minus: `config = {"a": ${fill("-")}1}`,
  and: `config = {"a": ${fill("1 and ")}1}`,
  comparisons: `config = {"a": ${"1<".repeat(100_000)}1}`,
  conditions: `config = {"a": ${"1 if 1 else ".repeat(30_000)}1}`,
  lambdas: `config = {"a": ${"lambda:".repeat(30_000)}1}`,
  "nested if": Array.from({ length: 900 }, (_, n) => `${" ".repeat(n)}if 1:\n`).join(""),
  elif: `if 0: pass\n${"elif 0: pass\n".repeat(30_000)}`,
  lines: `${fill("x=1\n", 490_000)}config={}`,
  "a long list": `config = {"a": [${fill("1,")}]}`,
  "a long dict": `config = {${Array.from({ length: 40_000 }, (_, n) => `"k${n}":1`).join(",")}}`,
  "bad keys": `config = {${Array.from({ length: 50_000 }, (_, n) => `${n}:1`).join(",")}}`,
  "unknown names": `config = [${fill("x,")}]`,
  "lambdas in a list": `config = {"a": [${"lambda: 1,".repeat(40_000)}]}`,
  quotes: fill('"'),
  "quotes with escapes": `x = ${fill("'\\")}`,
  backslashes: `config = {"a": "${fill("\\\\")}"}`,
  "texts side by side": `config = {"a": ${fill('"a" ')}}`,
  "a long number": `config = {"a": ${fill("9")}}`,
  "a long float": `config = {"a": 0.${fill("9")}}`,
  percent: `config = {"a": "${fill("%(")}" % {}}`,
  percents: `config = {"a": "${fill("%s")}" % (1,)}`,
  braces: `config = {"a": "${fill("{")}".format()}`,
  fields: `config = {"a": "${fill("{0")}".format(1)}`,
  spaces: `config = {"a": "${fill(" ")}x".strip().split()}\n${fill(" ", 10_000)}`,
  tabs: fill("\t"),
  comments: fill("#\n"),
  semicolons: fill(";"),
  imports: fill("import os\n"),
  commas: `config = [${fill(",")}]`,
  assignments: `${"x = ".repeat(100_000)}1`,
  targets: `${"x, ".repeat(100_000)} = 1`,
  dedents: Array.from({ length: 5000 }, (_, n) => `${" ".repeat(n % 90)}x\n`).join(""),
};

/** Few characters that ask for a lot. */
const greedy: readonly string[] = [
  'config = {"a": "a" * 10**9}',
  'config = {"a": [0] * 10**9}',
  'config = {"a": "" * 10**999, "b": [] * 10**999}',
  "config = {'a': 9**9**9}",
  "config = {'a': 1 << 10**10}",
  "config = {'a': list(range(10**12))}",
  "config = {'a': range(10**12)}",
  "config = {'a': sum(range(10**12))}",
  'config = {"a": "{:999999999}".format(1)}',
  'config = {"a": "{:.999999999f}".format(1.0)}',
  'config = {"a": "%999999999d" % 1}',
  'config = {"a": "%.999999999f" % 1}',
  'config = {"a": f"{1:>999999999}"}',
  'config = {"a": "a".zfill(10**9)}',
  'x = "a"\nfor i in range(100): x += x\nconfig = {"a": x}',
  "x = [1]\nfor i in range(100): x += x\nconfig = {'a': x}",
  "x = [1]\nfor i in x: x.append(1)\nconfig = {'a': x}",
  "x = ()\nfor i in range(100): x = (x, x)\nconfig = {'a': x}",
  "x = ()\nfor i in range(90): x = (x, x)\nconfig = {'a': x == x}",
  "x = ()\nfor i in range(90): x = (x, x)\ny = ()\nfor i in range(90): y = (y, y)\nconfig = {'a': x == y}",
  "x = ()\nfor i in range(90): x = (x, x)\nconfig = {'a': str(x)}",
  "x = ()\nfor i in range(90): x = (x, x)\nconfig = {x: 1}",
  "x = []\nfor i in range(100000): x = [x]\nconfig = {'a': x, 'b': x == [x], 'c': str(x)}",
  "x = []\nx.append(x)\nconfig = {'a': x == x, 'b': str(x)}",
  "x = {}\nx['x'] = x\nconfig = x",
  "config = {}\nfor a in range(10**5):\n  for b in range(10**5):\n    config = {}",
  "config = {'a': [a for a in range(10**4) for b in range(10**4)]}",
  "config = {'a': [0 for a in range(10**9) if 0]}",
  "x = list(range(10**5))\nfor i in range(10**5): y = x[:]\nconfig = {}",
  "x = list(range(10**5))\nfor i in range(10**5): x.pop(0)\nconfig = {}",
  "x = list(range(10**5))\nfor i in range(10**5): x.insert(0, 1)\nconfig = {}",
  "x = list(range(10**5))\nfor i in range(10**5): -1 in x\nconfig = {}",
  "x = 'a' * 10**6\nfor i in range(10**5): x.upper()\nconfig = {}",
  "x = 'a' * 10**6\nfor i in range(10**5): x.strip('a')\nconfig = {}",
  "x = 'a' * 10**6\nfor i in range(10**5): len(x)\nconfig = {}",
  "x = '😀' * 10**5\nfor i in range(10**5): x[5]\nconfig = {}",
  "x = 'a' * 10**6\nfor i in range(10**5): x == 'b'\nconfig = {}",
  "x = 'a' * 10**6\nfor i in range(10**5): '%s' % x\nconfig = {}",
  "x = 'a' * 10**6\nconfig = {'a': [x] * 10**5}",
  "x = 'a' * 10**6\nconfig = {'a': {x: 1}}",
  "x = 'a' * 10**6\nconfig = {'a': x.replace('', x)}",
  "x = 'a' * 10**6\nconfig = {'a': x.join(x)}",
  "x = 'a' * 1000\nfor i in range(10**5): x.replace('a', 'bb')\nconfig = {}",
  "x = list(range(10**5))\nfor i in range(10**5): x.remove(x[0])\nconfig = {}",
  "for i in range(10**5): x\nconfig = {}",
  "import os\nfor i in range(10**5): os = os.x\nconfig = {'a': os}",
  `for i in range(10**5):\n if x:\n${"  y = 1\n".repeat(10_000)}config = {}`,
  `if x:\n${"  y = 1\n".repeat(60_000)}config = {}`,
  `config = {${"x: y,".repeat(90_000)}}`,
  `${"a = {x: y}\nb = {y: a}\n".repeat(10_000)}config = {a: b}`,
  "import os\nx = 'a/' * 10**5\nfor i in range(10**5): os.path.normpath(x)\nconfig = {}",
  "import os\nx = '..\\n' * 10**5\nfor i in range(10**5): os.path.splitext(x)\nconfig = {}",
];

describe("a file that asks for too much is refused, or read, within seconds", () => {
  test.each(Object.entries(heavy))("%s", async (_, source) => {
    const started = processorMs();
    await readWatched(source);
    expect(processorMs() - started).toBeLessThan(10_000);
  });

  const labelled = greedy.map((source, n) => [`${n}: ${source.slice(0, 60).replaceAll("\n", "; ")}`, source] as const);
  test.each(labelled)("%s", async (_, source) => {
    const started = processorMs();
    await readWatched(source);
    expect(processorMs() - started).toBeLessThan(10_000);
  });
});
