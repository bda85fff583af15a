import { type CommandEntry, findCommand } from "./command-entry.ts";
import { watchStreams } from "./streams.ts";
import { builtInCommands, isBuiltIn } from "./table.ts";

/**
 * Runs a command and leaves its exit code in `process.exitCode`.
 *
 * @param name the command, where the program's own name gives it (`fedmsg-tail`); else the first argument does
 */
export async function main(name?: string, args: readonly string[] = process.argv.slice(2)): Promise<void> {
  watchStreams();
  process.exitCode = await run(name, args);
}

async function run(program: string | undefined, args: readonly string[]): Promise<number> {
  const words = program ? [program, ...args] : args;
  const name = findCommand(words, isBuiltIn);
  if (name === undefined) return answer(words);
  const definition = await (builtInCommands[name] as CommandEntry).load();
  const { runCommand } = await import("./program.ts");
  const invokedAs = `${program ? "fedmsg-" : "fedmsg "}${name}`;
  return runCommand(definition, invokedAs, words.slice(name.split(" ").length));
}

/** What `fedmsg` does where none of its own commands was named. */
async function answer(words: readonly string[]): Promise<number> {
  const [word = "--help"] = words;
  if (word === "--help" || word === "-h" || word === "help") {
    process.stdout.write(`${overview()}\n`);
    return 0;
  }
  if (word === "--version" || word === "-V") {
    process.stdout.write(`${await version()}\n`);
    return 0;
  }
  const { runOwnCommand } = await import("./run-own.ts");
  return runOwnCommand(words);
}

function overview(): string {
  const lines = Object.entries(builtInCommands).map(([name, { summary }]) => `  ${name.padEnd(14)} ${summary}`);
  return [
    "Usage: fedmsg <command> [options]",
    "",
    "A federated message bus: every service publishes, whoever wants to listens.",
    "",
    "Commands:",
    ...lines,
    "",
    "fedmsg <command> --help describes a command. fedmsg-tail is the same as fedmsg tail, and so on.",
    "fedmsg commands lists those that the configuration adds, too.",
    "",
    "Try it:",
    "  $ fedmsg up                                  # in one terminal",
    "  $ fedmsg tail --really-pretty                # in a second",
    '  $ echo "Hello world" | fedmsg logger         # in a third: the message appears in the second',
  ].join("\n");
}

async function version(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
