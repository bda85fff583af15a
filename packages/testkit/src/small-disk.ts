/** File systems that are soon full. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./temp-folder.ts";

/** Whether a small file system can be made for a test: for root, in most places. */
export const canMount = process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0;

/** A file system of its own. */
export interface SmallDisk extends Disposable {
  readonly folder: string;
  /** Makes fifty times as much room. */
  grow(): void;
}

/** A folder with room for so many MiB. What is open in it when it is disposed of stays until it is closed. */
export function openSmallDisk(mebibytes: number): SmallDisk {
  const folder = join(tempFolder(), "small");
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder]);
  return {
    folder,
    grow: () => void execFileSync("mount", ["-o", `remount,size=${mebibytes * 50}m`, folder]),
    [Symbol.dispose]: () => void execFileSync("umount", ["--lazy", folder]),
  };
}
