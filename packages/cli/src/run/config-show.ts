import { type CommandContext, escapeControls } from "fedmsg/command";
import { configKeys, configOrigin, maskSecrets, nearest } from "fedmsg/config";
import { type Document, isCollection, isMap, isPair, isScalar, type Node, type YAMLMap } from "yaml";
import { writeYaml } from "../yaml.ts";
import { withoutDefaults } from "./config.ts";

interface ShowOptions {
  readonly origin?: boolean;
  readonly disableDefaults?: boolean;
  readonly secrets?: boolean;
}

type Path = readonly (string | number)[];

/** Prints the configuration as YAML. */
export async function run(context: CommandContext): Promise<number> {
  const { config, log, arguments: keys } = context;
  const { origin, disableDefaults, secrets } = context.options as ShowOptions;
  for (const key of keys.filter((name) => !Object.hasOwn(config, name))) log.warn(describeAbsent(key));
  const given: Record<string, unknown> = disableDefaults ? withoutDefaults(config) : { ...config };
  const wanted = Object.entries(given).filter(([key]) => keys.length === 0 || keys.includes(key));
  const shown = Object.fromEntries(wanted.sort(([a], [b]) => (a < b ? -1 : 1)));
  const text = await writeYaml(secrets ? shown : maskSecrets(shown), (document) => {
    if (origin) noteOrigins(document, config);
  });
  process.stdout.write(escapeControls(text));
  return keys.length > 0 && wanted.length === 0 ? 1 : 0;
}

function describeAbsent(key: string): string {
  if (Object.hasOwn(configKeys, key)) return `${key}: not set`;
  const meant = nearest(key, Object.keys(configKeys));
  return `${key}: not set, and not a key that fedmsg knows${meant ? `; did you mean ${meant}?` : ""}`;
}

/** Writes behind each value where it comes from, as a comment; behind a whole collection, where all of it does. */
function noteOrigins(document: Document, config: object): void {
  const note = (node: unknown, path: Path): void => {
    const inside = originsInside(node, path, config);
    const [single] = inside;
    if (isMap(node) && (path.length === 0 || inside.size > 1)) noteMembers(node, path, note);
    else if (single !== undefined) comment(node as Node, single);
  };
  note(document.contents, []);
}

function noteMembers(map: YAMLMap, path: Path, note: (node: unknown, path: Path) => void): void {
  for (const { key, value } of map.items) note(value, [...path, isScalar(key) ? String(key.value) : String(key)]);
}

function originsInside(node: unknown, path: Path, config: object): ReadonlySet<string> {
  const [key, ...rest] = path;
  const below = isCollection(node) ? node.items.flatMap((item, n) => childOf(item, n, path)) : [];
  const found = below.flatMap(([child, childPath]) => [...originsInside(child, childPath, config)]);
  if (found.length > 0 || key === undefined) return new Set(found);
  return new Set([configOrigin(config, String(key), ...rest) ?? "default"]);
}

function childOf(item: unknown, index: number, path: Path): readonly (readonly [unknown, Path])[] {
  if (isPair(item)) return [[item.value, [...path, isScalar(item.key) ? String(item.key.value) : String(item.key)]]];
  return [[item, [...path, index]]];
}

function comment(node: Node, text: string): void {
  // Behind a mapping or list there is no room: its first line is that of its key.
  if (isCollection(node) && node.items.length > 0) node.commentBefore = ` ${text}`;
  else node.comment = ` ${text}`;
}
