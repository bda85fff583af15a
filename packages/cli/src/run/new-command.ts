import type { CommandContext } from "fedmsg/command";
import type { CommandTable } from "../command-entry.ts";
import { commandFile, testFile } from "../scaffold/files.ts";
import { nextSteps } from "../scaffold/next-steps.ts";
import { assertModuleName, refuse, writeModule } from "../scaffold/write-module.ts";

/** Writes a command and its test, both or neither. */
export async function run(context: CommandContext, table: CommandTable): Promise<number> {
  const {
    arguments: [name = ""],
    options,
    config,
  } = context;
  const { folder, typescript: isTypescript = false } = options as { folder: string; typescript?: boolean };
  assertModuleName(name, "count-builds");
  if (Object.hasOwn(table, name))
    throw refuse(`fedmsg itself has a command ${JSON.stringify(name)}; choose another name`);
  const written = await writeModule({ name, folder, isTypescript, module: commandFile, test: testFile });
  const steps = nextSteps({ ...written, config, key: "commands", run: [`npx fedmsg ${name} --help`] });
  process.stdout.write(steps);
  return 0;
}
