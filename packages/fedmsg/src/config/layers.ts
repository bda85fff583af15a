/** The files of a configuration, each as a layer. Files that were read stay in memory until somebody asks for them anew. */

import { dirname } from "node:path";
import { FedmsgError } from "../errors.ts";
import { describe, type Problem } from "./check.ts";
import { copyData, isMapping, type Mapping } from "./data.ts";
import type { Surroundings } from "./environment.ts";
import { findFiles, isRunnable } from "./find-files.ts";
import { loadModule } from "./module.ts";
import { type Layer, locate, moveRelayOutbound } from "./origin.ts";
import type { Parsed } from "./yaml-tree.ts";

/** What the files say. */
export interface FileLayers {
  /** In the order in which they were read; later ones win. */
  readonly layers: readonly Layer[];
  /** Files that hold something else than a mapping. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  /** What is wrong with files that cannot be read, a line each. */
  readonly unreadable: readonly FedmsgError[];
}

/** Which files to read. */
export interface ReadLayersOptions {
  /** Files and folders to read in place of all others. */
  readonly named?: readonly string[] | undefined;
  /** Read the files again, although they were read before. */
  readonly reload?: boolean | undefined;
}

const known = new Map<string, Promise<FileLayers>>();
/** A process has few configurations; tests have many. */
const knownMax = 100;

/**
 * Reads the files that {@link findFiles} finds, or remembers what they said when they were read before: for the same
 * surroundings and the same names.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE where a file or folder that was named does not exist
 */
export function readLayers(around: Surroundings, { named, reload }: ReadLayersOptions): Promise<FileLayers> {
  const key = JSON.stringify([named, around.cwd, around.home, around.hostname, Object.entries(around.env).sort()]);
  const before = reload ? undefined : known.get(key);
  if (before) return before;
  const reading = readAll(around, { named, reload });
  known.delete(key);
  known.set(key, reading);
  const [oldest] = known.keys();
  if (known.size > knownMax && oldest !== undefined) known.delete(oldest);
  // What failed is tried again: the file may have been mended.
  const forget = () => void (known.get(key) === reading && known.delete(key));
  reading.then(({ unreadable, problems }) => unreadable.length + problems.length > 0 && forget(), forget);
  return reading;
}

async function readAll(around: Surroundings, { named, reload }: ReadLayersOptions): Promise<FileLayers> {
  const layers: Layer[] = [];
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const unreadable: FedmsgError[] = [];
  for (const source of await findFiles(around, { named })) {
    try {
      const { value, lines } = await readOne(source, around, reload);
      if (isMapping(value)) layers.push(toLayer({ source, value, lines }, warnings));
      else problems.push(noMapping(source, value, lines?.line));
    } catch (error) {
      unreadable.push(FedmsgError.from(error, "FEDMSG_CONFIG_UNREADABLE"));
    }
  }
  return { layers, problems, warnings, unreadable };
}

async function readOne(source: string, around: Surroundings, reload: boolean | undefined): Promise<Parsed> {
  if (isRunnable(source)) return { value: await runFile(source, reload) };
  // Loaded late: a program that has no configuration files needs none of it.
  const { readConfigFile } = await import("./read-file.ts");
  return readConfigFile(source, around);
}

/** A file that runs exports its configuration: as `config` or as the default, or as a function that makes it. */
async function runFile(source: string, reload: boolean | undefined): Promise<unknown> {
  const exported = (await loadModule(source, { from: dirname(source), reload })) as Record<string, unknown>;
  const given = exported.config ?? exported.default;
  if (given === undefined) throw new FedmsgError("FEDMSG_CONFIG_UNREADABLE", `${source}: exports no \`config\``);
  return copyData(typeof given === "function" ? await given() : await given);
}

function noMapping(source: string, value: unknown, line: number | undefined): Problem {
  return {
    path: [],
    place: `${source}:${line ?? 1}`,
    found: describe(value),
    wanted: "a mapping of configuration keys",
  };
}

function toLayer(layer: Layer, warnings: string[]): Layer {
  if (hasBothOutbound(layer.value)) warnings.push(`${locate([layer], ["relay_outbound"])}: ${bothOutbound}`);
  return moveRelayOutbound(layer);
}

const bothOutbound = "relay_outbound: passed over, as endpoints.relay_outbound in the same file wins; keep one of them";

function hasBothOutbound({ endpoints, relay_outbound }: Mapping): boolean {
  return relay_outbound != null && isMapping(endpoints) && Object.hasOwn(endpoints, "relay_outbound");
}
