/**
 * Modules that a configuration names: a file of settings that runs, commands and plugins. Whoever may write the
 * configuration decides what runs; but only files and installed packages do, never what stands in a URL.
 */

import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FedmsgError } from "../errors.ts";

/** How to load. */
export interface LoadModuleOptions {
  /** The folder that relative paths, and the search for packages, begin at. */
  readonly from: string;
  /** Run the file again, although it ran before in this process. What it imports itself stays as it is. */
  readonly reload?: boolean | undefined;
}

/**
 * The folder that the paths of modules begin at: that of the file that lists them; the current one where no file does.
 *
 * @param origin where the list stands, as `configOrigin` says it
 */
export function moduleFolder(origin: string | undefined): string {
  const file = origin?.replace(/:\d+$/, "") ?? "";
  return isAbsolute(file) ? dirname(file) : process.cwd();
}

let loads = 0;

/**
 * Imports a module by path (`./x.js`, `/srv/x.ts`) or by the name of a package. TypeScript runs as it is where Node can
 * do that, and is compiled on the fly where it cannot.
 *
 * @throws FedmsgError FEDMSG_MODULE naming the module, and what is wrong with it
 */
export async function loadModule(specifier: string, { from, reload }: LoadModuleOptions): Promise<object> {
  const url = await locateModule(specifier, from);
  if (reload) url.searchParams.set("load", String(++loads));
  try {
    return (await import(url.href)) as object;
  } catch (cause) {
    if (needsCompiler(cause, url)) return compile(specifier, url);
    throw await loadError(specifier, url, cause);
  }
}

async function locateModule(specifier: string, from: string): Promise<URL> {
  if (!isAbsolute(specifier) && !/^\.{1,2}\//.test(specifier)) return locatePackage(specifier, from);
  const file = resolve(from, specifier);
  const found = await stat(file).catch((cause) => {
    throw moduleError(specifier, `there is no file ${file}`, cause);
  });
  if (!found.isFile()) throw moduleError(specifier, `${file} is no file; name the file that is meant`);
  return pathToFileURL(file);
}

async function locatePackage(specifier: string, from: string): Promise<URL> {
  const { resolve: resolveFrom } = await import("import-meta-resolve");
  let url: URL;
  try {
    url = new URL(resolveFrom(specifier, pathToFileURL(join(resolve(from), "x.js")).href));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw moduleError(specifier, `cannot be found from ${from}: ${why}; a file's path begins with ./ or /`, cause);
  }
  // It resolves `data:`, `http:` and Node's own modules, too.
  if (url.protocol !== "file:") throw moduleError(specifier, "is neither a file nor a package; name one of them");
  return url;
}

/** Node 20 does not know TypeScript at all; later ones know it except inside `node_modules` and for enums and the like. */
function needsCompiler(cause: unknown, { pathname }: URL): boolean {
  const { code } = Object(cause) as NodeJS.ErrnoException;
  return (
    /\.[cm]?ts$/.test(pathname) &&
    typeof code === "string" &&
    /UNKNOWN_FILE_EXTENSION|TYPESCRIPT|TYPE_STRIPPING/.test(code)
  );
}

async function compile(specifier: string, url: URL): Promise<object> {
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, { moduleCache: false, fsCache: false });
  try {
    return await jiti.import<object>(new URL(url.pathname, url).href);
  } catch (cause) {
    throw await loadError(specifier, url, cause);
  }
}

function moduleError(specifier: string, what: string, cause?: unknown): FedmsgError {
  return new FedmsgError("FEDMSG_MODULE", `${specifier}: ${what}`, { cause });
}

async function loadError(specifier: string, url: URL, cause: unknown): Promise<FedmsgError> {
  const why = cause instanceof Error ? cause.message : String(cause);
  const place = cause instanceof SyntaxError ? await placeOfSyntaxError(fileURLToPath(url)) : "";
  return moduleError(specifier, `does not load: ${place}${why}`, cause);
}

/** Node knows the line, but prints it only where the error ends the process; the compiler finds it again. */
async function placeOfSyntaxError(file: string): Promise<string> {
  const { createJiti } = await import("jiti");
  const source = await readFile(file, "utf8");
  const compiled = createJiti(file, { fsCache: false }).transform({ source, filename: file, async: true });
  const line = /^exports\.__JITI_ERROR__ = \{.*"line":(\d+)/.exec(compiled)?.[1];
  return line === undefined ? "" : `${file}:${line}: `;
}
