/** `fedmsg new consumer` and `fedmsg new producer`: what they write works as it stands. */

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { Listener } from "./bus.ts";
import { Program, root, run, start, tempDir } from "./support.ts";

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

/** Writes one, runs its test, and lists it in the configuration, by doing what it says. */
async function follow(cwd: string, kind: string, name: string, flags: readonly string[], files: readonly string[]) {
  const { code, stdout, stderr } = await run("fedmsg", ["new", kind, name, ...flags], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [file, testFile] = files;
  expect(stdout).toContain(`Wrote ${kind}s/${file} and ${kind}s/${testFile}.`);
  expect(stdout).toContain(`Write this into a new file fedmsg.d/${kind}s.yaml:`);
  const shown = shownBy(stdout);
  expect(shown).toEqual([`node --test ${kind}s/${testFile}`, `${kind}s:`, `  - ../${kind}s/${file}`, "npx fedmsg hub"]);
  await using tests = new Program(process.execPath, (shown[0] as string).split(" ").slice(1), { cwd });
  expect(await tests.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining("# pass 1\n"), stderr: "" });
  mkdirSync(join(cwd, "fedmsg.d"));
  writeFileSync(join(cwd, `fedmsg.d/${kind}s.yaml`), shown.slice(1, 3).join("\n"));
}

test.each([
  { manifest: undefined, flags: [], files: ["audit.mjs", "audit.test.mjs"] },
  { manifest: { type: "module" }, flags: [], files: ["audit.js", "audit.test.js"] },
  { manifest: {}, flags: ["--typescript"], files: ["audit.mts", "audit.test.mjs"] },
  { manifest: { type: "module" }, flags: ["--typescript"], files: ["audit.ts", "audit.test.js"] },
])("a consumer, $files: its test passes, and a hub runs it", async ({ manifest, flags, files }) => {
  const cwd = project(manifest);
  await follow(cwd, "consumer", "audit", flags, files);
  await using hub = start("fedmsg", ["hub"], { cwd });
  await hub.until("stderr", /runs 1 consumer \(audit\)/);
  hub.signal("SIGTERM");
  expect(await hub.ended()).toMatchObject({ code: 0 });
});

test.each([
  { flags: [], files: ["heart-beat.mjs", "heart-beat.test.mjs"] },
  { flags: ["--typescript"], files: ["heart-beat.mts", "heart-beat.test.mjs"] },
])("a producer, $files: its test passes, and a hub polls it", async ({ flags, files }) => {
  const cwd = project();
  await follow(cwd, "producer", "heart-beat", flags, files);
  await using listener = await Listener.open();
  writeFileSync(join(cwd, "fedmsg.d/relay.yaml"), JSON.stringify({ ...listener.config, active: true }));
  await using hub = start("fedmsg", ["hub"], { cwd });
  const [heard] = await listener.take(1);
  expect(heard?.topic).toMatch(/\.heart-beat\.alive$/);
  hub.signal("SIGTERM");
  expect(await hub.ended()).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/published [\w.]*\.heart-beat\.alive/),
  });
});

test("what they write is checked by TypeScript without a complaint", { timeout: 120_000 }, async () => {
  const cwd = project({ type: "module" });
  for (const kind of ["consumer", "producer"]) {
    await run("fedmsg", ["new", kind, "one", "--folder", kind], { cwd });
    await run("fedmsg", ["new", kind, "two", "--folder", kind, "--typescript"], { cwd });
  }
  const compilerOptions = { module: "nodenext", target: "es2023", strict: true, types: ["node"], skipLibCheck: true };
  const options = { ...compilerOptions, allowJs: true, checkJs: true, noEmit: true };
  const files = ["one.js", "two.ts", "one.test.js"].flatMap((file) => [`consumer/${file}`, `producer/${file}`]);
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files }));
  await using tsc = new Program(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", cwd]);
  expect(await tsc.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
});

describe("fedmsg new consumer", () => {
  test("takes the words of its topics from the configuration", async () => {
    const cwd = project();
    const config = { topic_prefix: 'org."example"' };
    const { code } = await run("fedmsg", ["new", "consumer", "audit"], { cwd, config });
    expect(code).toBe(0);
    expect(readFileSync(join(cwd, "consumers/audit.mjs"), "utf8")).toContain(
      'topics: ["org.\\"example\\".*.logger.#"]',
    );
  });

  test("overwrites nothing, and writes nothing where one of two files is there", async () => {
    const cwd = project();
    mkdirSync(join(cwd, "consumers"));
    writeFileSync(join(cwd, "consumers/audit.test.mjs"), "mine");
    const { code, stderr } = await run("fedmsg", ["new", "consumer", "audit"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toBe("fedmsg new consumer: consumers/audit.test.mjs is there already, and is not overwritten\n");
    expect(existsSync(join(cwd, "consumers/audit.mjs"))).toBe(false);
    expect(readFileSync(join(cwd, "consumers/audit.test.mjs"), "utf8")).toBe("mine");
  });

  test.each(["Audit", "../x", "a b", "a_b", "1a", ""])("refuses the name %j", async (name) => {
    const cwd = project();
    const { code, stderr } = await run("fedmsg", ["new", "consumer", name], { cwd });
    expect({ code, stderr: stderr.includes(JSON.stringify(name)) }).toEqual({ code: 1, stderr: true });
    expect(existsSync(join(cwd, "consumers"))).toBe(false);
  });

  test.each([
    [
      "fedmsg.d/a.yaml",
      "consumers: ./x.mjs",
      "Add it to the list of consumers at CWD/fedmsg.d/a.yaml:1:",
      "- ../consumers/audit.mjs",
    ],
    [
      "fedmsg-config.py",
      "config = dict(environment='stg')",
      "Add this to CWD/fedmsg-config.py:",
      '"consumers": ["./consumers/audit.mjs"],',
    ],
  ])("names the place in %s, %j", async (file, text, what, line) => {
    const cwd = project();
    mkdirSync(dirname(join(cwd, file)), { recursive: true });
    writeFileSync(join(cwd, file), text);
    const { stdout } = await run("fedmsg", ["new", "consumer", "audit"], { cwd });
    expect(stdout.replaceAll(cwd, "CWD")).toContain(what);
    expect(shownBy(stdout)).toContain(line);
    expect(readFileSync(join(cwd, file), "utf8")).toBe(text);
  });
});
