/** `fedmsg new command`: what it writes works as it stands. */

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { Listener } from "./bus.ts";
import { Program, root, run, tempDir } from "./support.ts";

/** A folder in which `fedmsg` is installed. */
function project(manifest?: object): string {
  const cwd = tempDir();
  symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"));
  if (manifest) writeFileSync(join(cwd, "package.json"), JSON.stringify(manifest));
  return cwd;
}

/** The indented lines of what it prints: what to type, and what to write where. */
function shownBy(stdout: string): string[] {
  return stdout.split("\n").flatMap((line) => (line.startsWith("  ") ? [line.slice(2)] : []));
}

test.each([
  { manifest: undefined, flags: [], files: ["hello.mjs", "hello.test.mjs"] },
  { manifest: { type: "module" }, flags: [], files: ["hello.js", "hello.test.js"] },
  { manifest: {}, flags: ["--typescript"], files: ["hello.mts", "hello.test.mjs"] },
  { manifest: { type: "module" }, flags: ["--typescript"], files: ["hello.ts", "hello.test.js"] },
])("$files: the test passes, and the command runs, by doing what it says", async ({ manifest, flags, files }) => {
  const cwd = project(manifest);
  const { code, stdout, stderr } = await run("fedmsg", ["new", "command", "hello", ...flags], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [file, testFile] = files as [string, string];
  expect(stdout).toContain(`Wrote commands/${file} and commands/${testFile}.`);
  expect(stdout).toContain("Write this into a new file fedmsg.d/commands.yaml:");
  const shown = shownBy(stdout);
  expect(shown).toEqual([
    `node --test commands/${testFile}`,
    "commands:",
    `  - ../commands/${file}`,
    "npx fedmsg hello --help",
  ]);

  await using tests = new Program(process.execPath, (shown[0] as string).split(" ").slice(1), { cwd });
  expect(await tests.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining("# pass 1\n"), stderr: "" });

  mkdirSync(join(cwd, "fedmsg.d"));
  writeFileSync(join(cwd, "fedmsg.d/commands.yaml"), shown.slice(1, 3).join("\n"));
  expect(await run("fedmsg", ["hello", "--help"], { cwd })).toMatchObject({ code: 0, stderr: "" });
  await using listener = await Listener.open();
  writeFileSync(join(cwd, "fedmsg.d/relay.yaml"), JSON.stringify(listener.config));
  const hello = await run("fedmsg", ["hello", "--to", "Fedora"], { cwd });
  expect(hello).toMatchObject({ code: 0, stderr: expect.stringMatching(/published [\w.]*\.hello\.greeting\b/) });
  const [heard] = await listener.take(1);
  expect(heard?.message).toMatchObject({
    topic: expect.stringMatching(/\.hello\.greeting$/),
    msg: { text: "Hello Fedora" },
  });
});

test("what it writes is checked by TypeScript without a complaint", { timeout: 120_000 }, async () => {
  const cwd = project({ type: "module" });
  await run("fedmsg", ["new", "command", "one"], { cwd });
  await run("fedmsg", ["new", "command", "two", "--typescript"], { cwd });
  const compilerOptions = { module: "nodenext", target: "es2023", strict: true, types: ["node"], skipLibCheck: true };
  const options = { ...compilerOptions, allowJs: true, checkJs: true, noEmit: true };
  writeFileSync(
    join(cwd, "tsconfig.json"),
    JSON.stringify({ compilerOptions: options, files: ["commands/one.js", "commands/two.ts"] }),
  );
  await using tsc = new Program(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", cwd]);
  expect(await tsc.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
});

describe("fedmsg new command", () => {
  test("overwrites nothing, and writes nothing where one of two files is there", async () => {
    const cwd = project();
    mkdirSync(join(cwd, "commands"));
    writeFileSync(join(cwd, "commands/hello.test.mjs"), "mine");
    const { code, stderr } = await run("fedmsg", ["new", "command", "hello"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toBe("fedmsg new command: commands/hello.test.mjs is there already, and is not overwritten\n");
    expect(existsSync(join(cwd, "commands/hello.mjs"))).toBe(false);
    expect(readFileSync(join(cwd, "commands/hello.test.mjs"), "utf8")).toBe("mine");
  });

  test.each(["Hello", "../x", "a b", "a_b", "1a", "", "tail", "commands"])("refuses the name %j", async (name) => {
    const cwd = project();
    const { code, stderr } = await run("fedmsg", ["new", "command", name], { cwd });
    expect({ code, stderr: stderr.includes(JSON.stringify(name)) }).toEqual({ code: 1, stderr: true });
    expect(existsSync(join(cwd, "commands"))).toBe(false);
  });

  test("says what to install where fedmsg cannot be imported", async () => {
    const { stdout } = await run("fedmsg", ["new", "command", "hello", "--folder", "a/b"], { cwd: tempDir() });
    expect(shownBy(stdout)[0]).toBe("npm install fedmsg @fedmsg/cli");
    expect(stdout).toContain("Wrote a/b/hello.mjs and a/b/hello.test.mjs.");
  });

  test.each([
    [
      "fedmsg.d/a.yaml",
      "environment: stg",
      "Write this into a new file fedmsg.d/commands.yaml:",
      "  - ../commands/hello.mjs",
    ],
    [
      "fedmsg.d/a.yaml",
      "# one\ncommands: ./x.mjs",
      "Add it to the list of commands at CWD/fedmsg.d/a.yaml:2:",
      "- ../commands/hello.mjs",
    ],
    ["fedmsg-config.yaml", "environment: stg", "Add this to CWD/fedmsg-config.yaml:", "  - ./commands/hello.mjs"],
    [
      "fedmsg-config.py",
      "config = dict(environment='stg')",
      "Add this to CWD/fedmsg-config.py:",
      '"commands": ["./commands/hello.mjs"],',
    ],
  ])("names the place in %s, %j", async (file, text, what, line) => {
    const cwd = project();
    mkdirSync(dirname(join(cwd, file)), { recursive: true });
    writeFileSync(join(cwd, file), text);
    const { stdout } = await run("fedmsg", ["new", "command", "hello"], { cwd });
    expect(stdout.replaceAll(cwd, "CWD")).toContain(what);
    expect(shownBy(stdout)).toContain(line);
    expect(readFileSync(join(cwd, file), "utf8")).toBe(text);
  });
});
