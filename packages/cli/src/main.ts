import type { CommandDefinition } from "fedmsg/command";
import { watchStreams } from "./streams.ts";

interface Entry {
  readonly summary: string;
  load(): Promise<CommandDefinition>;
}

/** Every command, loaded only when it is run: `--help` must not wait for what it does not need. */
const commands: Readonly<Record<string, Entry>> = {
  up: {
    summary: "start a relay and a gateway on this machine: a bus to try things on",
    load: async () => (await import("./commands/up.ts")).default,
  },
  tail: {
    summary: "print the messages of the bus as they come",
    load: async () => (await import("./commands/tail.ts")).default,
  },
  logger: {
    summary: "publish lines, or a JSON document, through the relay",
    load: async () => (await import("./commands/logger.ts")).default,
  },
  relay: {
    summary: "publish for those who have no address of their own",
    load: async () => (await import("./commands/relay.ts")).default,
  },
  gateway: {
    summary: "carry the whole bus on one public address",
    load: async () => (await import("./commands/gateway.ts")).default,
  },
  config: {
    summary: "print the configuration, or one value of it",
    load: async () => (await import("./commands/config.ts")).default,
  },
  "config check": {
    summary: "name every problem of the configuration",
    load: async () => (await import("./commands/config-check.ts")).default,
  },
  "config show": {
    summary: "print the configuration as YAML, and where it comes from",
    load: async () => (await import("./commands/config-show.ts")).default,
  },
  "config convert": {
    summary: "turn old Python files into YAML",
    load: async () => (await import("./commands/config-convert.ts")).default,
  },
  "config schema": {
    summary: "print a JSON Schema of the configuration, for editors",
    load: async () => (await import("./commands/config-schema.ts")).default,
  },
  bench: {
    summary: "measure publishing, relaying and latency on this machine",
    load: async () => (await import("./commands/bench.ts")).default,
  },
};

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
  // `config check` is a command beside `config`.
  const name = [words.slice(0, 2).join(" "), words[0] ?? "--help"].find((known) => Object.hasOwn(commands, known));
  if (name === undefined) return answer(words[0] ?? "--help");
  const definition = await (commands[name] as Entry).load();
  const { runCommand } = await import("./program.ts");
  const invokedAs = `${program ? "fedmsg-" : "fedmsg "}${name}`;
  return runCommand(definition, invokedAs, words.slice(name.split(" ").length));
}

/** What `fedmsg` says where no command was named. */
async function answer(word: string): Promise<number> {
  if (word === "--help" || word === "-h" || word === "help") {
    process.stdout.write(`${overview()}\n`);
    return 0;
  }
  if (word === "--version" || word === "-V") {
    process.stdout.write(`${await version()}\n`);
    return 0;
  }
  const { nearest } = await import("fedmsg/plugin");
  const meant = nearest(word, Object.keys(commands));
  const hint = meant ? `did you mean ${JSON.stringify(meant)}?` : "fedmsg --help lists the commands";
  process.stderr.write(`fedmsg: there is no command ${JSON.stringify(word)}; ${hint}\n`);
  return 2;
}

function overview(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(14)} ${summary}`);
  return [
    "Usage: fedmsg <command> [options]",
    "",
    "A federated message bus: every service publishes, whoever wants to listens.",
    "",
    "Commands:",
    ...lines,
    "",
    "fedmsg <command> --help describes a command. fedmsg-tail is the same as fedmsg tail, and so on.",
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
