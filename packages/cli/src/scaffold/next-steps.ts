import { existsSync } from "node:fs";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import { type Config, configOrigin, configSources } from "fedmsg/config";

/** What remains to do once the files are written: the configuration is the user's, so it is told and not done. */
export function nextSteps(name: string, commandPath: string, testPath: string, config: Config): string {
  const place = whereToList(config);
  const folder = dirname(resolve(place.file));
  const listed = `.${sep}${relative(folder, resolve(commandPath))}`
    .replace(/^\.[\\/](?=\.\.)/, "")
    .replaceAll(sep, "/");
  const install = isInstalled("fedmsg", dirname(resolve(commandPath)))
    ? []
    : ["Install what it imports, in the folder of your package.json:", "", "  npm install fedmsg @fedmsg/cli", ""];
  return [
    `Wrote ${commandPath} and ${testPath}.`,
    "",
    ...install,
    "Run its test:",
    "",
    `  node --test ${testPath}`,
    "",
    `${place.what}:`,
    "",
    ...snippet(place.file, listed, place.isList).map((line) => `  ${line}`),
    "",
    "Then run it:",
    "",
    `  npx fedmsg ${name} --help`,
    "",
  ].join("\n");
}

/** Lists of several files replace each other, so where there is one it is the one to add to. */
function whereToList(config: Config): { readonly file: string; readonly what: string; readonly isList: boolean } {
  const origin = configOrigin(config, "commands");
  if (origin !== undefined && origin !== "default" && origin !== "option") {
    return { file: origin.replace(/:\d+$/, ""), what: `Add it to the list of commands at ${origin}`, isList: true };
  }
  const files = configSources(config).filter((source) => existsSync(source));
  const last = files.at(-1);
  const file = last === undefined || existsSync("fedmsg.d") ? join("fedmsg.d", "commands.yaml") : last;
  return { file, what: existsSync(file) ? `Add this to ${file}` : `Write this into a new file ${file}`, isList: false };
}

function snippet(file: string, path: string, isList: boolean): readonly string[] {
  const text = JSON.stringify(path);
  if ([".py", ".json"].includes(extname(file))) return [isList ? text : `"commands": [${text}],`];
  return isList ? [`- ${path}`] : ["commands:", `  - ${path}`];
}

/** Whether an import of a package is found from a folder: in its `node_modules`, or in one above. */
function isInstalled(name: string, folder: string): boolean {
  if (existsSync(join(folder, "node_modules", name, "package.json"))) return true;
  return dirname(folder) !== folder && isInstalled(name, dirname(folder));
}
