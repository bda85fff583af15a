import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LoadModuleOptions, loadModule } from "./module.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmsg-module-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

function load(specifier: string, options: Partial<LoadModuleOptions> = {}) {
  return loadModule(specifier, { from: folder, ...options }) as Promise<Record<string, unknown>>;
}

/** The message of the error, which must be FEDMSG_MODULE, without the folder. */
async function refusal(specifier: string): Promise<string> {
  const error = await load(specifier).then(
    () => expect.unreachable("the module was loaded"),
    (error: unknown) => error,
  );
  expect(error).toMatchObject({ name: "FedmsgError", code: "FEDMSG_MODULE" });
  return (error as Error).message.replaceAll(folder, "FOLDER");
}

describe("a module is found", () => {
  test.each(["x.mjs", "x.cjs", "x.js", "sub/x.mjs"])("at the relative and at the absolute path of %s", async (name) => {
    const file = await write(name, name.endsWith(".mjs") ? "export default 7;" : "module.exports = 7;");
    expect((await load(`./${name}`)).default).toBe(7);
    expect((await load(file)).default).toBe(7);
  });

  test("above the folder it is asked for from", async () => {
    await write("x.mjs", "export default 7;");
    expect((await load("../x.mjs", { from: join(folder, "sub") })).default).toBe(7);
  });

  test("by the name of a package that is installed there or above, as it exports itself", async () => {
    await write("node_modules/@me/pack/package.json", '{"type":"module","exports":{".":"./a.js","./b":"./b.js"}}');
    await write("node_modules/@me/pack/a.js", "export default 'a';");
    await write("node_modules/@me/pack/b.js", "export default 'b';");
    expect((await load("@me/pack")).default).toBe("a");
    expect((await load("@me/pack/b", { from: join(folder, "deep/down") })).default).toBe("b");
    expect(await refusal("@me/pack/c")).toMatch(
      /^@me\/pack\/c: cannot be found from FOLDER: .*not defined by "exports"/,
    );
  });

  test("and run once, or again where that is asked for", async () => {
    const file = await write(
      "count.mjs",
      "globalThis.loadModuleRuns = (globalThis.loadModuleRuns ?? 0) + 1; export default globalThis.loadModuleRuns;",
    );
    expect([(await load("./count.mjs")).default, (await load(file)).default]).toEqual([1, 1]);
    expect((await load(file, { reload: true })).default).toBe(2);
    await writeFile(file, "export default 'changed';");
    expect((await load(file, { reload: true })).default).toBe("changed");
    expect((await load(file)).default).toBe(1);
  });
});

describe("a module in TypeScript", () => {
  test.each(["x.ts", "x.mts"])("runs as it is: %s", async (name) => {
    await write("package.json", '{"type":"module"}');
    await write("other.ts", "export const other: number = 7;");
    await write(
      name,
      "import { other } from './other.ts';\nexport default other satisfies number;\nexport type T = 1;",
    );
    expect((await load(`./${name}`)).default).toBe(7);
  });

  test("may have what must be compiled, and lie in node_modules", async () => {
    await write("enum.ts", "enum Level { Low = 3 }\nexport default Level.Low as number;");
    expect((await load("./enum.ts")).default).toBe(3);
    await write("node_modules/pack/package.json", '{"type":"module","exports":"./a.ts"}');
    await write("node_modules/pack/a.ts", "export default 4 as number;");
    expect((await load("pack")).default).toBe(4);
  });

  test("is read again where that is asked for", async () => {
    const file = await write("x.ts", "export default 1 as number;");
    expect((await load(file)).default).toBe(1);
    await writeFile(file, "export default 2 as number;");
    expect((await load(file, { reload: true })).default).toBe(2);
  });

  test("names the place of a syntax error", async () => {
    await write("x.ts", "const a: number = 1;\nexport default {;\n");
    expect(await refusal("./x.ts")).toMatch(/^\.\/x\.ts: does not load: .*x\.ts:2/s);
  });
});

describe("a module is refused that", () => {
  test("is not there, or is a folder", async () => {
    expect(await refusal("./no.mjs")).toBe("./no.mjs: there is no file FOLDER/no.mjs");
    await mkdir(join(folder, "sub"));
    expect(await refusal("./sub")).toBe("./sub: FOLDER/sub is no file; name the file that is meant");
    expect(await refusal("commands/x.js")).toMatch(
      /^commands\/x\.js: cannot be found from FOLDER: .*; a file's path begins with \.\/ or \/$/,
    );
  });

  // In which line, Node says and Vite does not: `packages/cli/test/own-commands.test.ts` has that.
  test("has a syntax error", async () => {
    await write("x.mjs", "export const a = 1;\nexport default {;\n");
    expect(await refusal("./x.mjs")).toMatch(/^\.\/x\.mjs: does not load: /);
  });

  test.each([
    ["throw new Error('boom');", "boom"],
    ["throw 'boom';", "boom"],
    ["await Promise.reject(new Error('later'));", "later"],
    ["import 'no-such-package';", "Cannot find package 'no-such-package' imported from FOLDER/x.mjs"],
  ])("fails while it runs: %s", async (text, why) => {
    await write("x.mjs", text);
    expect(await refusal("./x.mjs")).toBe(`./x.mjs: does not load: ${why}`);
  });

  test.each([
    "data:text/javascript,globalThis.loadModuleHostile=1",
    "http://127.0.0.1:9/x.js",
    "https://127.0.0.1:9/x.js",
    "node:fs",
    "fs",
    "fs/promises",
    "blob:nodedata:7",
  ])("is neither a file nor a package: %s", async (specifier) => {
    expect(await refusal(specifier)).toBe(`${specifier}: is neither a file nor a package; name one of them`);
    expect(globalThis).not.toHaveProperty("loadModuleHostile");
  });

  test.each(["", ".", "..", "#inside", "a\0b", "./a\0b", "%2e%2e/x"])("has no sensible name: %j", async (specifier) => {
    expect(await refusal(specifier)).toContain(`${specifier}: `);
  });
});
