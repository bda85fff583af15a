import type { CommandContext } from "fedmsg/command";
import type { Config } from "fedmsg/config";
import { nextSteps } from "../scaffold/next-steps.ts";
import { consumerFile, consumerTestFile, producerFile, producerTestFile } from "../scaffold/plugin-files.ts";
import { assertModuleName, type NewModule, writeModule } from "../scaffold/write-module.ts";

/** What a hub runs. */
export type PluginKind = "consumer" | "producer";

type Render = (module: NewModule, config: Config) => string;

const kinds: Readonly<
  Record<PluginKind, { readonly example: string; readonly module: Render; readonly test: Render }>
> = {
  consumer: { example: "count-builds", module: consumerFile, test: consumerTestFile },
  producer: { example: "disk-space", module: producerFile, test: producerTestFile },
};

/** Writes a consumer or producer and its test, both or neither. */
export async function run(
  { arguments: [name = ""], options, config }: CommandContext,
  kind: PluginKind,
): Promise<number> {
  const { folder, typescript: isTypescript = false } = options as { folder: string; typescript?: boolean };
  const { example, module, test } = kinds[kind];
  assertModuleName(name, example);
  const written = await writeModule({
    ...{ name, folder, isTypescript },
    module: (written) => module(written, config),
    test: (written) => test(written, config),
  });
  process.stdout.write(nextSteps({ ...written, config, key: `${kind}s`, run: ["npx fedmsg hub"] }));
  return 0;
}
