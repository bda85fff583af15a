import { existsSync } from "node:fs";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import { type Config, configOrigin, configSources } from "fedmsg/config";

/** What was written, and what it is. */
export interface NextStepsOptions {
  readonly modulePath: string;
  readonly testPath: string;
  readonly config: Config;
  /** The key of the configuration that it is to be listed under. */
  readonly key: "commands" | "consumers" | "producers";
  /** How to run it. */
  readonly run: readonly string[];
}

/** What remains to do once the files are written: the configuration is the user's, so it is told and not done. */
export function nextSteps({ modulePath, testPath, config, key, run }: NextStepsOptions): string {
  const place = whereToList(config, key);
  const folder = dirname(resolve(place.file));
  const listed = `.${sep}${relative(folder, resolve(modulePath))}`.replace(/^\.[\\/](?=\.\.)/, "").replaceAll(sep, "/");
  const install = isInstalled("fedmsg", dirname(resolve(modulePath)))
    ? []
    : ["Install what it imports, in the folder of your package.json:", "", "  npm install fedmsg @fedmsg/cli", ""];
  return [
    `Wrote ${modulePath} and ${testPath}.`,
    "",
    ...install,
    "Run its test:",
    "",
    `  node --test ${testPath}`,
    "",
    `${place.what}:`,
    "",
    ...snippet(place, key, listed).map((line) => `  ${line}`),
    "",
    "Then run it:",
    "",
    ...run.map((line) => `  ${line}`),
    "",
  ].join("\n");
}

/** Where something is to be listed. */
interface Place {
  readonly file: string;
  readonly what: string;
  /** Whether there is a list already. */
  readonly isList: boolean;
}

/** Lists of several files replace each other, so where there is one it is the one to add to. */
function whereToList(config: Config, key: NextStepsOptions["key"]): Place {
  const origin = configOrigin(config, key);
  if (origin !== undefined && origin !== "default" && origin !== "option") {
    return { file: origin.replace(/:\d+$/, ""), what: `Add it to the list of ${key} at ${origin}`, isList: true };
  }
  const files = configSources(config).filter((source) => existsSync(source));
  const last = files.at(-1);
  const file = last === undefined || existsSync("fedmsg.d") ? join("fedmsg.d", `${key}.yaml`) : last;
  return { file, what: existsSync(file) ? `Add this to ${file}` : `Write this into a new file ${file}`, isList: false };
}

function snippet({ file, isList }: Place, key: NextStepsOptions["key"], path: string): readonly string[] {
  const text = JSON.stringify(path);
  if ([".py", ".json"].includes(extname(file))) return [isList ? text : `"${key}": [${text}],`];
  return isList ? [`- ${path}`] : [`${key}:`, `  - ${path}`];
}

/** Whether an import of a package is found from a folder: in its `node_modules`, or in one above. */
function isInstalled(name: string, folder: string): boolean {
  if (existsSync(join(folder, "node_modules", name, "package.json"))) return true;
  return dirname(folder) !== folder && isInstalled(name, dirname(folder));
}
