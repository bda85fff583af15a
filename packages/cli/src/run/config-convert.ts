import { type CommandContext, countOf } from "fedmsg/command";
import { convertFiles, proveEqual } from "../convert/convert.ts";
import { listPythonFiles, retireFile, writeNew } from "../convert/files.ts";

interface ConvertOptions {
  readonly to?: string;
  readonly retire?: boolean;
  readonly dryRun?: boolean;
}

/** Converts; writes only where everything could be read and is proven equal. */
export async function run({ arguments: paths, options, log }: CommandContext): Promise<number> {
  const { to, retire, dryRun } = options as ConvertOptions;
  const sources = await listPythonFiles(paths);
  const converted = await convertFiles(sources, to);
  const keys = await proveEqual(converted);
  for (const { source, notes } of converted) for (const note of notes) log.warn(`${source}: ${note}`);
  for (const { source, target, yaml } of converted) {
    if (dryRun) process.stdout.write(`# ${target}\n${yaml}\n`);
    else {
      await writeNew(target, yaml);
      process.stdout.write(`${source} -> ${target}\n`);
    }
  }
  if (!dryRun) await Promise.all(converted.map(({ source }) => (retire ? retireFile(source) : undefined)));
  const outcome = `${countOf(converted.length, "file")}, ${countOf(keys, "key")}: the YAML says the same as the Python`;
  if (dryRun) log.info(outcome);
  else process.stdout.write(`${outcome}\n`);
  if (!dryRun && !retire && to === undefined) {
    log.info("the .py files are still read before the .yaml files; remove them, or run this with --retire");
  }
  return 0;
}
