import { checkKeys, describe, invalid, type Problem } from "./check.ts";
import { optionLayer, seal, sealPartial } from "./complete.ts";
import { isMapping, type Mapping, mergeData } from "./data.ts";
import { surroundings } from "./environment.ts";
import { findFiles, pythonAdvice } from "./find-files.ts";
import { nearest } from "./nearest.ts";
import { type Layer, locate, locateNear, moveRelayOutbound, optionSource, type Path } from "./origin.ts";
import { type Config, configKeys } from "./schema.ts";

/** Where `loadConfig` looks, and what it is told. */
export interface LoadConfigOptions {
  /** Files and folders to read in place of all others (`--config-filename`). An empty list: none. */
  readonly files?: readonly string[] | undefined;
  /** Keys that win over every file, as flags do. Mappings are merged, `undefined` is passed over. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
  /** Environment variables; `FEDMSG_CONFIG`, `VIRTUAL_ENV` and `HOME` are read. Default: those of the process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The folder that `./fedmsg.d` and relative paths are in. Default: the current one. */
  readonly cwd?: string | undefined;
  /** The folder that `~/.fedmsg.d` is in. Default: the user's. */
  readonly home?: string | undefined;
  /** Called with what deserves a look but is no error: unknown keys, Python files. Default: nothing is said. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Reads the configuration (`fedmsg/config.py`, `load_config`), from the weakest to the strongest: the defaults; the
 * files of the folders `/etc/fedmsg.d`, `~/.fedmsg.d`, `./fedmsg.d` and `$VIRTUAL_ENV/etc/fedmsg.d`, by name; the files
 * `/etc/fedmsg-config.*`, `~/.fedmsg-config.*` and `./fedmsg-config.*`; and `overrides`. `FEDMSG_CONFIG`, a file or a
 * folder, takes the place of all these files, and `files` takes that of `FEDMSG_CONFIG`.
 *
 * Files are YAML (`.yaml`, `.yml`) or JSON (`.json`). Mappings of several files are merged at any depth; lists and
 * single values replace each other, and so does a whole key its default.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE where a file named does not exist, or one found cannot be read or parsed
 * @throws FedmsgError FEDMSG_CONFIG_INVALID with one line for each problem in any file: `file:line: key: found; wanted`
 * @example
 * ```ts
 * const config = await loadConfig({ overrides: { active: true }, onWarning: console.error });
 * ```
 */
export async function loadConfig(options?: LoadConfigOptions): Promise<Config>;
export async function loadConfig(options: LoadConfigOptions & { readonly defaults: true }): Promise<Config>;
/** With `defaults: false`, only what files and overrides give: not a complete configuration, but one to look at. */
export async function loadConfig(options: LoadConfigOptions & { readonly defaults: boolean }): Promise<Partial<Config>>;
export async function loadConfig(
  options: LoadConfigOptions & { readonly defaults?: boolean } = {},
): Promise<Partial<Config>> {
  const { layers, problems: misshapen } = await readLayers(options);
  if (options.overrides) layers.push(optionLayer(options.overrides));
  const given = layers.reduce<Mapping>((under, { value }) => mergeData(under, value), {});
  const { values, problems, unknown } = checkKeys(given);
  const place = (path: Path) => locateNear(layers, path) ?? optionSource;
  if (misshapen.length + problems.length > 0) throw invalid([...misshapen, ...problems], place);
  for (const name of unknown) options.onWarning?.(`${place([name])}: ${adviseOn(name)}`);
  return options.defaults === false ? sealPartial(values, layers) : seal(values, layers);
}

interface ReadLayers {
  readonly layers: Layer[];
  readonly problems: readonly Problem[];
}

async function readLayers({ files: named, env, cwd, home, onWarning }: LoadConfigOptions): Promise<ReadLayers> {
  const around = surroundings({ ...(env && { env }), ...(cwd && { cwd }), ...(home && { home }) });
  const { files, python } = await findFiles(around, { named });
  for (const file of python) onWarning?.(pythonAdvice(file));
  const layers: Layer[] = [];
  const problems: Problem[] = [];
  if (files.length === 0) return { layers, problems };
  // Loaded late: a program that has no configuration files needs none of it.
  const { readConfigFile } = await import("./read-file.ts");
  for (const source of files) {
    const { value, lines } = await readConfigFile(source);
    if (!isMapping(value)) {
      const place = `${source}:${lines?.line ?? 1}`;
      problems.push({ path: [], place, found: describe(value), wanted: "a mapping of configuration keys" });
      continue;
    }
    const layer: Layer = { source, value, lines };
    if (hasBothOutbound(value)) onWarning?.(`${locate([layer], ["relay_outbound"])}: ${bothOutbound}`);
    layers.push(moveRelayOutbound(layer));
  }
  return { layers, problems };
}

const bothOutbound = "relay_outbound: passed over, as endpoints.relay_outbound in the same file wins; keep one of them";

function hasBothOutbound({ endpoints, relay_outbound }: Mapping): boolean {
  return relay_outbound != null && isMapping(endpoints) && Object.hasOwn(endpoints, "relay_outbound");
}

function adviseOn(name: string): string {
  const meant = nearest(name, Object.keys(configKeys));
  return `${name}: not a key that fedmsg knows${meant ? `; did you mean ${meant}?` : ""}`;
}
