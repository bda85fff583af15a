import {
  type CompletedCommand,
  type CompletionModel,
  type Flag,
  nextWords,
  type Value,
  wordsWithNext,
} from "./model.ts";
import type { TemplateParts } from "./template.ts";

/**
 * What bash's script has to know. The script works from bash 3.2 on; it does without `compgen -W`, which would run what
 * stands in `$(…)`: it compares words itself, and quotes what it puts in.
 */
export function bashParts({ commands, commonFlags, aliases }: CompletionModel): TemplateParts {
  const programs = ["fedmsg", ...aliases.map(({ program }) => program)];
  const own = (flag: Flag, name: string) => flag.names.map((flagName) => quote(`${name} ${flagName}`));
  const common = commonFlags.flatMap((flag) =>
    valueCase(
      flag,
      flag.names.map((name) => `*${quote(` ${name}`)}`),
    ),
  );
  return {
    ALIASES: aliases.map(({ program, command }) => `${program}) words=(${command}) ;;`),
    WORDS: [
      ["", nextWords(commands)] as const,
      ...wordsWithNext(commands).map((word) => [word, nextWords(commands, word)] as const),
    ].map(([word, next]) => `${quote(word)}) choices=(${[...next.keys()].join(" ")}) ;;`),
    COMMON: [commonFlags.flatMap(({ names }) => names).join(" ")],
    COMMANDS: commands.map(
      ({ name, flags }) => `${quote(name)}) flags+=(${flags.flatMap(({ names }) => names).join(" ")}) ;;`,
    ),
    FLAGS: [
      ...commands.flatMap(({ name, flags }) => flags.flatMap((flag) => valueCase(flag, own(flag, name)))),
      ...common,
    ],
    PLACES: commands.flatMap(placeCases),
    PROGRAMS: [programs.join(" ")],
  };
}

function valueCase({ value }: Flag, patterns: readonly string[]): readonly string[] {
  return value ? [`${patterns.join("|")}) ${assign(value)} ;;`] : [];
}

function placeCases({ name, places }: CompletedCommand): readonly string[] {
  return places.map((place, n) => `${quote(`${name} `)}${place.isVariadic ? "*" : n}) ${assign(place)} ;;`);
}

function assign({ kind, words }: Value): string {
  return `kind=${kind}${words.length > 0 ? ` choices=(${words.map(quote).join(" ")})` : ""}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
