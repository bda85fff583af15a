/** A short run of `npm run fuzz`, on what was built: it fails by itself, see `fuzz/run.mjs`. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const program = fileURLToPath(new URL("../fuzz/run.mjs", import.meta.url));
const streams = 20_000;

test("20,000 hostile streams throw nothing, leave nothing and disturb nobody", { timeout: 300_000 }, async () => {
  const { stdout } = await run(process.execPath, [program, "--streams", `${streams}`, "--seed", "20000"], {
    env: { ...process.env, NODE_OPTIONS: "" },
    maxBuffer: 2 ** 24,
    timeout: 290_000,
  }).catch((error: { stdout: string }) => error); // Its last line says what it found.
  const found = JSON.parse(stdout.trim().split("\n").at(-1) as string);
  expect(found).toMatchObject({ faults: [], streams });
  expect(Object.keys(found.cuts)).toEqual(
    expect.arrayContaining([
      "bad-command",
      "bad-frame",
      "bad-greeting",
      "frame-too-large",
      "identity-taken",
      "mechanism",
      "message-too-large",
      "old-version",
      "socket-type",
      "subscription-too-long",
      "too-many-frames",
      "too-many-subscriptions",
    ]),
  );
});
