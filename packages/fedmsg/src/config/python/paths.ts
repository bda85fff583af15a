/** `os.path` of a POSIX system (Python's `posixpath.py`). Nothing looks at the file system. */

/** `os.path.join`: a part that is absolute takes the place of all before it. */
export function joinPaths(parts: readonly string[]): string {
  return parts.reduce((path, part) => {
    if (part.startsWith("/")) return part;
    return path === "" || path.endsWith("/") ? path + part : `${path}/${part}`;
  });
}

/** `os.path.dirname`. */
export function dirname(path: string): string {
  const head = path.slice(0, path.lastIndexOf("/") + 1);
  const end = endOfHead(head);
  return end === 0 ? head : head.slice(0, end);
}

function endOfHead(head: string): number {
  let end = head.length;
  while (end > 0 && head[end - 1] === "/") end--;
  return end;
}

/** `os.path.basename`. */
export function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `os.path.normpath`: without `.`, `..` and doubled slashes; two at the start stay two. */
export function normalizePath(path: string): string {
  const root = path.startsWith("//") && !path.startsWith("///") ? "//" : path.startsWith("/") ? "/" : "";
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== ".." || (root === "" && parts.length === 0) || parts.at(-1) === "..") parts.push(part);
    else parts.pop();
  }
  return root + parts.join("/") || ".";
}

/** `os.path.abspath`. */
export function absolutePath(path: string, cwd: string): string {
  return normalizePath(joinPaths([cwd, path]));
}

/** `os.path.splitext`. */
export function splitExtension(path: string): [stem: string, extension: string] {
  const name = basename(path);
  const at = name.lastIndexOf(".");
  const isHidden = /^\.*$/.test(name.slice(0, Math.max(at, 0)));
  const from = path.length - name.length + at;
  return at < 0 || isHidden ? [path, ""] : [path.slice(0, from), path.slice(from)];
}
