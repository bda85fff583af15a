import {
  type CompletedCommand,
  type CompletionModel,
  type Flag,
  nextWords,
  type Value,
  wordsWithNext,
} from "./model.ts";
import type { TemplateParts } from "./template.ts";

/** What fish's script has to know: a line for each word, flag and place. What follows `-a` is quoted twice, as fish evaluates it. */
export function fishParts({ commands, commonFlags, aliases }: CompletionModel): TemplateParts {
  const befores = ["", ...wordsWithNext(commands)];
  return {
    VALUED: [
      ...commonFlags.flatMap((flag) => valuedNames(flag).map((name) => quote(`* ${name}`))),
      ...commands.flatMap(({ name, flags }) => flags.flatMap(valuedNames).map((flag) => quote(`${name} ${flag}`))),
    ],
    PAIRS: commands.flatMap(({ name }) => (name.includes(" ") ? [quote(name)] : [])),
    ALIASES: aliases.map(({ program, command }) => `complete -c ${program} -w 'fedmsg ${command}'`),
    WORDS: befores.flatMap((before) =>
      [...nextWords(commands, before)].map(([word, summary]) => {
        return `complete -c fedmsg -n ${quote(`__fedmsg_only ${before}`.trim())} -a ${word} -d ${quote(summary)}`;
      }),
    ),
    COMMON: commonFlags.map((flag) => flagLine("*", flag)),
    COMMANDS: commands.flatMap(commandLines),
  };
}

function commandLines({ name, flags, places }: CompletedCommand): readonly string[] {
  const lines = places.map((place, n) => {
    const condition = `__fedmsg_at ${quote(name)} ${n}${place.isVariadic ? " more" : ""}`;
    return `complete -c fedmsg -n ${quote(condition)}${takes(place)}`;
  });
  return [...flags.map((flag) => flagLine(name, flag)), ...lines];
}

function flagLine(command: string, { names, description, value, isOptional }: Flag): string {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const valued = value ? `${isOptional ? "" : " -r"}${takes(value)}` : "";
  return `complete -c fedmsg -n ${quote(`__fedmsg_at ${quote(command)}`)} ${flags.join(" ")}${valued} -d ${quote(description)}`;
}

function takes({ kind, words }: Value): string {
  if (kind === "files") return " -F";
  if (kind === "folders") return " -f -a '(__fish_complete_directories)'";
  return kind === "words" ? ` -f -a ${quote(words.map(quote).join(" "))}` : " -f";
}

function valuedNames({ names, value, isOptional }: Flag): readonly string[] {
  return value && !isOptional ? names : [];
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
