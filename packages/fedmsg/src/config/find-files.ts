import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { FedmsgError } from "../errors.ts";
import type { Surroundings } from "./environment.ts";

/** Where to look. */
export interface FindOptions {
  /** Files and folders to read in place of all others. */
  readonly named?: readonly string[] | undefined;
  /** The folder of the host's configuration. Default `/etc`. */
  readonly etc?: string;
}

/**
 * Finds the configuration files (`fedmsg/config.py`, `_gather_configs_in`): those named; or the one, or the folder,
 * that `FEDMSG_CONFIG` names; or else the folders `/etc/fedmsg.d`, `~/.fedmsg.d`, `./fedmsg.d` and
 * `$VIRTUAL_ENV/etc/fedmsg.d`, each sorted by name, and then `/etc/fedmsg-config.*`, `~/.fedmsg-config.*` and
 * `./fedmsg-config.*`. Of two files whose names differ in the extension only, the one in YAML is read later, and so wins
 * over the old one in Python.
 *
 * @returns the files in the order in which they are read; later files win
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE where something named does not exist or is of no kind that can be read,
 *   and where a folder exists but cannot be listed
 */
export async function findFiles(
  { env, cwd, home }: Surroundings,
  { named, etc = "/etc" }: FindOptions = {},
): Promise<readonly string[]> {
  const explicit = named ?? (env.FEDMSG_CONFIG ? [env.FEDMSG_CONFIG] : undefined);
  if (explicit) return unique(await inOrder(explicit, (path) => findNamed(resolve(cwd, path))));
  const folders = [join(etc, "fedmsg.d"), join(home, ".fedmsg.d"), join(cwd, "fedmsg.d")];
  if (env.VIRTUAL_ENV) folders.push(join(resolve(cwd, env.VIRTUAL_ENV), "etc", "fedmsg.d"));
  const stems = [join(etc, "fedmsg-config"), join(home, ".fedmsg-config"), join(cwd, "fedmsg-config")];
  return unique([...(await inOrder(folders, listFolder)), ...(await inOrder(stems, findByStem))]);
}

/** What may lie in a folder: data, in this order of strength where names are equal otherwise. */
const readable = [".json", ".py", ".yaml", ".yml"];

/** Files that run as programs: only where somebody names them, never because they lie in some folder. */
const runnable = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];

/** Whether a configuration file is a program that gives the configuration. */
export function isRunnable(file: string): boolean {
  return runnable.includes(extname(file));
}

/** Dotfiles and what editors and package managers leave behind (`a.yaml~`, `#a.yaml#`, `a.yaml.rpmsave`) are passed over. */
function isConfigName(name: string): boolean {
  return /^[^.#]/.test(name) && readable.includes(extname(name));
}

function unique(found: readonly string[]): readonly string[] {
  return [...new Set(found)];
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter(isConfigName)
      .sort()
      .map((name) => join(folder, name));
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw unreadable(folder, cause);
  }
}

async function findByStem(stem: string): Promise<string[]> {
  return inOrder(readable, async (extension) => {
    const file = stem + extension;
    return (await statIfThere(file)) ? [file] : [];
  });
}

async function findNamed(path: string): Promise<string[]> {
  const stats = await statIfThere(path);
  if (!stats) throw unreadable(path, new Error("no such file or folder"));
  if (stats.isDirectory()) return listFolder(path);
  if (readable.includes(extname(path)) || isRunnable(path)) return [path];
  throw unreadable(path, new Error(`its name ends in none of ${[...readable, ...runnable].join(", ")}`));
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw unreadable(path, cause);
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

function unreadable(path: string, cause: unknown): FedmsgError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FedmsgError("FEDMSG_CONFIG_UNREADABLE", `${path}: cannot be read: ${why}`, { cause });
}

async function inOrder(items: readonly string[], find: (item: string) => Promise<string[]>): Promise<string[]> {
  const found: string[] = [];
  for (const item of items) found.push(...(await find(item)));
  return found;
}
