/** `fedmsg completion`: what real shells offer with the scripts that it prints. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { commonOptions } from "../src/common-options.ts";
import { builtInCommands } from "../src/table.ts";
import { complete, completeWordsInBash, ensureShells, type Shell, shells, writeScript } from "./shells.ts";
import { Program, root, run, tempDir } from "./support.ts";

beforeAll(ensureShells, 300_000);

const commonFlags = ["--help", ...commonOptions.map(({ flags }) => flags.split(" ")[0] as string)].sort();
const firstWords = [...new Set(Object.keys(builtInCommands).map((name) => name.split(" ")[0] as string))].sort();

/** What must be offered: exactly this. */
const offers: readonly (readonly [line: string, words: string])[] = [
  ["fedmsg ta", "tail"],
  ["fedmsg config s", "schema show"],
  ["fedmsg new ", "command consumer producer"],
  ["fedmsg new command ", ""],
  ["fedmsg completion ", "bash fish zsh"],
  ["fedmsg completion z", "zsh"],
  ["fedmsg completion bash ", ""],
  ["fedmsg completion --timeout 3 f", "fish"],
  ["fedmsg tail --li", "--limit --linger"],
  ["fedmsg tail ", ""],
  ["fedmsg tail --limit ", ""],
  ["fedmsg tail --topic x --prett", "--pretty"],
  ["fedmsg config check --s", "--strict"],
  ["fedmsg config show --ori", "--origin"],
  ["fedmsg-tail --prin", "--print-config"],
  ["fedmsg-tail --really", "--really-pretty"],
  ["fedmsg-logger --json", "--json-input"],
  ["fedmsg-config sho", "show"],
  ["fedmsg config convert o", "one.py other/"],
  ["fedmsg config convert one.py o", "one.py other/"],
  ["fedmsg config convert --to o", "other/"],
  ["fedmsg tail --config-filename o", "one.py other/"],
  ["fedmsg nothing ", ""],
];

describe.each(shells)("in %s", (shell) => {
  test("the script is valid", async () => {
    await using check = new Program(shell, ["-n", await writeScript(shell)], { stdin: "" });
    expect(await check.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  });

  test("commands, flags, words and files are offered where they belong", { timeout: 120_000 }, async () => {
    const script = await writeScript(shell);
    const cwd = tempDir();
    writeFileSync(join(cwd, "one.py"), "");
    mkdirSync(join(cwd, "other"));
    const found: [string, string][] = [];
    for (const [line] of offers) found.push([line, await offered(shell, script, line, cwd)]);
    expect(found).toEqual(offers);
  });

  test("all first words, and all common flags", async () => {
    const script = await writeScript(shell);
    const words = (await complete(shell, script, "fedmsg ")).filter((word) => !word.startsWith("-"));
    expect(words).toEqual(firstWords);
    const flags = (await complete(shell, script, "fedmsg up --")).filter((word) => word.startsWith("--"));
    expect(flags).toEqual(commonFlags);
  });

  test("one's own commands are completed, whatever they hold, and none of it runs", async () => {
    const folder = tempDir();
    const words = ["$(touch PWNED)", "`touch PWNED`", "(touch PWNED)", "it's", 'a "b"', "x:y[z]", "\\", "%d", "plain"];
    const text = "$(touch PWNED) `touch PWNED` ' \" ] : \\ %d\n\u001b[2J {a,b} *";
    const mine = {
      name: "mine",
      description: text,
      options: [{ flags: "-k, --kind <kind>", description: text, choices: words }],
      arguments: [{ syntax: "<word>", description: text, choices: words }],
    };
    const more = { name: "mine too", description: "d" };
    const list = [mine, more].map((command) => `{ ...${JSON.stringify(command)}, async run() {} }`);
    writeFileSync(join(folder, "mine.mjs"), `export default [${list}];`);
    writeFileSync(join(folder, "fedmsg.yaml"), "commands: ./mine.mjs");
    const script = await writeScript(shell, { env: { FEDMSG_CONFIG: join(folder, "fedmsg.yaml") } });
    const at = (line: string) => complete(shell, script, line, folder);
    expect(await at("fedmsg mi")).toEqual(["mine"]);
    expect(await at("fedmsg mine t")).toEqual(["too"]);
    expect((await at("fedmsg mine --k")).join()).toBe("--kind");
    for (const line of ["fedmsg mine --kind ", "fedmsg mine -k x "]) {
      expect(
        (await at(line))
          .map(unquote)
          .filter((word) => word !== "too")
          .sort(),
      ).toEqual([...words].sort());
    }
    expect(await at("fedmsg mine --kind p")).toEqual(["plain"]);
    expect(existsSync(join(folder, "PWNED"))).toBe(false);
  });
});

/**
 * Folders have a slash behind them, which some shells add later. Flags count where one was begun: zsh offers them also
 * where it has nothing else.
 */
async function offered(shell: Shell, script: string, line: string, cwd: string): Promise<string> {
  const words = await complete(shell, script, line, cwd);
  const wanted = words.filter((word) => !word.startsWith("-") || line.split(" ").at(-1)?.startsWith("-"));
  return wanted.map((word) => (word === "other" ? "other/" : word)).join(" ");
}

/** Bash is given words as they must stand on the command line. */
function unquote(word: string): string {
  return word.replace(/\\(.)/g, "$1");
}

test("bash completes values behind =, also where that is no word break", async () => {
  const script = await writeScript("bash");
  const cwd = tempDir();
  writeFileSync(join(cwd, "one two.yaml"), "");
  expect(await complete("bash", script, "fedmsg tail --config-filename=on", cwd)).toEqual(["one two.yaml"]);
  expect(await complete("bash", script, "fedmsg tail --config-filename=", cwd)).toEqual(["one two.yaml"]);
  expect(await complete("bash", script, "fedmsg tail --topic=x --prett", cwd)).toEqual(["--pretty"]);
  const whole = (...words: string[]) => completeWordsInBash(script, ["/usr/bin/fedmsg-tail", ...words], cwd);
  expect(await whole("--config-filename=on")).toEqual(["--config-filename=one two.yaml"]);
  expect(await whole("--topic=x", "--prett")).toEqual(["--pretty"]);
});

test("every program of the package is completed", async () => {
  const { bin } = JSON.parse(readFileSync(join(root, "packages/cli/package.json"), "utf8"));
  const script = readFileSync(await writeScript("bash"), "utf8");
  const programs = /^complete -F _fedmsg (.*)$/m.exec(script)?.[1]?.split(" ");
  expect(programs?.sort()).toEqual(Object.keys(bin).sort());
});

test.each([[[]], [["csh"]], [["bash", "zsh"]]])(
  "fedmsg completion %j is an error of the command line",
  async (args) => {
    const { code, stdout, stderr } = await run("fedmsg", ["completion", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^fedmsg completion: error: /);
  },
);

test("a module that does not load is left out, and named", async () => {
  const { code, stdout, stderr } = await run("fedmsg", ["completion", "bash"], { config: { commands: ["./no.mjs"] } });
  expect({ code, whole: stdout.endsWith("fedmsg-config\n") }).toEqual({ code: 0, whole: true });
  expect(stderr).toMatch(/left out: .*fedmsg\.yaml:1: \.\/no\.mjs: there is no file /);
});
