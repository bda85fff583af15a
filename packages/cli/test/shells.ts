/** Real shells that complete a command line: each is given one of our scripts, and tells what it would offer. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensureProgram } from "@fedmsg/testkit";
import { Program, type ProgramOptions, run, tempDir } from "./support.ts";

/** The shells that we write scripts for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** One of them. */
export type Shell = (typeof shells)[number];

/** Installs what is missing, or fails naming it. */
export function ensureShells(): void {
  for (const shell of shells) ensureProgram({ debianPackage: shell, check: [shell, "-c", "exit 0"] });
}

/** The script that `fedmsg completion` prints, as a file. */
export async function writeScript(shell: Shell, options: ProgramOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run("fedmsg", ["completion", shell], options);
  if (code !== 0 || stderr !== "") throw new Error(`fedmsg completion ${shell}: ${stderr}`);
  const file = join(tempDir(), "_fedmsg");
  writeFileSync(file, stdout);
  return file;
}

/** What a shell offers for the last word of a command line, in the order of the alphabet. */
export async function complete(shell: Shell, script: string, line: string, cwd = tempDir()): Promise<string[]> {
  const offered = await { bash: inBash, zsh: inZsh, fish: inFish }[shell](script, line, cwd);
  return [...new Set(offered)].sort();
}

async function linesOf(command: string, args: readonly string[], options: ProgramOptions): Promise<string[]> {
  await using program = new Program(command, args, { stdin: "", ...options });
  const { code, stdout, stderr } = await program.ended();
  if (code !== 0 || stderr !== "") throw new Error(`${program.title}: exit code ${code}, ${stderr}`);
  return stdout.split("\n").filter((text) => text !== "");
}

/** Calls the function that the script registers, as readline does. */
const bashDriver = `
  set -u
  source "$1"
  shift
  complete -p "\${1##*/}" >/dev/null
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  _fedmsg "$1"
  printf '%s\\n' \${COMPREPLY[@]+"\${COMPREPLY[@]}"}
`;

/** Readline takes `=` for the end of a word, unless it is told otherwise. */
function inBash(script: string, line: string, cwd: string): Promise<string[]> {
  return completeWordsInBash(script, line.split(/ |(?<=^|[^=])(?==)|(?<==)/), cwd);
}

/** What bash offers for the last of these words. */
export function completeWordsInBash(script: string, words: readonly string[], cwd: string): Promise<string[]> {
  return linesOf("bash", ["--norc", "-c", bashDriver, "bash", script, ...words], { cwd });
}

async function inFish(script: string, line: string, cwd: string): Promise<string[]> {
  const lines = await linesOf("fish", ["--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script, line], {
    cwd,
  });
  return lines.map((text) => text.split("\t")[0] as string);
}

/** A zsh that prints what completion adds; after Valodim's zsh-capture-completion. */
const zshrc = `
  fpath=(FOLDER $fpath)
  autoload -Uz compinit
  compinit -u -D
  PROMPT= RPROMPT=
  bindkey -e
  compadd() {
    builtin compadd "$@"
    local -i code=$?
    if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
      local -a hits
      builtin compadd -A hits "$@"
      print -rl -- "HIT:"$^hits
    fi
    return code
  }
  comppostfuncs=(tell-end)
  tell-end() { print -r -- "HIT""END"; }
  print -r -- "REA""DY"
`;

/** Types into an interactive zsh on a terminal of its own. */
const zshDriver = `
  zmodload zsh/zpty
  zpty shell "ZDOTDIR=\${(q)1} TERM=dumb zsh -i"
  zpty -r -m shell line "*READY*" || exit 3
  zpty -w -n shell "$2"$'\\t'
  while zpty -r shell line; do
    line=\${line%%$'\\r'#$'\\n'}
    [[ $line == *HITEND* ]] && break
    [[ $line == *HIT:* ]] && print -r -- "\${line#*HIT:}"
  done
  zpty -d shell
`;

/** The script lies in a folder of fpath, where zsh loads it as the function that completes. */
function inZsh(script: string, line: string, cwd: string): Promise<string[]> {
  const folder = join(tempDir(), "zsh");
  mkdirSync(folder);
  writeFileSync(join(folder, ".zshrc"), zshrc.replace("FOLDER", dirname(script)));
  return linesOf("zsh", ["-f", "-o", "extendedglob", "-c", zshDriver, "zsh", folder, line], { cwd });
}
