/** One's own commands: `fedmsg NAME` for what modules of the configuration define. */

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { root, run, start, tempDir } from "./support.ts";

/** Writes files into a folder in which `fedmsg` can be imported. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = tempDir();
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** A module with one command that prints what it was given. */
const hello = `
  import { defineCommand } from "fedmsg/command";
  export default defineCommand({
    name: "hello",
    description: "Says hello. Twice.",
    options: [{ flags: "-t, --to <name>", description: "to whom", default: "world" }],
    arguments: [{ syntax: "[words...]", description: "what else" }],
    async run({ options, arguments: words, config, log }) {
      log.info("at work");
      console.log(JSON.stringify([options.to, words, config.environment]));
      return 3;
    },
  });`;

/** A module with one command, so long as \`more\` does not say otherwise. */
function moduleOf(name: string, more = "", body = ""): string {
  return `export default { name: "${name}", description: "d", async run() { ${body} }, ${more} };`;
}

describe("a command of one's own", () => {
  test("has flags, arguments, configuration, log and exit code like any other", async () => {
    const cwd = folderOf({ "fedmsg.d/a.yaml": "commands: ../hello.mjs\nenvironment: stg\n", "hello.mjs": hello });
    const { code, stdout, stderr } = await run("fedmsg", ["hello", "a", "-t", "you", "b"], { cwd });
    expect({ code, stdout }).toEqual({ code: 3, stdout: '["you",["a","b"],"stg"]\n' });
    expect(stderr).toMatch(/hello.*at work/);
    const help = await run("fedmsg", ["hello", "--help"], { cwd });
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatch(
      /^Usage: fedmsg hello \[options\] \[words\.\.\.\]\n\nSays hello[\s\S]*--to <name>[\s\S]*--linger/,
    );
    const config = await run("fedmsg", ["hello", "--print-config", "--topic-prefix", "a.b"], { cwd });
    expect(JSON.parse(config.stdout)).toMatchObject({ environment: "stg", topic_prefix: "a.b" });
    expect(await run("fedmsg", ["hello", "--tto"], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("fedmsg hello: error: unknown option '--tto'"),
    });
  });

  test("hears SIGTERM by its signal", async () => {
    const body =
      'await new Promise((end) => { signal.onabort = end; setInterval(() => {}, 1000); console.log("waits"); }); process.exit(4);';
    const cwd = folderOf({
      "fedmsg.d/a.yaml": "commands: [../wait.mjs]",
      "wait.mjs": `export default { name: "wait", description: "d", async run({ signal }) { ${body} } };`,
    });
    await using waiting = start("fedmsg", ["wait"], { cwd });
    await waiting.until("stdout", /waits/);
    waiting.signal("SIGTERM");
    expect(await waiting.ended()).toMatchObject({ code: 4, stderr: "" });
  });

  test("is found by --config-filename, by FEDMSG_CONFIG, in a package, in TypeScript, among several", async () => {
    const folder = folderOf({
      "a/one.yaml": "commands: ./sub/one y#%.mjs",
      "a/sub/one y#%.mjs": moduleOf("one", "", "return 11;"),
      "b/two.py": "config = dict(commands=['./two.ts'])",
      "b/two.ts": `enum Code { Two = 12 }
        export default [{ name: "two", description: "d", run: async () => Code.Two as number },
                        { name: "two three", description: "d", run: async () => 23 as number }];`,
      "c/three.json": '{"commands": ["@me/pack"]}',
      "c/node_modules/@me/pack/package.json": '{"type": "module", "exports": "./x.js"}',
      "c/node_modules/@me/pack/x.js": moduleOf("three", "", "return 13;"),
    });
    const byFlag = ["one", "--config-filename", "a/one.yaml"];
    expect(await run("fedmsg", byFlag, { cwd: folder })).toMatchObject({ code: 11, stderr: "" });
    expect(await run("fedmsg", ["one", "--config-filename=a"], { cwd: folder })).toMatchObject({
      code: 11,
      stderr: "",
    });
    const env = (file: string) => ({ env: { FEDMSG_CONFIG: join(folder, file) } });
    expect(await run("fedmsg", ["two"], env("b/two.py"))).toMatchObject({ code: 12, stderr: "" });
    expect(await run("fedmsg", ["two", "three"], env("b/two.py"))).toMatchObject({ code: 23, stderr: "" });
    expect(await run("fedmsg", ["three"], env("c/three.json"))).toMatchObject({ code: 13, stderr: "" });
  });

  test.each([
    ['throw new TypeError("boom");', /^fedmsg bad: failed: TypeError: boom\n +at .*bad\.mjs/],
    ['throw "boom\\x1b[2J";', /^fedmsg bad: failed: boom\\x1b\[2J\n$/],
    ['throw Object.assign(new Error("told"), { name: "FedmsgError" });', /^fedmsg bad: told\n$/],
    ["return 'no code';", /^fedmsg bad: failed: TypeError: run\(\) of \.\.\/bad\.mjs resolved to 'no code'; wanted/],
  ])("that fails is told with what its author needs: %s", async (body, message) => {
    const cwd = folderOf({ "fedmsg.d/a.yaml": "commands: ../bad.mjs", "bad.mjs": moduleOf("bad", "", body) });
    const { code, stdout, stderr } = await run("fedmsg", ["bad"], { cwd });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
  });
});

describe("a name", () => {
  test("that fedmsg itself has is fedmsg's, and one's own command of that name is warned about", async () => {
    const cwd = folderOf({
      "fedmsg.d/a.yaml": "commands: [../tail.mjs, ../config.mjs, ../one.mjs, ../other.mjs]",
      "tail.mjs": moduleOf("tail", "", 'console.log("mine");'),
      "config.mjs": moduleOf("config mine"),
      "one.mjs": moduleOf("one", "", "return 11;"),
      "other.mjs": moduleOf("one"),
    });
    expect((await run("fedmsg", ["tail", "--help"], { cwd })).stdout).toContain("--really-pretty");
    const { code, stderr } = await run("fedmsg", ["one"], { cwd });
    expect(code).toBe(11);
    expect(stderr.trimEnd().split("\n")).toEqual([
      'fedmsg: warning: ../tail.mjs: tail: fedmsg itself has "tail", which wins; choose another name',
      'fedmsg: warning: ../config.mjs: config mine: fedmsg itself has "config", which wins; choose another name',
      "fedmsg: warning: ../other.mjs: one: ../one.mjs has it, too, which wins; choose another name",
    ]);
  });

  test("that nobody has is refused with the nearest, one's own among them", async () => {
    const cwd = folderOf({ "fedmsg.d/a.yaml": "commands: ../hello.mjs", "hello.mjs": hello });
    const unknown = await run("fedmsg", ["helo"], { cwd });
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toBe('fedmsg: there is no command "helo"; did you mean "hello"?\n');
    expect((await run("fedmsg", ["new"], { cwd })).stderr).toContain('did you mean "new command"?');
  });

  test("is looked for in no module where only help is wanted, or it cannot be a name", async () => {
    const cwd = folderOf({
      "fedmsg.d/a.yaml": "commands: ../loud.mjs",
      "loud.mjs": `console.error("I RAN"); ${moduleOf("loud")}`,
    });
    for (const words of [["--help"], [], ["--version"], ["../x"], ["--loud"], ["tail", "--help"]]) {
      expect((await run("fedmsg", words, { cwd })).stderr).not.toContain("I RAN");
    }
    expect((await run("fedmsg", ["loud"], { cwd })).stderr).toContain("I RAN");
  });
});

describe("a module that cannot be used", () => {
  const files = {
    "fedmsg.d/a.yaml": "commands:\n  - ../broken.mjs\n  - ../hello.mjs\n  - no-such-package\n",
    "broken.mjs": "export default 7;\nconst = 3;\n",
    "hello.mjs": hello,
  };

  test("is a warning while another one has the command", async () => {
    const cwd = folderOf(files);
    const { code, stderr } = await run("fedmsg", ["hello"], { cwd });
    expect(code).toBe(3);
    const place = join(cwd, "fedmsg.d/a.yaml");
    expect(stderr).toContain(
      `fedmsg: warning: ${place}:2: ../broken.mjs: does not load: ${cwd}/broken.mjs:2: Unexpected token '='\n`,
    );
    expect(stderr).toContain(`fedmsg: warning: ${place}:4: no-such-package: cannot be found from ${cwd}/fedmsg.d: `);
  });

  test("is named where the command is in none of them", async () => {
    const cwd = folderOf(files);
    const { code, stdout, stderr } = await run("fedmsg", ["other"], { cwd });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^fedmsg: there is no command "other"; .*\nfedmsg: one's own commands could not all be looked at:\n/,
    );
    expect(stderr).toMatch(/a\.yaml:2: \.\.\/broken\.mjs: does not load[\s\S]*a\.yaml:4: no-such-package: /);
  });

  test("is marked by fedmsg commands, which lists all others", async () => {
    const { code, stdout, stderr } = await run("fedmsg", ["commands"], { cwd: folderOf(files) });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^tail +print the messages/m);
    expect(stdout).toMatch(/^hello +Says hello\. Twice\. \(\.\.\/hello\.mjs\)$/m);
    expect(stderr).toMatch(/error.*a\.yaml:2: \.\.\/broken\.mjs[\s\S]*error.*a\.yaml:4: no-such-package/);
    expect(await run("fedmsg", ["commands"])).toMatchObject({ code: 0, stderr: "" });
  });

  test("is not looked at where the configuration is wrong", async () => {
    const cwd = folderOf({ ...files, "fedmsg.d/b.yaml": "active: maybe" });
    const { code, stderr } = await run("fedmsg", ["hello"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/there is no command "hello"[\s\S]*b\.yaml:1: active: found "maybe"/);
  });
});

describe("what a module exports", () => {
  test.each([
    ["export const x = 1;", "there is no default export; wanted defineCommand(…), or a list of such"],
    ["export default 7;", "the default export is 7; wanted defineCommand(…), or a list of such"],
    ["export default [];", "the default export is []; wanted"],
    ["export default [null];", "the default export is [ null ]; wanted"],
    ["export default async function run() {}", "the default export is [AsyncFunction: run]; wanted"],
    ["export default [{ name: 'a', description: 'd', run() {} }, {}];", "[1].name: found undefined; wanted one or two"],
    [moduleOf("Bad Name"), "name: found 'Bad Name'; wanted one or two words of small letters"],
    [moduleOf("a b c"), "name: found 'a b c'; wanted"],
    [moduleOf("x", "description: ''"), "description: found ''; wanted a sentence"],
    [moduleOf("x", "run: 7"), "run: found 7; wanted a function"],
    [moduleOf("x", "options: {}"), "options: found {}; wanted a list"],
    [
      moduleOf("x", "options: [{ flags: 'to', description: '' }]"),
      "options[0].flags: found 'to'; wanted a flag such as",
    ],
    [moduleOf("x", "options: [{ flags: '--a--b <c', description: '' }]"), "options[0].flags: found '--a--b <c'"],
    [moduleOf("x", "options: [{ flags: '--a', description: '', choices: 'b' }]"), "options[0].choices: found 'b'"],
    [
      moduleOf("x", "options: [{ flags: '--timeout <n>', description: '' }]"),
      "options[0].flags: --timeout <n> clashes with --timeout <seconds>; wanted another name",
    ],
    [
      moduleOf("x", "options: [{ flags: '--no-linger', description: '' }]"),
      "options[0].flags: --no-linger clashes with --linger <ms>",
    ],
    [
      moduleOf("x", "options: [{ flags: '-h, --host <h>', description: '' }]"),
      "options[0].flags: -h, --host <h> clashes with -h, --help",
    ],
    [
      moduleOf("x", "options: [{ flags: '-a', description: '' }, { flags: '-a, --all', description: '' }]"),
      "options[1].flags: -a, --all clashes with -a; wanted",
    ],
    [
      moduleOf("x", "arguments: [{ syntax: 'file', description: '' }]"),
      "arguments[0].syntax: found 'file'; wanted <file>",
    ],
    [
      moduleOf("x", "arguments: [{ syntax: '<a...>', description: '' }, { syntax: '<b>', description: '' }]"),
      "arguments[0].syntax: found <a...> before <b>; wanted it to be the last",
    ],
    [moduleOf("x", "examples: ['a']"), "examples[0]: found 'a'; wanted a pair"],
  ])("is refused with what is wanted: %s", async (text, message) => {
    const cwd = folderOf({ "fedmsg.d/a.yaml": "commands: ../m.mjs", "m.mjs": text });
    const { code, stderr } = await run("fedmsg", ["x"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain(`/fedmsg.d/a.yaml:1: ../m.mjs: ${message}`);
  });

  test("is refused with all that is wrong at once", async () => {
    const text = "export default { name: 1, description: 2, options: [{}], arguments: [{}], run: 3 };";
    const cwd = folderOf({ "fedmsg.d/a.yaml": "commands: ../m.mjs", "m.mjs": text });
    const { stderr } = await run("fedmsg", ["x"], { cwd });
    expect(stderr.match(/\.\.\/m\.mjs: [\w[\].]+: found /g)).toHaveLength(7);
  });

  test("may have flags that come with a common one's first letters, and both --x and --no-x", async () => {
    const options = ["--time <t>", "-c, --colour", "--no-colour"].map((flags) => ({ flags, description: "" }));
    const cwd = folderOf({
      "fedmsg.d/a.yaml": "commands: ../m.mjs",
      "m.mjs": moduleOf(
        "x",
        `options: ${JSON.stringify(options)}, run: async ({ options }) => console.log(options.colour, options.time)`,
      ),
    });
    expect((await run("fedmsg", ["x", "--no-colour", "--time", "3"], { cwd })).stdout).toBe("false 3\n");
  });
});
