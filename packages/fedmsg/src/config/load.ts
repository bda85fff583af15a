import { FedmsgError } from "../errors.ts";
import { checkKeys, invalidLines, type Problem } from "./check.ts";
import { optionLayer, seal, sealPartial } from "./complete.ts";
import { checkTogether } from "./cross-check.ts";
import { type Mapping, mergeData } from "./data.ts";
import { surroundings } from "./environment.ts";
import { readFlags } from "./flags.ts";
import { readLayers } from "./layers.ts";
import { nearest } from "./nearest.ts";
import { type Layer, locateNear, optionSource, type Path } from "./origin.ts";
import { type Config, configKeys } from "./schema.ts";

/** Where `loadConfig` looks, and what it is told. */
export interface LoadConfigOptions {
  /** Files and folders to read in place of all others (`--config-filename`). An empty list: none. */
  readonly files?: readonly string[] | undefined;
  /** Keys that win over every file, as flags do. Mappings are merged, `undefined` is passed over. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
  /**
   * A command line of flags that set keys (`--topic-prefix x`, `--config-filename f`), without the program's name:
   * `process.argv.slice(2)`. They win over files; `files` and `overrides` win over them. Default: none.
   */
  readonly argv?: readonly string[] | undefined;
  /**
   * Ask the DNS for `srv_endpoints`, which takes 5 s where it does not answer. With false `endpoints` is what files and
   * flags give, and a bus asks when it subscribes. Default true.
   */
  readonly lookup?: boolean | undefined;
  /** Read the files again. Default: files that this process has read before are not read another time. */
  readonly reload?: boolean | undefined;
  /** Environment variables; `FEDMSG_CONFIG`, `VIRTUAL_ENV` and `HOME` are read. Default: those of the process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The folder that `./fedmsg.d` and relative paths are in. Default: the current one. */
  readonly cwd?: string | undefined;
  /** The folder that `~/.fedmsg.d` is in. Default: the user's. */
  readonly home?: string | undefined;
  /** Called with what deserves a look but is no error: unknown keys, names that do not resolve. Default: nothing is said. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Reads the configuration (`fedmsg/config.py`, `load_config`), from the weakest to the strongest: the defaults; the
 * files of the folders `/etc/fedmsg.d`, `~/.fedmsg.d`, `./fedmsg.d` and `$VIRTUAL_ENV/etc/fedmsg.d`, by name; the files
 * `/etc/fedmsg-config.*`, `~/.fedmsg-config.*` and `./fedmsg-config.*`; and `overrides`. `FEDMSG_CONFIG`, a file or a
 * folder, takes the place of all these files, and `files` takes that of `FEDMSG_CONFIG`.
 *
 * Files are YAML (`.yaml`, `.yml`), JSON (`.json`) or Python (`.py`, read but never run). Programs (`.js`, `.mjs`, `.ts`)
 * that export a `config` run, and so are read only where they are named. Mappings of several files are merged at any
 * depth; lists and single values replace each other, and so does a whole key its default.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE where a file named does not exist, or one found cannot be read or parsed;
 *   with a line for each problem in any file, those of FEDMSG_CONFIG_INVALID included
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
  const { env, cwd, home, onWarning, reload } = options;
  const flags = options.argv && readFlags(options.argv);
  const named = options.files ?? (flags?.file === undefined ? undefined : [flags.file]);
  const around = surroundings({ ...(env && { env }), ...(cwd && { cwd }), ...(home && { home }) });
  const files = await readLayers(around, { named, reload });
  const given = [flags?.overrides, options.overrides].flatMap((keys) => {
    return keys && Object.keys(keys).length > 0 ? [optionLayer(keys)] : [];
  });
  const layers = [...files.layers, ...given];
  const { values, problems, unknown } = checkKeys(
    layers.reduce<Mapping>((under, { value }) => mergeData(under, value), {}),
  );
  const place = (path: Path) => locateNear(layers, path) ?? optionSource;
  refuse(files.unreadable, [...files.problems, ...problems, ...checkTogether(values)], place);
  for (const text of files.warnings) onWarning?.(text);
  for (const name of unknown) onWarning?.(`${place([name])}: ${adviseOn(name)}`);
  if (options.defaults === false) return sealPartial(values, layers);
  const found = options.lookup === false ? [] : await lookupEndpoints(values, onWarning);
  return seal(
    found.reduce<Mapping>((under, { value }) => mergeData(under, value), values),
    [...layers, ...found],
  );
}

/** A layer for each domain that the DNS knows endpoints of; they take the place of what files say for that name. */
async function lookupEndpoints(values: Mapping, onWarning: LoadConfigOptions["onWarning"]): Promise<readonly Layer[]> {
  const { srv_endpoints: domains = [], srv_servers: servers } = values as Partial<Config>;
  if (domains.length === 0) return [];
  const { resolveSrvEndpoints } = await import("./srv/index.ts"); // Most have no use for it.
  const found = await resolveSrvEndpoints(domains, { servers, onWarning });
  return [...found].map(([domain, { addresses }]) => {
    return { source: `DNS: SRV _fedmsg._tcp.${domain}`, value: { endpoints: { [domain]: addresses } } };
  });
}

/** Makes one error of everything that is wrong. */
function refuse(unreadable: readonly FedmsgError[], problems: readonly Problem[], place: (path: Path) => string): void {
  if (unreadable.length + problems.length === 0) return;
  const lines = [...unreadable.map(({ message }) => message), ...invalidLines(problems, place)];
  const [first] = unreadable;
  const code = first?.code ?? "FEDMSG_CONFIG_INVALID";
  throw new FedmsgError(code, lines.join("\n"), first && { cause: first });
}

function adviseOn(name: string): string {
  const meant = nearest(name, Object.keys(configKeys));
  return `${name}: not a key that fedmsg knows${meant ? `; did you mean ${meant}?` : ""}`;
}
