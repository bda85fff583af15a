/** What commands write about themselves: where `logging` sends it, and what it looks like there. */

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { resolveHandler } from "../src/log/handlers.ts";
import { resolveLogger } from "../src/log/settings.ts";
import { Speaker } from "./bus.ts";
import { logOf, Program, type ProgramOptions, root, run, start, tempDir } from "./support.ts";

/** A key that nobody knows: every command warns of it. */
const warning = { frob: 1 };
const isWarning = { level: "warn", name: "fedmsg.config", msg: expect.stringMatching(/frob: not a key/) };

/** Runs a command that logs one warning. */
async function warn(logging: unknown, options: ProgramOptions = {}, config: object = warning) {
  return await run("fedmsg-config", ["--query", "environment"], { config: { ...config, logging }, ...options });
}

/** A configuration with one handler. */
function handler(settings: object, more: object = {}) {
  return { handlers: { one: settings }, loggers: { fedmsg: { level: "INFO", handlers: ["one"] } }, ...more };
}

const toStderr = { class: "logging.StreamHandler", stream: "ext://sys.stdout" };
const isOnTerminal = existsSync("/usr/bin/script");

/** Runs a command with a terminal for stdin, stdout and stderr; what it writes comes on our stdout. */
function onTerminal(config: object, args: string): Program {
  const command = `${process.execPath} ${root}/packages/cli/bin/${args}`;
  return new Program("/usr/bin/script", ["-qec", command, "/dev/null"], { config, stdin: "" });
}

/** As `warn`, on a terminal. */
async function warnOnTerminal(config: object): Promise<string> {
  await using script = onTerminal({ ...warning, ...config }, "fedmsg-config.js --query environment");
  return (await script.ended()).stdout.replaceAll("\r\n", "\n");
}

describe("on a pipe", () => {
  test("an entry is a line of JSON on stderr, wherever the handler's stream is; results are on stdout", async () => {
    for (const logging of [undefined, handler({ ...toStderr, formatter: "x" }, { formatters: { x: {} } })]) {
      const { code, stdout, stderr } = await warn(logging);
      expect({ code, stdout }).toEqual({ code: 0, stdout: "dev\n" });
      expect(JSON.parse(stderr)).toEqual({
        ...isWarning,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        pid: expect.any(Number),
        hostname: hostname(),
      });
    }
  });

  test("nothing is logged where logging is null", async () => {
    expect(await warn(null)).toMatchObject({ code: 0, stdout: "dev\n", stderr: "" });
  });

  test("what a command fails of is said in plain words, whatever logging says; warnings before it, too", async () => {
    const failing = await run("fedmsg-tail", [], { config: { logging: null, endpoints: {} } });
    expect(failing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^fedmsg-tail: endpoints lists no address/),
    });
    const invalid = await run("fedmsg-tail", [], { config: { ...warning, topic_prefix: "a..b" } });
    expect(invalid.stderr).toMatch(/^fedmsg-tail: .*topic_prefix: found "a\.\.b"/m);
    expect(invalid.stderr).not.toContain("{");
  });
});

describe.runIf(isOnTerminal)("on a terminal", () => {
  test("an entry is a line of text, as the default formatter has it", async () => {
    expect(await warnOnTerminal({})).toMatch(
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]\[fedmsg\.config WARNING\] .*frob: not a key.*\ndev\n$/,
    );
  });

  test("a handler's own formatter counts", async () => {
    const formatters = { own: { format: "%(levelname)-8s|%(message).20s|%(name)s", datefmt: "%H" } };
    const stdout = await warnOnTerminal({ logging: handler({ ...toStderr, formatter: "own" }, { formatters }) });
    expect(stdout).toMatch(/^WARNING \|.{20}\|fedmsg\.config\ndev\n$/);
  });

  test("a message cannot make up lines, or move the cursor", async () => {
    await using speaker = await Speaker.open();
    await using script = onTerminal(speaker.config, "fedmsg-tail.js --limit 1");
    await speaker.subscribed();
    await speaker.say("a.b\n[2026] made up\x1b[2J\x9b31m\u202e", { topic: "other" });
    await speaker.say("a.b", {});
    const { stdout } = await script.ended();
    const [first = ""] = stdout.split("\r\n");
    expect(first).toContain("(topic-mismatch)");
    expect(first).toContain("a.b\\n[2026] made up\\x1b[2J\\x9b31m\\u202e");
    expect(first).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
  });
});

describe("a file", () => {
  test("gets text as its handler's formatter has it, at a path from the current folder or from home", async () => {
    const [cwd, home] = [tempDir(), tempDir()];
    const formatters = { own: { format: "{levelname:>8} {name} {message}", style: "{" } };
    for (const [folder, filename] of [
      [cwd, "my.log"],
      [home, "~/my.log"],
    ] as const) {
      const logging = handler({ class: "logging.FileHandler", filename, formatter: "own" }, { formatters });
      expect(await warn(logging, { cwd, env: { HOME: home } })).toMatchObject({ code: 0, stderr: "" });
      const text = readFileSync(join(folder, "my.log"), "utf8");
      expect(text).toMatch(/^ WARNING fedmsg\.config .*frob: not a key.*\n$/);
    }
  });

  test("that cannot be opened is named once, and entries go to stderr", async () => {
    const logging = handler({ class: "logging.FileHandler", filename: "no/such/folder/my.log" });
    const { code, stderr } = await warn(logging, {}, { ...warning, frob2: 1 });
    expect(code).toBe(0);
    expect(logOf(stderr)).toEqual([
      { ...isWarning, msg: expect.stringMatching(/^cannot write to \/.*\/no\/such\/folder\/my\.log, .*ENOENT/) },
      isWarning,
      { ...isWarning, msg: expect.stringMatching(/frob2: not a key/) },
    ]);
  });

  test("gets lines of JSON where its handler has no formatter, and nothing where nothing is logged", async () => {
    const cwd = tempDir();
    const logging = handler({ class: "logging.handlers.WatchedFileHandler", filename: "my.log" });
    await warn(logging, { cwd }, {});
    expect(readdirSync(cwd)).toEqual([]);
    await warn(logging, { cwd });
    await warn(logging, { cwd });
    expect(logOf(readFileSync(join(cwd, "my.log"), "utf8"))).toEqual([isWarning, isWarning]);
  });

  test("gets the reason of a failure", async () => {
    const file = join(tempDir(), "my.log");
    const logging = handler({ class: "logging.FileHandler", filename: file });
    const { stderr } = await run("fedmsg-tail", [], { config: { logging, endpoints: {} } });
    expect(stderr).toMatch(/^fedmsg-tail: endpoints lists no address .*\n$/);
    expect(logOf(readFileSync(file, "utf8"))).toEqual([
      { level: "error", name: "fedmsg.tail", msg: expect.stringMatching(/^endpoints lists no address/) },
    ]);
  });

  test("that was moved away is begun again at the next entry, and no entry waits for the next", async () => {
    const file = join(tempDir(), "my.log");
    const handlers = { file: { class: "logging.handlers.WatchedFileHandler", filename: file }, console: toStderr };
    const loggers = { "fedmsg.relay": { handlers: ["file"] }, fedmsg: { level: "INFO", handlers: ["console"] } };
    const any = ["tcp://127.0.0.1:*"];
    const config = { relay_inbound: any, endpoints: { relay_outbound: any }, logging: { handlers, loggers } };
    await using relay = start("fedmsg-relay", [], { config });
    await relay.untilLogged(/^in /);
    expect(logOf(readFileSync(file, "utf8"))).toMatchObject([{ msg: expect.stringMatching(/^in /) }]);
    renameSync(file, `${file}.old`);
    relay.signal("SIGTERM");
    expect((await relay.ended()).code).toBe(0);
    expect(logOf(readFileSync(`${file}.old`, "utf8"))).toHaveLength(1);
    expect(logOf(readFileSync(file, "utf8"))).toMatchObject([{ msg: expect.stringMatching(/^drained/) }]);
  });

  test("is rotated before it is too long", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "my.log"), "before\n");
    const rotating = {
      class: "logging.handlers.RotatingFileHandler",
      filename: "my.log",
      maxBytes: 10,
      backupCount: 2,
    };
    for (let n = 0; n < 3; n++) await warn(handler(rotating), { cwd });
    expect(readdirSync(cwd).sort()).toEqual(["my.log", "my.log.1", "my.log.2"]);
    for (const name of readdirSync(cwd)) expect(logOf(readFileSync(join(cwd, name), "utf8"))).toEqual([isWarning]);
  });
});

describe("a configuration that makes no sense", () => {
  test.each([
    ["a handler that is not there", { loggers: { fedmsg: { handlers: ["mail"] } } }, /handlers\["mail"\]: there is no/],
    ["a handler without a class", handler({ level: "INFO" }), /handlers\["one"\]\.class: found undefined; wanted/],
    ["a handler that is none", handler("console" as never), /handlers\["one"\]: found 'console'; wanted a mapping/],
    ["syslog", handler({ class: "logging.handlers.SysLogHandler" }), /"one"\]\.class: .*SysLogHandler.*logger\(1\)/],
    ["the journal", handler({ class: "systemd.journal.JournalHandler" }), /systemd takes stderr to the journal/],
    ["mail", handler({ class: "logging.handlers.SMTPHandler" }), /SMTPHandler cannot be used/],
    ["a factory", handler({ "()": "my.handler" }), /a factory of one's own/],
    ["a file without a name", handler({ class: "logging.FileHandler" }), /filename: found undefined; wanted the path/],
    ["a folder", handler({ class: "logging.FileHandler", filename: "/" }), /cannot write to \/, .*EISDIR/],
    ["another stream", handler({ class: "logging.StreamHandler", stream: "ext://x" }), /stream: found 'ext:\/\/x'/],
    ["a level", handler({ ...toStderr, level: "LOUD" }), /handlers\["one"\]\.level: found 'LOUD'; wanted DEBUG/],
    ["a formatter that is not there", handler({ ...toStderr, formatter: "x" }), /formatter: found 'x', which is not/],
    ["a list", { loggers: [], root: { handlers: 7 } }, /loggers: found \[\]; wanted a mapping/],
    [
      "a place we cannot fill",
      handler({ ...toStderr, formatter: "x" }, { formatters: { x: { format: "%(lineno)d %(asctime)q" } } }),
      /formatters\["x"\]\.format: %\(lineno\)d, %\(asctime\)q: not known here/,
    ],
  ])("is a warning, and the entry is on stderr: %s", async (_, logging, message) => {
    const { code, stdout, stderr } = await warn(logging);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "dev\n" });
    const entries = logOf(stderr);
    expect(entries[0]).toEqual({ ...isWarning, msg: expect.stringMatching(message) });
    expect(entries.at(-1)).toEqual(isWarning);
  });

  test("is no warning where nothing is logged", async () => {
    expect(await warn(handler({ class: "what.ever" }), {}, {})).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("docs/logging.md", () => {
  const page = readFileSync(join(root, "docs/logging.md"), "utf8");
  const blocks = (language: string) =>
    [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, text = ""]) => text);

  test("shows configurations that have nothing to warn of", () => {
    const shown = blocks("yaml").map((text) => parse(text).logging);
    expect(shown).toHaveLength(3);
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    for (const logging of shown.filter((one) => one !== null)) {
      const { handlers } = resolveLogger("fedmsg.relay", logging, warn);
      expect(handlers).toEqual(Object.keys(logging.handlers));
      for (const name of handlers) resolveHandler(name, logging, warn);
    }
    expect(warnings).toEqual([]);
  });

  test("shows entries as they are written", async () => {
    const any = "tcp://127.0.0.1:*";
    await using relay = start("fedmsg-relay", [], {
      config: { relay_inbound: any, endpoints: { relay_outbound: any } },
    });
    await relay.untilLogged(/^in /);
    const [shown = ""] = blocks("json");
    const shape = (line: string) => Object.entries(JSON.parse(line)).map(([name, value]) => [name, typeof value]);
    expect(shape(relay.stderr)).toEqual(shape(shown));
  });
});
