import {
  type CompletedCommand,
  type CompletionModel,
  type Flag,
  nextWords,
  type Value,
  wordsWithNext,
} from "./model.ts";
import type { TemplateParts } from "./template.ts";

/** What zsh's script has to know: specifications for `_arguments`, in which words are quoted twice, as it evaluates them. */
export function zshParts({ commands, commonFlags, aliases }: CompletionModel): TemplateParts {
  return {
    PROGRAMS: ["fedmsg", ...aliases.map(({ program }) => program)],
    ALIASES: aliases.map(({ program, command }) => {
      const added = command.split(" ");
      return `${program}) words=("$words[1]" ${command} "\${(@)words[2,-1]}") CURRENT=$((CURRENT + ${added.length})) ;;`;
    }),
    COMMON: commonFlags.flatMap(flagSpecs),
    WORDS: describe(nextWords(commands)),
    NEXT: wordsWithNext(commands).map((word) => `${word}) names=(${describe(nextWords(commands, word)).join(" ")}) ;;`),
    PAIRS: [
      `${commands.flatMap(({ name }) => (name.includes(" ") ? [quote(name)] : [])).join("|")}) name="$words[2] $words[3]" ;;`,
    ],
    COMMANDS: commands.flatMap(commandCase),
  };
}

function commandCase({ name, flags, places }: CompletedCommand): readonly string[] {
  const specs = [
    ...flags.flatMap(flagSpecs),
    ...places.map((place) => quote(`${place.isVariadic ? "*" : ""}${action(place)}`)),
  ];
  return [
    `${quote(name)})`,
    "  _arguments -s -S $common \\",
    ...specs.map((spec) => `    ${spec} \\`),
    "    && ret=0",
    "  ;;",
  ];
}

/** `(-h --help)--help[print this help]`: what it excludes, its name, what it does, what it takes. */
function flagSpecs({ names, description, value, isOptional }: Flag): readonly string[] {
  const others = names.length > 1 ? `(${names.join(" ")})` : "";
  const takes = value ? `${isOptional ? ":" : ""}${action(value)}` : "";
  return names.map((name) => {
    const glue = value ? (name.startsWith("--") ? "=" : "+") : "";
    return quote(`${others}${name}${glue}[${escapeSpec(description)}]${takes}`);
  });
}

function action(value: Value): string {
  return `:${escapeSpec(value.name)}:${completer(value)}`;
}

function completer({ kind, words }: Value): string {
  if (kind === "files") return "_files";
  if (kind === "folders") return "_files -/";
  return kind === "words" ? `(${words.map((word) => quote(word).replaceAll(":", "\\:")).join(" ")})` : " ";
}

function describe(words: ReadonlyMap<string, string>): readonly string[] {
  return [...words].map(([word, summary]) => quote(`${word}:${summary.replace(/[\\:]/g, "\\$&")}`));
}

function escapeSpec(text: string): string {
  return text.replace(/[\\:[\]]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
