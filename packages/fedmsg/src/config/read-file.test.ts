import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processorMs } from "@fedmsg/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { depthMax, type Mapping } from "./data.ts";
import { fileBytesMax, readConfigFile } from "./read-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmsg-read-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function read(name: string, content: string | Uint8Array) {
  await writeFile(join(folder, name), content);
  return readConfigFile(join(folder, name), { env: {}, cwd: folder, home: folder, hostname: "h" });
}

/** The message of the error, which must be FEDMSG_CONFIG_UNREADABLE, without the folder. */
async function refusal(name: string, content: string | Uint8Array): Promise<string> {
  const error = await read(name, content).then(
    () => expect.unreachable("the file was read"),
    (error: unknown) => error,
  );
  expect(error).toMatchObject({ code: "FEDMSG_CONFIG_UNREADABLE" });
  return (error as Error).message.replace(`${folder}/`, "");
}

describe("a configuration file", () => {
  test.each(["a.yaml", "a.yml", "a.json"])("%s may be empty", async (name) => {
    expect((await read(name, "")).value).toEqual({});
  });

  test.each([
    ["a.yaml", "config:\n  name: x\n"],
    ["a.json", '{"config": {"name": "x"}}'],
  ])("%s may hold its mapping under the key config", async (name, text) => {
    const { value, lines } = await read(name, text);
    expect(value).toEqual({ name: "x" });
    expect(lines?.members?.get("name")?.line).toBe(name === "a.yaml" ? 2 : 1);
  });

  test("may begin with a byte order mark", async () => {
    expect((await read("a.json", '\ufeff{"name": "x"}')).value).toEqual({ name: "x" });
    expect((await read("a.yaml", "\ufeffname: x")).value).toEqual({ name: "x" });
  });

  test("that is too long is refused", async () => {
    expect(await refusal("a.yaml", "#".repeat(fileBytesMax + 1))).toBe(`a.yaml: longer than ${fileBytesMax} bytes`);
    expect((await read("b.yaml", "#".repeat(fileBytesMax))).value).toEqual({});
  });

  test("that is not UTF-8 is refused", async () => {
    expect(await refusal("a.yaml", Buffer.from("name: \xe9", "latin1"))).toBe(
      "a.yaml: not UTF-8 text; save it in that encoding",
    );
  });
});

describe("a YAML file", () => {
  test("is read by the core schema, with keys as texts", async () => {
    const { value } = await read("a.yaml", "a: yes\nb: 2001-01-01\nc: 0o17\nd: ~\n9940: 1.5\n<<: {x: true}\n");
    expect(value).toEqual({ a: "yes", b: "2001-01-01", c: 15, d: null, 9940: 1.5, "<<": { x: true } });
  });

  test("knows the line of each key and item", async () => {
    const { lines } = await read("a.yaml", "# comment\na:\n  b:\n    - 1\n    - 2\n");
    const a = lines?.members?.get("a");
    expect(a?.line).toBe(2);
    expect(a?.members?.get("b")?.line).toBe(3);
    expect(a?.members?.get("b")?.members?.get(1)?.line).toBe(5);
  });

  test("may repeat a value by an alias", async () => {
    const { value } = await read("a.yaml", "a: &x [1]\nb: *x\nc: &x 2\nd: *x\n");
    expect(value).toEqual({ a: [1], b: [1], c: 2, d: 2 });
  });

  test.each([
    ["a: [1, 2\nb: 3\n", /^a\.yaml:2:\d+: /],
    ["a:\n\tb: 1\n", /^a\.yaml:2:1: Tabs/],
    ["a: 1\na: 2\n", /^a\.yaml:2:1: the key "a" stands on line 1 already$/],
    ["a: *b\n", /^a\.yaml:1:4: no value before this one is called &b$/],
    ["a: &a [*a]\n", /^a\.yaml:1:8: no value before/],
    ["a: 1\n---\nb: 2\n", /^a\.yaml:\d:1: a second document begins here/],
    ["a: !!python/object/apply:os.system [ls]\n", /^a\.yaml:1:4: Unresolved tag/],
    ["? [a]\n: 1\n", /^a\.yaml:1:3: .*keys must be strings/],
  ])("%j is refused with line and column", async (text, message) => {
    expect(await refusal("a.yaml", text)).toMatch(message);
  });

  test("whose aliases grow without measure is refused at once", async () => {
    const letters = [..."abcdefghi"];
    const bomb = letters.map(
      (letter, n) => `${letter}: &${letter} [${Array(10).fill(n ? `*${letters[n - 1]}` : "x")}]`,
    );
    expect(await refusal("a.yaml", bomb.join("\n"))).toMatch(/^a\.yaml:6:\d+: more than 1000000 values/);
  });

  test("with a chain of aliases is refused where it gets too deep", async () => {
    const chain = Array.from({ length: 100 }, (_, n) => `a${n}: &a${n} [${n ? `*a${n - 1}` : 1}]`);
    expect(await refusal("a.yaml", chain.join("\n"))).toMatch(/^a\.yaml:6\d:\d+: nested deeper than 64 levels$/);
  });

  test.each(["[", "{a: ", "- ", "? "])(
    "with %j a hundred thousand times is refused, not overflowed",
    async (opening) => {
      expect(await refusal("a.yaml", opening.repeat(100_000))).toBe("a.yaml:1:1: nested deeper than 64 levels");
    },
  );

  test("may be nested as deep as allowed, and no deeper", async () => {
    const nested = (depth: number) => `${"{a: ".repeat(depth)}1${"}".repeat(depth)}`;
    await read("a.yaml", nested(depthMax));
    expect(await refusal("a.yaml", nested(depthMax + 1))).toMatch("nested deeper than 64 levels");
    await read("a.json", nested(depthMax).replaceAll("a", '"a"'));
    expect(await refusal("a.json", nested(depthMax + 1).replaceAll("a", '"a"'))).toBe(
      "a.json: nested deeper than 64 levels",
    );
  });

  test("with thousands of keys and aliases is read in a moment", async () => {
    const text = Array.from({ length: 20_000 }, (_, n) => `k${n}: &a${n} v\nl${n}: *a${n}`).join("\n");
    const before = processorMs();
    expect(Object.keys((await read("a.yaml", text)).value as Mapping)).toHaveLength(40_000);
    expect(processorMs() - before).toBeLessThan(10_000);
  });
});

describe("a JSON file", () => {
  test("is read with its lines, tabs and repeated keys included", async () => {
    const { value, lines } = await read("a.json", '{\n\t"a": 1,\n\t"b": {\n\t\t"c": [1,\t2]},\n\t"a": 3\n}\n');
    expect(value).toEqual({ a: 3, b: { c: [1, 2] } });
    expect(lines?.members?.get("a")?.line).toBe(5);
    expect(lines?.members?.get("b")?.members?.get("c")?.line).toBe(4);
  });

  test.each([
    ['{"a": 1,\n "b": x}', "line 2, column 7"],
    ['{"a": 1,\n', "line 2, column 1"],
    ['{"a": 1}\n}', "line 2, column 1"],
    ["a: 1", "line 1, column 1"],
  ])("%j is refused with line and column", async (text, place) => {
    expect(await refusal("a.json", text)).toMatch(`a.json: not JSON: ${place}: `);
  });

  test("may not hold what only Python takes for JSON", async () => {
    expect(await refusal("a.json", '{"a": NaN}')).toMatch(/^a\.json: Unexpected token/);
  });
});

describe("a member called __proto__", () => {
  test.each([
    ["a.yaml", '__proto__: {polluted: 1}\na: {__proto__: {polluted: 1}, "constructor": {prototype: {polluted: 1}}}'],
    [
      "a.json",
      '{"__proto__": {"polluted": 1}, "a": {"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}}',
    ],
  ])("is left out of %s", async (name, text) => {
    const value = (await read(name, text)).value as Record<string, Mapping>;
    expect(Object.keys(value)).toEqual(["a"]);
    expect(Object.keys(value.a ?? {})).toEqual(["constructor"]);
    expect(value.polluted ?? value.a?.polluted ?? ({} as Mapping).polluted).toBeUndefined();
  });
});
