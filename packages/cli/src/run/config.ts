import type { CommandContext } from "fedmsg/command";
import { configOrigin, maskSecrets } from "fedmsg/config";
import { dumps, prettyDumps } from "fedmsg/encoding";

interface ConfigOptions {
  readonly query?: string;
  readonly disableDefaults?: boolean;
  readonly secrets?: boolean;
}

/** Prints the configuration, or one value of it. */
export async function run({ options, config, log }: CommandContext): Promise<number> {
  const { query, disableDefaults, secrets } = options as ConfigOptions;
  const given = disableDefaults ? withoutDefaults(config) : config;
  if (query === undefined) {
    print(prettyDumps(secrets ? given : maskSecrets(given)));
    return 0;
  }
  const value = find(given, query.split("."));
  if (value === undefined || value === null) {
    log.error(`${query}: the configuration has no such value`);
    return 1;
  }
  for (const line of Array.isArray(value) ? value.map(formatItem) : [formatValue(value)]) print(line);
  return 0;
}

/** The keys that a file or a flag gave. */
export function withoutDefaults(config: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => configOrigin(config, key) !== "default"));
}

/** Follows names into a value. Names of keys may hold dots themselves, so the longest that is there is meant. */
function find(value: unknown, names: readonly string[]): unknown {
  if (names.length === 0) return value;
  if (typeof value !== "object" || value === null) return undefined;
  for (let length = names.length; length > 0; length--) {
    const name = names.slice(0, length).join(".");
    if (!Object.hasOwn(value, name)) continue;
    const found = find(Reflect.get(value, name), names.slice(length));
    if (found !== undefined) return found;
  }
  return undefined;
}

function formatItem(item: unknown): string {
  return typeof item === "string" ? item : dumps(item);
}

function formatValue(value: unknown): string {
  return typeof value === "string" ? value : prettyDumps(value);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
