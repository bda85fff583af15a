/**
 * From what the configuration lists to definitions that can run. Nothing that is wrong with one of them keeps the others
 * from being loaded: it is a failure with the place in the configuration, the module and, where there is one, the plugin.
 *
 * ```
 * ./audit.ts            the default export: one definition, or a list
 * ./audit.ts:nightly    the export of that name; else the one of the default export with that name
 * fedmsg-audit          the default export of a package
 * ```
 */

import { FedmsgError } from "fedmsg";
import { type Config, configOrigin } from "fedmsg/config";
import { type AnyConsumerDefinition, loadModule, moduleFolder, type ProducerDefinition } from "fedmsg/plugin";
import { builtInConsumers, findBuiltIn } from "./built-in.ts";
import { consumerProblems, producerProblems } from "./check-plugin.ts";
import { describeThrown, show } from "./text.ts";

/** A definition, and where it is from. */
export interface Loaded<Definition> {
  readonly definition: Definition;
  /** As the configuration names it; as Python does, for what comes with the hub; `option` for what was given directly. */
  readonly module: string;
}

/** What there is to run. */
export interface LoadedPlugins {
  readonly consumers: readonly Loaded<AnyConsumerDefinition>[];
  readonly producers: readonly Loaded<ProducerDefinition>[];
  /** What is wrong with the others. */
  readonly failures: readonly FedmsgError[];
  /** Names of plugins whose `configKey` is not set. */
  readonly off: readonly string[];
}

/** What a caller gives directly. */
export interface GivenPlugins {
  readonly consumers?: readonly AnyConsumerDefinition[] | undefined;
  readonly producers?: readonly ProducerDefinition[] | undefined;
}

interface Kind<Definition> {
  readonly noun: "consumer" | "producer";
  readonly problemsOf: (value: unknown) => readonly string[];
  readonly key: "consumers" | "producers" | "explicit_hub_consumers";
  readonly given: readonly Loaded<Definition>[];
  readonly listed: readonly string[];
}

/** Loads everything that the configuration lists, and adds what comes with the hub and what was given. */
export async function loadPlugins(config: Config, given: GivenPlugins = {}): Promise<LoadedPlugins> {
  const { explicit_hub_consumers: explicit } = config;
  const failures: FedmsgError[] = [];
  const off: string[] = [];
  const direct = (given.consumers ?? []).map((definition) => ({ definition, module: "option" }));
  const consumers = await loadAll<AnyConsumerDefinition>(config, failures, off, {
    ...{ noun: "consumer", problemsOf: consumerProblems },
    key: explicit ? "explicit_hub_consumers" : "consumers",
    given: [...direct, ...(explicit ? [] : builtInConsumers.filter(({ byNameOnly }) => !byNameOnly))],
    listed: explicit ?? config.consumers ?? [],
  });
  const producers = await loadAll<ProducerDefinition>(config, failures, off, {
    ...{ noun: "producer", problemsOf: producerProblems, key: "producers" },
    given: (given.producers ?? []).map((definition) => ({ definition, module: "option" })),
    listed: config.producers ?? [],
  });
  return { consumers, producers, failures, off };
}

async function loadAll<Definition extends { readonly name: string; readonly configKey?: string }>(
  config: Config,
  failures: FedmsgError[],
  off: string[],
  { noun, problemsOf, key, given, listed }: Kind<Definition>,
): Promise<Loaded<Definition>[]> {
  const loaded = new Map<string, Loaded<Definition>>();
  const add = (value: unknown, module: string, place: string) => {
    const problems = problemsOf(value);
    const { name, configKey } = Object(value) as Partial<Definition>;
    const called = typeof name === "string" ? ` ${show(name)}` : "";
    if (problems.length > 0) throw moduleError(`${place}${module}: ${noun}${called}: ${problems.join("; ")}`);
    const definition = value as Definition;
    const other = loaded.get(definition.name);
    if (other) {
      throw moduleError(
        `${place}${module}: ${noun}${called}: ${other.module} has one of this name; choose another one`,
      );
    }
    if (configKey !== undefined && !isOn(config, configKey)) off.push(`${definition.name} (${configKey})`);
    else loaded.set(definition.name, { definition, module });
  };
  const collect = (work: () => void) => {
    try {
      work();
    } catch (error) {
      failures.push(moduleError(describeThrown(error)));
    }
  };
  for (const { definition, module } of given) collect(() => add(definition, module, ""));
  for (const [index, entry] of listed.entries()) {
    const origin = configOrigin(config, key, index);
    const place = `${key}[${index}] (${origin ?? "option"}): `;
    try {
      const values = await loadEntry(entry, moduleFolder(origin), noun);
      const module = findBuiltIn(entry)?.module ?? entry;
      for (const value of values) collect(() => add(value, module, place));
    } catch (error) {
      failures.push(moduleError(`${place}${describeThrown(error)}`));
    }
  }
  return [...loaded.values()];
}

/** What an entry names. @throws FedmsgError FEDMSG_MODULE */
async function loadEntry(entry: string, from: string, noun: string): Promise<readonly unknown[]> {
  const builtIn = noun === "consumer" ? findBuiltIn(entry) : undefined;
  if (builtIn) return [builtIn.definition];
  const { specifier, exportName } = splitEntry(entry);
  const module = (await loadModule(specifier, { from })) as Record<string, unknown>;
  const listed = listOf(module.default);
  if (exportName !== undefined) {
    if (Object.hasOwn(module, exportName)) return listOf(module[exportName]);
    const named = listed.filter((value) => Object(value).name === exportName);
    if (named.length > 0) return named;
    const names = Object.keys(module).slice(0, 20).join(", ") || "nothing";
    throw moduleError(`${entry}: there is no export ${exportName}, nor a ${noun} of that name; it exports ${names}`);
  }
  if (listed.length > 0 && listed.every((value) => typeof value === "object" && value !== null)) return listed;
  const found =
    module.default === undefined ? "there is no default export" : `the default export is ${show(module.default)}`;
  throw moduleError(
    `${entry}: ${found}; wanted ${noun === "consumer" ? "defineConsumer" : "defineProducer"}(…), or a list of such`,
  );
}

/** `module:name`, as Python writes it; a colon that belongs to the path of a file has a slash behind it. */
function splitEntry(entry: string): { specifier: string; exportName?: string } {
  const [, specifier, exportName] = /^(.+):([A-Za-z_$][\w$-]*)$/.exec(entry) ?? [];
  return specifier === undefined || exportName === undefined ? { specifier: entry } : { specifier, exportName };
}

function listOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function isOn(config: Config, key: string): boolean {
  const value: unknown = Object.hasOwn(config, key) ? (config as unknown as Record<string, unknown>)[key] : undefined;
  if (Array.isArray(value)) return value.length > 0;
  return Boolean(value);
}

function moduleError(message: string): FedmsgError {
  return new FedmsgError("FEDMSG_MODULE", message);
}

/** Says why there is nothing to run, and what to do. */
export function nothingToRun({ failures, off }: LoadedPlugins): FedmsgError {
  const reasons = [
    ...(failures.length > 0 ? [`${failures.length} could not be loaded`] : []),
    ...(off.length > 0 ? [`switched off: ${off.join(", ")}`] : []),
  ];
  const why = reasons.length > 0 ? ` (${reasons.join("; ")})` : "";
  return new FedmsgError(
    "FEDMSG_MODULE",
    `there is nothing to run${why}; list modules under consumers or producers in the configuration: consumers: [./audit.ts]`,
  );
}
