import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { cursorsPath, listCursorFiles } from "../plugin.ts";

let folder = "";

afterEach(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Files in a new folder, and a configuration whose cursors are there. */
function place(pattern: string, files: readonly string[]) {
  folder = mkdtempSync(join(tmpdir(), "fedmsg-cursors-"));
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
  return { cursor_store: `sqlite:${join(folder, pattern)}` };
}

describe("where cursors are", () => {
  test("the name stands in the path, wherever the pattern says", () => {
    expect(cursorsPath({ cursor_store: "sqlite:/srv/{name}/{name}.db" }, "builds")).toBe("/srv/builds/builds.db");
    expect(cursorsPath({ cursor_store: null }, "builds")).toMatch(/\/fedmsg\/cursors\/builds\.db$/);
  });

  test.each(["", "..", "../x", "a/b", "a\0", ".hidden", "x".repeat(101)])("a name such as %j is refused", (name) => {
    expect(() => cursorsPath({ cursor_store: null }, name)).toThrow(/expected up to 100 letters/);
  });

  test.each(["postgresql://x/{name}", "sqlite:/srv/all.db"])("%s is refused", (cursor_store) => {
    expect(() => cursorsPath({ cursor_store }, "x")).toThrow(/expected sqlite:\/path\/to\/\{name\}\.db/);
  });
});

describe("which cursors there are", () => {
  test.each([
    ["{name}.db", ["b.db", "a.db", "a.db-wal", "a.db-lock", ".x.db", "other.txt"], ["a", "b"]],
    ["c+{name}.v1.db", ["c+one.v1.db", "c+two.v1.db", "cc.v1.db", "c+threexv1.db"], ["one", "two"]],
    ["x{2}-{name}.db", ["x{2}-one.db", "xx-two.db"], ["one"]],
    ["{name}/cursors.db", ["a/cursors.db", "b/cursors.db", "c/none"], ["a", "b"]],
    ["{name}/{name}-{name}.db", ["a/a-a.db", "b/a-b.db"], ["a"]],
    ["{name}-{name}.db", ["a-a.db", "a-b.db", "a-b-a-b.db"], ["a", "a-b"]],
  ])("%s, %j", async (pattern, files, names) => {
    const config = place(pattern, files);
    const found = await listCursorFiles(config);
    expect(found).toEqual(names.map((name) => ({ name, path: cursorsPath(config, name) })));
  });

  test("none where the folder is missing", async () => {
    const { cursor_store } = place("{name}.db", []);
    rmSync(folder, { recursive: true });
    expect(await listCursorFiles({ cursor_store })).toEqual([]);
  });
});
