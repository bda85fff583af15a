/** Modules that a configuration names: a file of settings that runs, and plugins. */

import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FedmsgError } from "../errors.ts";

/** How to load. */
export interface LoadModuleOptions {
  /** The folder that relative paths, and the search for packages, begin at. */
  readonly from: string;
  /** Run the file again, although it ran before in this process. What it imports itself stays as it is. */
  readonly reload?: boolean | undefined;
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
  if (reload && url.protocol === "file:") url.searchParams.set("load", String(++loads));
  try {
    return (await import(url.href)) as object;
  } catch (cause) {
    if (needsCompiler(cause, url)) return compile(specifier, url);
    throw moduleError(specifier, "does not load", cause);
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
  try {
    return new URL(resolveFrom(specifier, pathToFileURL(join(from, "x.js")).href));
  } catch (cause) {
    throw moduleError(specifier, `no such package from ${from}; a file's path begins with ./ or /`, cause);
  }
}

/** Node 20 does not know TypeScript at all; later ones know it except inside `node_modules` and for enums and the like. */
function needsCompiler(cause: unknown, { pathname }: URL): boolean {
  const { code } = Object(cause) as NodeJS.ErrnoException;
  return (
    /\.[cm]?ts$/.test(pathname) &&
    typeof code === "string" &&
    /UNKNOWN_FILE_EXTENSION|TYPESCRIPT|STRIP_TYPES/.test(code)
  );
}

async function compile(specifier: string, url: URL): Promise<object> {
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, { moduleCache: false, fsCache: false });
  try {
    return await jiti.import<object>(new URL(url.pathname, url).href);
  } catch (cause) {
    throw moduleError(specifier, "does not load", cause);
  }
}

function moduleError(specifier: string, what: string, cause?: unknown): FedmsgError {
  const why = cause instanceof Error && what === "does not load" ? `: ${cause.message}` : "";
  return new FedmsgError("FEDMSG_MODULE", `${specifier}: ${what}${why}`, { cause });
}
