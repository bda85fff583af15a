/** The short form of `npm run test:faults`, on what was built: it fails by itself, see `faults/run.mjs`. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const program = fileURLToPath(new URL("../../../faults/run.mjs", import.meta.url));

interface Line {
  readonly row: string;
  readonly broken: readonly string[];
  readonly acknowledged: number;
  /** Why this machine cannot have the row. */
  readonly skipped?: string;
}

test("whatever goes wrong, what was acknowledged arrives once, or its absence is told", {
  timeout: 400_000,
}, async () => {
  const { stdout } = await run(process.execPath, [program, "--short"], {
    env: { ...process.env, NODE_OPTIONS: "" },
    maxBuffer: 2 ** 24,
    timeout: 390_000,
  }).catch((error: { stdout: string }) => error); // Its lines say what it found.
  const lines: Line[] = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  for (const { row, skipped } of lines) if (skipped) console.warn(`fault rig: ${row} was skipped: ${skipped}`);
  expect(lines.filter(({ broken }) => broken.length > 0).map(({ row, broken }) => ({ row, broken }))).toEqual([]);
  expect(lines.filter(({ skipped, acknowledged }) => !skipped && acknowledged < 1000)).toEqual([]);
  expect(lines.length).toBeGreaterThanOrEqual(30);
});
