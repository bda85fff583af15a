/** The README's examples do what they say: each is run as it stands, and prints what its comments promise. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(packageFolder, "README.md"), "utf8");
const examples = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code as string);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(packageFolder, ".readme-")); // Inside, so that `@fedmsg/zmtp` is found.
});
afterAll(() => rm(folder, { recursive: true }));

/** What `console.log(…); // promise` lines promise, in order. */
function promised(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text as string);
}

test.each(examples.map((code, n) => [n, code] as const))(
  "example %i prints what it says, and ends",
  async (n, code) => {
    const file = join(folder, `${n}.mjs`);
    const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    await writeFile(file, ts.transpileModule(code, { compilerOptions: options }).outputText);
    const { stdout } = await run(process.execPath, [file], { timeout: 20_000 });
    expect(stdout.trim().split("\n")).toEqual(promised(code));
  },
);

test("there are examples", () => expect(examples.length).toBeGreaterThanOrEqual(4));
