import type { CommandDefinition } from "fedmsg/command";

/** A command that is loaded only when it is wanted: `--help` must not wait for what it does not need. */
export interface CommandEntry {
  /** What it does, in a few words. */
  readonly summary: string;
  load(): Promise<CommandDefinition>;
}

/** Commands by their names. Those that have to know all commands are given the table: it names them, too. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;

/** The command that words begin with: `config check` is one beside `config`, so two words count before one. */
export function findCommand(words: readonly string[], isKnown: (name: string) => boolean): string | undefined {
  return [words.slice(0, 2).join(" "), words[0] ?? ""].find(isKnown);
}
