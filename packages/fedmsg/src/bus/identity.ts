/**
 * Who is calling: the package whose code called into fedmsg. Python takes the first module on the call stack that is
 * not fedmsg's own (`fedmsg/core.py`); the counterpart of a top-level module is the nearest `package.json` with a name.
 */

import { readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** What a script that belongs to no package is called, as in Python. */
export const bareScript = "__main__";

/** The folder that holds fedmsg's own code (`src` or `dist`). */
const ownFolder = dirname(dirname(fileURLToPath(import.meta.url))) + sep;

/** The name of the package nearest to the caller's file, as one word of a topic; `__main__` for a bare script. */
export function callerPackage(): string {
  const file = callerFile();
  const name = file === undefined ? undefined : packageName(dirname(file));
  return name === undefined ? bareScript : toWord(name);
}

/** The file of the innermost function on the stack that is neither fedmsg's nor Node's. */
function callerFile(): string | undefined {
  const limit = Error.stackTraceLimit;
  const prepare = Error.prepareStackTrace;
  try {
    Error.stackTraceLimit = 50;
    Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFileName());
    const files = new Error().stack as unknown as (string | null | undefined)[];
    for (const name of files) {
      const file = name?.startsWith("file:") ? fileURLToPath(name) : name;
      if (file && !file.startsWith("node:") && !isOwn(file)) return file;
    }
    return undefined;
  } finally {
    Error.stackTraceLimit = limit;
    Error.prepareStackTrace = prepare;
  }
}

/** Tests lie beside the code but are callers of it. */
function isOwn(file: string): boolean {
  return file.startsWith(ownFolder) && !/\.test\.[jt]s$/.test(file);
}

function packageName(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const { name } = JSON.parse(readFileSync(join(at, "package.json"), "utf8")) as { name?: unknown };
      if (typeof name === "string" && name) return name;
    } catch {
      // None here, or none that can be read: look further up.
    }
    if (dirname(at) === at) return undefined;
  }
}

/** `@scope/my.tool` → `my_tool`: a dot would make two words of it. */
function toWord(name: string): string {
  return name.replace(/^@[^/]*\//, "").replace(/[^\w-]/g, "_");
}
