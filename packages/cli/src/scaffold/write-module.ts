/** Writes the module that `fedmsg new …` begins, and its test: both or neither. */

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FedmsgError } from "fedmsg";
import { isThere, writeNew } from "../convert/files.ts";

/** What the two files depend on. */
export interface NewModule {
  readonly name: string;
  readonly isTypescript: boolean;
  /** The name of the module's own file: `hello.js`. */
  readonly file: string;
}

/** What to write, and where. */
export interface WriteModuleOptions {
  readonly name: string;
  readonly folder: string;
  readonly isTypescript: boolean;
  /** The text of the module. */
  readonly module: (module: NewModule) => string;
  /** The text of its test. It is JavaScript in any case, so that `node --test` runs it with every Node. */
  readonly test: (module: NewModule) => string;
}

/**
 * Writes them.
 *
 * @returns where they are
 * @throws FedmsgError FEDMSG_UNSUPPORTED where one of them is there already, FEDMSG_CONFIG_UNREADABLE
 */
export async function writeModule(
  options: WriteModuleOptions,
): Promise<{ readonly modulePath: string; readonly testPath: string }> {
  const { name, folder, isTypescript } = options;
  const kind = (await isModulePackage(resolve(folder))) ? "" : "m";
  const file = `${name}.${kind}${isTypescript ? "ts" : "js"}`;
  const [modulePath, testPath] = [join(folder, file), join(folder, `${name}.test.${kind}js`)];
  for (const path of [modulePath, testPath]) {
    if (await isThere(path)) throw refuse(`${path} is there already, and is not overwritten`);
  }
  const module = { name, isTypescript, file };
  await writeNew(modulePath, options.module(module));
  await writeNew(testPath, options.test(module));
  return { modulePath, testPath };
}

/** @throws FedmsgError FEDMSG_UNSUPPORTED where it is no name. @param example one that is */
export function assertModuleName(name: string, example: string): void {
  if (/^[a-z][a-z0-9-]{0,99}$/.test(name)) return;
  const found = JSON.stringify(name).slice(0, 120);
  throw refuse(`found ${found}; wanted a name of small letters, digits and hyphens, such as ${example}`);
}

/** How a test gets at the default export of the module. */
export function importModule(variable: string, { file, isTypescript }: NewModule): string {
  if (!isTypescript) return `import ${variable} from "./${file}";\n`;
  return `\nconst { default: ${variable} } = await loadModule("./${file}", { from: import.meta.dirname });\n`;
}

/** An error about what cannot be written, and why. */
export function refuse(why: string): FedmsgError {
  return new FedmsgError("FEDMSG_UNSUPPORTED", why);
}

/** Whether Node takes `.js` for a module in a folder, as the nearest `package.json` says; without one it does not. */
async function isModulePackage(folder: string): Promise<boolean> {
  try {
    const { type } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { type?: unknown };
    return type === "module";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR")
      throw refuse(`${join(folder, "package.json")}: ${(error as Error).message}`);
    return dirname(folder) !== folder && isModulePackage(dirname(folder));
  }
}
