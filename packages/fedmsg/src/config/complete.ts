import { FedmsgError } from "../errors.ts";
import { checkKeys, invalid } from "./check.ts";
import { checkTogether } from "./cross-check.ts";
import { copyData, deepFreeze, type Mapping } from "./data.ts";
import { type Layer, locate, moveRelayOutbound, optionSource, type Path } from "./origin.ts";
import { type Config, type ConfigInput, configKeys, findKey } from "./schema.ts";

const complete = new WeakSet<object>();
const layersOf = new WeakMap<object, readonly Layer[]>();

/** Whether a value is a complete, checked configuration: one that `loadConfig` or {@link completeConfig} made. */
export function isLoadedConfig(value: unknown): value is Config {
  return typeof value === "object" && value !== null && complete.has(value);
}

/**
 * Where a value of the configuration comes from: `file:line` (only the file, where the line is not known), `option` for
 * flags and for what a caller gave, or `default`. `undefined` for a key that nobody gave, and for an object that is not
 * a loaded configuration.
 *
 * @param path further names and numbers, to ask for a part of the key's value
 * @example
 * ```ts
 * configOrigin(config, "endpoints", "bodhi.app01"); // "/etc/fedmsg.d/endpoints.yaml:12"
 * ```
 */
export function configOrigin(config: object, key: string, ...path: Path): string | undefined {
  const layers = layersOf.get(config);
  if (!layers) return undefined;
  if (locate(layers, [key]) !== undefined) return locate(layers, [key, ...path]);
  const known = findKey(key);
  const filled = key === "topic_prefix_re" || (known && "default" in known);
  return filled && complete.has(config) ? "default" : undefined;
}

/** What a configuration was made from, the weakest first: paths of files, and `option`. */
export function configSources(config: object): readonly string[] {
  return (layersOf.get(config) ?? []).map(({ source }) => source);
}

/**
 * Makes a complete configuration from some keys. A key given replaces the whole key of `base`, as Python's
 * `dict.update` does (`fedmsg.init(**config)`); only `relay_outbound` goes into the endpoints that are there. `undefined`
 * stands for "not given", and `null` brings the default back.
 *
 * @param base what the other keys are taken from. Default: the defaults alone; no file is read
 * @throws FedmsgError FEDMSG_CONFIG_INVALID with a line for each problem
 */
export function completeConfig(partial: ConfigInput | Config, base?: Config): Config {
  if (isLoadedConfig(partial) && base === undefined) return partial;
  const under = base === undefined || isLoadedConfig(base) ? base : completeConfig(base);
  const layer = optionLayer(partial);
  const { values, problems } = checkKeys(layer.value);
  if (problems.length > 0) throw invalid(problems, () => optionSource);
  const kept = Object.entries(under ?? {}).filter(
    ([key]) => !Object.hasOwn(layer.value, key) && !isDerived(under, key),
  );
  const merged: Mapping = { ...Object.fromEntries(kept), ...values };
  if (under && partial.endpoints == null && Object.hasOwn(values, "endpoints")) {
    merged.endpoints = { ...under.endpoints, ...(values.endpoints as Config["endpoints"]) };
  }
  const layers = [...(under ? (layersOf.get(under) ?? []) : []), layer];
  const clashes = checkTogether(merged);
  if (clashes.length > 0) throw invalid(clashes, (path) => locate(layers, path) ?? optionSource);
  return seal(merged, layers);
}

/** Makes a layer of what flags or a caller gave. */
export function optionLayer(given: object): Layer {
  try {
    return moveRelayOutbound({ source: optionSource, value: copyData({ ...given }) as Mapping });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FedmsgError("FEDMSG_CONFIG_INVALID", `${optionSource}: ${why}`, { cause });
  }
}

/** Adds the defaults to checked values and freezes the whole; from here on it counts as loaded. */
export function seal(values: Mapping, layers: readonly Layer[]): Config {
  const filled = { ...defaultValues(), ...values };
  const config = deepFreeze({ topic_prefix_re: derivePattern(String(filled.topic_prefix)), ...filled });
  complete.add(config);
  layersOf.set(config, layers);
  return config as unknown as Config;
}

/** Topics under a prefix, in any environment (`fedmsg/config.py`, `load_config`). */
function derivePattern(prefix: string): string {
  return `${prefix.replace(/[^\w]/g, "\\$&")}\\.[A-Za-z0-9]+`;
}

/** Whether a value follows from others, and so must not outlive them. */
function isDerived(config: object | undefined, key: string): boolean {
  return key === "topic_prefix_re" && locate((config && layersOf.get(config)) ?? [], [key]) === undefined;
}

/** Like {@link seal}, but without defaults, and so not complete. */
export function sealPartial(values: Mapping, layers: readonly Layer[]): Partial<Config> {
  const config = deepFreeze({ ...values });
  layersOf.set(config, layers);
  return config as Partial<Config>;
}

let defaults: Mapping | undefined;

function defaultValues(): Mapping {
  defaults ??= Object.fromEntries(
    Object.entries(configKeys).flatMap(([name, key]) => ("default" in key ? [[name, key.default]] : [])),
  );
  return defaults;
}
