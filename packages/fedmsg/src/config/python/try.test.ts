import { readFileSync } from "node:fs";
import { test } from "vitest";
import { readPython } from "./index.ts";

test("try", async () => {
  for (const s of readFileSync("/tmp/lz/snips.py", "utf8").split("\n===\n")) {
    try {
      const r = await readPython("f.py", s, { env: { HOME: "/h" }, cwd: "/w", home: "/h", hostname: "app01.x.org" });
      console.log(s + "\n  => " + JSON.stringify(r.value));
    } catch (e: any) {
      console.log(s + "\n  !! " + (e.code ? e.message : e.stack));
    }
  }
});
