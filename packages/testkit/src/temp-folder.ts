import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A new folder that is removed when the test is over, after whatever `afterEach` still does in it. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
