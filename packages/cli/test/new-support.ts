/** Projects in which `fedmsg new` writes something, and what holds for all that it writes. */

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { Program, root, run, tempDir } from "./support.ts";

/** What `fedmsg new` can write, and a name for it. */
export interface Sort {
  readonly kind: "command" | "consumer" | "producer";
  readonly name: string;
}

/** A folder in which `fedmsg` is installed. */
export function project(manifest?: object): string {
  const cwd = tempDir();
  symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"));
  if (manifest) writeFileSync(join(cwd, "package.json"), JSON.stringify(manifest));
  return cwd;
}

/** What a module is called, and its test, by what kind of project it is and the language. */
export function moduleFiles(name: string) {
  return [
    { manifest: undefined, flags: [], files: [`${name}.mjs`, `${name}.test.mjs`] },
    { manifest: { type: "module" }, flags: [], files: [`${name}.js`, `${name}.test.js`] },
    { manifest: {}, flags: ["--typescript"], files: [`${name}.mts`, `${name}.test.mjs`] },
    { manifest: { type: "module" }, flags: ["--typescript"], files: [`${name}.ts`, `${name}.test.js`] },
  ];
}

/** The indented lines of what it prints: what to type, and what to write where. */
export function shownBy(stdout: string): string[] {
  return stdout.split("\n").flatMap((line) => (line.startsWith("  ") ? [line.slice(2)] : []));
}

/** Writes one, runs its test, and lists it in the configuration, by doing what it says; `last` is what to type then. */
export async function follow(
  cwd: string,
  { kind, name }: Sort,
  {
    flags,
    files,
    last,
  }: { readonly flags: readonly string[]; readonly files: readonly string[]; readonly last: string },
): Promise<void> {
  const { code, stdout, stderr } = await run("fedmsg", ["new", kind, name, ...flags], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [file, testFile] = files;
  expect(stdout).toContain(`Wrote ${kind}s/${file} and ${kind}s/${testFile}.`);
  expect(stdout).toContain(`Write this into a new file fedmsg.d/${kind}s.yaml:`);
  const shown = shownBy(stdout);
  expect(shown).toEqual([`node --test ${kind}s/${testFile}`, `${kind}s:`, `  - ../${kind}s/${file}`, last]);
  await using tests = new Program(process.execPath, (shown[0] as string).split(" ").slice(1), { cwd });
  expect(await tests.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining("# pass 1\n"), stderr: "" });
  mkdirSync(join(cwd, "fedmsg.d"));
  writeFileSync(join(cwd, `fedmsg.d/${kind}s.yaml`), shown.slice(1, 3).join("\n"));
}

/** TypeScript has no complaint about these files of a folder. */
export async function expectTypesHold(cwd: string, files: readonly string[]): Promise<void> {
  const checks = { strict: true, allowJs: true, checkJs: true, skipLibCheck: true, noEmit: true };
  const compilerOptions = { module: "nodenext", target: "es2023", types: ["node"], ...checks };
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  await using tsc = new Program(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", cwd]);
  expect(await tsc.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
}

/** A file of the configuration, and what is printed where it is there. */
export interface Place {
  readonly file: string;
  readonly text: string;
  /** Where to write it. */
  readonly what: string;
  /** What to write. */
  readonly line: string;
}

/** What differs between sorts. */
export interface PlaceCasesOptions {
  /** Names that it does not take. */
  readonly refused: readonly string[];
  readonly places: readonly Place[];
}

/** Defines the tests of what is written nowhere, and of the place in the configuration that is named. */
export function placeCases({ kind, name }: Sort, { refused, places }: PlaceCasesOptions): void {
  test("overwrites nothing, and writes nothing where one of two files is there", async () => {
    const cwd = project();
    const [file, testFile] = [`${kind}s/${name}.mjs`, `${kind}s/${name}.test.mjs`];
    mkdirSync(join(cwd, `${kind}s`));
    writeFileSync(join(cwd, testFile), "mine");
    const { code, stderr } = await run("fedmsg", ["new", kind, name], { cwd });
    expect(code).toBe(1);
    expect(stderr).toBe(`fedmsg new ${kind}: ${testFile} is there already, and is not overwritten\n`);
    expect(existsSync(join(cwd, file))).toBe(false);
    expect(readFileSync(join(cwd, testFile), "utf8")).toBe("mine");
  });

  test.each(refused)("refuses the name %j", async (refusedName) => {
    const cwd = project();
    const { code, stderr } = await run("fedmsg", ["new", kind, refusedName], { cwd });
    expect({ code, stderr: stderr.includes(JSON.stringify(refusedName)) }).toEqual({ code: 1, stderr: true });
    expect(existsSync(join(cwd, `${kind}s`))).toBe(false);
  });

  test.each(places)("names the place in $file, $text", async ({ file, text, what, line }) => {
    const cwd = project();
    mkdirSync(dirname(join(cwd, file)), { recursive: true });
    writeFileSync(join(cwd, file), text);
    const { stdout } = await run("fedmsg", ["new", kind, name], { cwd });
    expect(stdout.replaceAll(cwd, "CWD")).toContain(what);
    expect(shownBy(stdout)).toContain(line);
    expect(readFileSync(join(cwd, file), "utf8")).toBe(text);
  });
}
