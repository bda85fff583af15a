import { link, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FedmsgError } from "fedmsg";

/**
 * The Python files that paths name: themselves, and those in folders, by name.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE where there are none, or a path is not there
 */
export async function listPythonFiles(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const stats = await stat(path).catch((cause) => {
      throw unreadable(`${path}: there is no such file or folder`, cause);
    });
    if (!stats.isDirectory()) found.push(path);
    else found.push(...(await listFolder(path)));
  }
  const other = found.find((file) => !file.endsWith(".py"));
  if (other !== undefined) throw unreadable(`${other}: its name does not end in .py; only Python files are converted`);
  if (found.length === 0) throw unreadable(`${paths.join(", ")}: no file whose name ends in .py`);
  return [...new Set(found)];
}

async function listFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith(".py") && /^[^.#]/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Writes a file that is not there yet, whole or not at all.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE where there is one already, or it cannot be written
 */
export async function writeNew(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.part`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, text, { flag: "wx" });
    await link(temporary, file); // Unlike a renaming, this fails where somebody was faster.
  } catch (cause) {
    throw unreadable(`${file}: cannot be written: ${(cause as Error).message}`, cause);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Whether something has this name. */
export async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Takes a file out of the configuration, without losing it. */
export async function retireFile(file: string): Promise<void> {
  const old = `${file}.old`;
  if (await isThere(old)) throw unreadable(`${old}: is there already; ${file} stays where it is`);
  await rename(file, old);
}

/** An error about a file. */
export function unreadable(text: string, cause?: unknown): FedmsgError {
  return new FedmsgError("FEDMSG_CONFIG_UNREADABLE", text, { cause });
}
