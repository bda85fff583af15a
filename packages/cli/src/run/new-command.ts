import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FedmsgError } from "fedmsg";
import type { CommandContext } from "fedmsg/command";
import type { CommandTable } from "../command-entry.ts";
import { isThere, writeNew } from "../convert/files.ts";
import { commandFile, testFile } from "../scaffold/files.ts";
import { nextSteps } from "../scaffold/next-steps.ts";

/** Writes a command and its test, both or neither. */
export async function run(context: CommandContext, table: CommandTable): Promise<number> {
  const {
    arguments: [name = ""],
    options,
    config,
  } = context;
  const { folder, typescript: isTypescript = false } = options as { folder: string; typescript?: boolean };
  assertName(name, table);
  const kind = (await isModulePackage(resolve(folder))) ? "" : "m";
  const file = `${name}.${kind}${isTypescript ? "ts" : "js"}`;
  const [commandPath, testPath] = [join(folder, file), join(folder, `${name}.test.${kind}js`)];
  for (const path of [commandPath, testPath]) {
    if (await isThere(path)) throw refuse(`${path} is there already, and is not overwritten`);
  }
  const command = { name, isTypescript, file };
  await writeNew(commandPath, commandFile(command));
  await writeNew(testPath, testFile(command));
  process.stdout.write(nextSteps(name, commandPath, testPath, config));
  return 0;
}

function assertName(name: string, table: CommandTable): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw refuse(
      `found ${JSON.stringify(name)}; wanted a name of small letters, digits and hyphens, such as count-builds`,
    );
  }
  if (Object.hasOwn(table, name))
    throw refuse(`fedmsg itself has a command ${JSON.stringify(name)}; choose another name`);
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

function refuse(why: string): FedmsgError {
  return new FedmsgError("FEDMSG_UNSUPPORTED", why);
}
