/**
 * From `fedmsg.d/*.py` to YAML. The file is read as data, by the reader that every command uses; what comes out is written
 * as YAML and read again, and only where both say the same, alone and together, does it count.
 */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { FedmsgError } from "fedmsg";
import { loadConfig, readPythonConfig } from "fedmsg/config";
import { dumps } from "fedmsg/encoding";
import { writeYaml } from "../yaml.ts";
import { commentsOf, placeComments } from "./comments.ts";
import { isThere, unreadable } from "./files.ts";

/** One file, before and after. */
export interface Converted {
  readonly source: string;
  readonly target: string;
  readonly yaml: string;
  /** What the YAML cannot say as the Python does. */
  readonly notes: readonly string[];
}

/**
 * Makes the YAML for each file; writes nothing.
 *
 * @param folder where the files shall lie. Default: each beside its source
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE with everything that cannot be read, in all files
 */
export async function convertFiles(sources: readonly string[], folder?: string): Promise<readonly Converted[]> {
  const results = await Promise.allSettled(sources.map((source) => convertFile(source, folder)));
  const failures = results.flatMap((result) => (result.status === "rejected" ? [FedmsgError.from(result.reason)] : []));
  if (failures.length > 0) throw unreadable(failures.map(({ message }) => message).join("\n"), failures[0]);
  const converted = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const targets = converted.map(({ target }) => target);
  const twice = targets.find((target, n) => targets.indexOf(target) !== n);
  if (twice !== undefined) throw unreadable(`${twice}: two of the files would be written there`);
  return converted;
}

async function convertFile(source: string, folder: string | undefined): Promise<Converted> {
  const target = join(folder ?? dirname(source), `${basename(source, ".py")}.yaml`);
  if (await isThere(target)) throw unreadable(`${target}: is there already, and is not overwritten`);
  const { value, lines, used } = await readPythonConfig(source);
  const comments = commentsOf(await readFile(source, "utf8"));
  const yaml = await writeYaml(value, (document) => placeComments(document, lines, comments));
  const notes = used.map((what) => `asks for ${what}; the YAML holds what that is here and now`);
  return { source, target, yaml: `${yaml}`, notes };
}

/**
 * Reads both kinds and compares: each file as it stands, and all of them together as a configuration with its defaults.
 *
 * @returns how many keys the files give together
 * @throws FedmsgError FEDMSG_CONFIG_INVALID where the files hold wrong values
 */
export async function proveEqual(converted: readonly Converted[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "fedmsg-convert-"));
  try {
    const pairs: (readonly [python: string, yaml: string])[] = [];
    for (const [n, { source, yaml }] of converted.entries()) {
      const copy = join(folder, `${n}.yaml`);
      await writeFile(copy, yaml);
      pairs.push([source, copy]);
      await compare([source], [copy]);
    }
    return await compare(
      pairs.map(([python]) => python),
      pairs.map(([, yaml]) => yaml),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compare(python: readonly string[], yaml: readonly string[]): Promise<number> {
  // One after the other: a wrong value is told of the file that the user has, not of our copy of it.
  const before = await loadConfig({ files: python, defaults: false, reload: true });
  const after = await loadConfig({ files: yaml, defaults: false, reload: true });
  if (dumps(before) === dumps(after)) return Object.keys(before).length;
  throw unreadable(
    `${python.join(", ")}: the YAML would not say the same; this is a mistake of ours, please report it`,
  );
}
