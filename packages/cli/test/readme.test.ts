/** README.md holds: its commands are run as they stand, its examples are compiled and run. */

import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freeBus, freePort, Program, type ProgramOptions, root, tempDir } from "./support.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");

/** The code blocks of one language, in their order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, code]) => code as string,
  );
}

/** Types a command in a shell, in the repository, as a reader of the README does. */
function type(command: string, options: ProgramOptions = {}): Program {
  return new Program("/bin/sh", ["-c", command], {
    cwd: root,
    ...options,
    env: { npm_config_update_notifier: "false", ...options.env },
  });
}

const commands = blocks("sh").flatMap((block) => block.trimEnd().split("\n"));

/** A command that README.md must show, as it shows it. */
function shown(wanted: string): string {
  expect(commands).toContain(wanted);
  return wanted;
}

test("its first commands stand at the top, in this order", () => {
  expect(commands.slice(0, 4)).toEqual([
    "npm ci && npm start",
    "npx fedmsg-tail --really-pretty",
    'echo "Hello world" | npx fedmsg-logger',
    "npm ci && npm test",
  ]);
});

test("start, tail and logger do what it says; Ctrl-C stops everything", { timeout: 120_000 }, async () => {
  const config = await freeBus();
  // CI runs `npm ci`; here, packages are in use by these very tests.
  await using bus = type(shown("npm ci && npm start").replace("npm ci && ", ""), { config });
  await bus.until("stdout", /The bus is up\.[\s\S]*Ctrl-C stops it\.\n/);
  await using tail = type(shown("npx fedmsg-tail --really-pretty"), { config });
  for (let tries = 0; tries < 20 && !tail.stdout.includes("Hello world"); tries++) {
    await using logger = type(shown('echo "Hello world" | npx fedmsg-logger'), { config });
    expect(await logger.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  }
  expect(tail.stdout).toContain('"log": "Hello world"');
  tail.signalGroup("SIGINT");
  await tail.ended(); // It fails where anything is left behind.
  bus.signalGroup("SIGINT");
  const { stdout, stderr } = await bus.ended();
  expect(stdout).toMatch(/\nStopped\. Relay: [1-9]\d* forwarded, 0 dropped, 0 refused\. Gateway: .*\n$/);
  expect({ tail: tail.stderr, bus: stderr }).toEqual({ tail: "", bus: "" });
});

test("its TypeScript compiles against the packages, and the example runs", { timeout: 120_000 }, async () => {
  const sources = blocks("ts").map((code, n) => [code.startsWith("// example.ts\n") ? "example" : `block-${n}`, code]);
  const folder = tempDir();
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const port = await freePort();
  for (const [name, code] of sources as [string, string][]) {
    writeFileSync(join(folder, `${name}.ts`), code.replaceAll("tcp://127.0.0.1:3000", `tcp://127.0.0.1:${port}`));
  }
  const compilerOptions = {
    module: "nodenext",
    target: "es2023",
    strict: true,
    types: ["node"],
    outDir: "out",
    skipLibCheck: true, // `npm run package` checks the declarations; here it would only take time.
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  await using tsc = new Program(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder]);
  expect(await tsc.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  expect(sources.map(([name]) => name)).toContain("example");
  await using example = new Program(process.execPath, [join(folder, "out/example.js")], { config: {} });
  const { code, stdout, stderr } = await example.ended();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^mybus org\.fedoraproject\.dev\.test\.testing .*Hello World.*\n$/);
});
