/** What every command has in common, and `fedmsg` itself. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Speaker } from "./bus.ts";
import { type BinName, freePort, logOf, root, run, start, startShell, writeConfig } from "./support.ts";

const commands: readonly (readonly [name: string, bin: BinName, words: readonly string[]])[] = [
  ["fedmsg-tail", "fedmsg-tail", []],
  ["fedmsg-logger", "fedmsg-logger", []],
  ["fedmsg-relay", "fedmsg-relay", []],
  ["fedmsg-gateway", "fedmsg-gateway", []],
  ["fedmsg-signing-relay", "fedmsg-signing-relay", []],
  ["fedmsg-announce", "fedmsg-announce", []],
  ["fedmsg-collectd", "fedmsg-collectd", []],
  ["fedmsg-check", "fedmsg-check", []],
  ["fedmsg up", "fedmsg", ["up"]],
  ["fedmsg bench", "fedmsg", ["bench"]],
  ["fedmsg commands", "fedmsg", ["commands"]],
];

const { version } = JSON.parse(readFileSync(join(root, "packages/cli/package.json"), "utf8"));

test.each(commands)("%s explains itself, with examples", async (name, bin, words) => {
  const { code, stdout, stderr } = await run(bin, [...words, "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(new RegExp(`^Usage: ${name} \\[options\\]\\n`));
  expect(stdout).toContain(`\nExamples:\n  $ `);
  expect(stdout).toContain(name);
  expect(stdout.match(/^Options.*$/gm)?.at(-1)).toBe("Options of every command:");
  const common = "config-filename print-config topic-prefix timeout high-water-mark linger post-init-sleep io-threads";
  for (const flag of [...common.split(" "), "help"]) expect(stdout).toContain(`--${flag}`);
  expect((await run(bin, [...words, "-h"])).stdout).toBe(stdout);
});

test.each(commands)("%s takes the common flags and prints the configuration as JSON", async (_, bin, words) => {
  const flags =
    "--topic-prefix com.example --timeout 1.5 --high-water-mark 7 --linger 8 --post-init-sleep 0.25 --io-threads 3";
  const config = writeConfig({ environment: "stg", topic_prefix: "org.other" });
  const { code, stdout, stderr } = await run(
    bin,
    [...words, ...flags.split(" "), "--config-filename", config, "--print-config"],
    { config: { environment: "prod" } },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({
    topic_prefix: "com.example",
    environment: "stg",
    timeout: 1.5,
    high_water_mark: 7,
    zmq_linger: 8,
    post_init_sleep: 0.25,
    io_threads: 3,
  });
});

test.each(commands)(
  "%s refuses what it does not know, with exit code 2 and the nearest flag",
  async (name, bin, words) => {
    const unknown = await run(bin, [...words, "--lingr", "3"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toBe(
      `${name}: error: unknown option '--lingr'\n(Did you mean --linger?)\n(${name} --help lists what there is)\n`,
    );
  },
);

test.each([
  [["--timeout", "soon"], /--timeout <seconds>' argument 'soon' is invalid. expected a number of at least 0/],
  [["--timeout", "-1"], /expected a number of at least 0/],
  [["--timeout", ""], /expected a number of at least 0/],
  [["--linger", "1.5"], /expected a whole number of at least 0/],
  [["--high-water-mark", "NaN"], /expected a whole number/],
  [["--io-threads", "many"], /expected a whole number/],
  [["--post-init-sleep", "Infinity"], /expected a number/],
  [["--limit", "0"], /expected a whole number of at least 1/],
  [["--limit"], /argument missing/],
  [["Hello"], /unexpected "Hello"; a value needs a flag before it/],
])("fedmsg-tail %j is an error of the command line", async (args, message) => {
  const { code, stdout, stderr } = await run("fedmsg-tail", args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(message);
});

test("values that the configuration's schema refuses are named, exit code 1", async () => {
  const prefix = await run("fedmsg-relay", ["--topic-prefix", "a..b"]);
  expect(prefix).toMatchObject({ code: 1, stderr: expect.stringMatching(/topic_prefix: found "a\.\.b"; wanted/) });
  const file = writeConfig("endpoints:\n  a: 7\nenvironment: a b\n");
  const { code, stderr } = await run("fedmsg-tail", ["--config-filename", file]);
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`${file}:2: .*\\n.*${file}:3: `));
});

test("a configuration file that is not there is named", async () => {
  const flag = await run("fedmsg-tail", ["--config-filename", "/not/there.yaml"]);
  expect(flag).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("/not/there.yaml: cannot be read"),
  });
  const env = await run("fedmsg-relay", [], { env: { FEDMSG_CONFIG: "/not/here.yaml" } });
  expect(env).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("/not/here.yaml: cannot be read") });
});

test("a key that nobody knows is a warning, and stdout stays what it is", async () => {
  const { code, stdout, stderr } = await run("fedmsg-tail", ["--print-config"], { config: { endpoint: {} } });
  expect({ code, endpoint: JSON.parse(stdout).endpoint }).toEqual({ code: 0, endpoint: {} });
  const msg = expect.stringMatching(/:1: endpoint: not a key that fedmsg knows; did you mean endpoints\?$/);
  expect(logOf(stderr)).toEqual([{ level: "warn", name: "fedmsg.tail", msg }]);
});

test("fedmsg lists its commands, and knows its version", async () => {
  const overview = await run("fedmsg", ["--help"]);
  expect(overview).toMatchObject({ code: 0, stderr: "" });
  for (const name of [
    "up",
    "tail",
    "logger",
    "relay",
    "gateway",
    "bench",
    "completion",
    "commands",
    "new command",
    "new consumer",
  ]) {
    expect(overview.stdout).toMatch(new RegExp(`^  ${name} +\\w`, "m"));
  }
  expect((await run("fedmsg")).stdout).toBe(overview.stdout);
  expect((await run("fedmsg", ["help"])).stdout).toBe(overview.stdout);
  expect(await run("fedmsg", ["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
});

test.each([
  ["tial", 'did you mean "tail"?'],
  ["loger", 'did you mean "logger"?'],
  ["gatway", 'did you mean "gateway"?'],
  ["constructor", "fedmsg --help lists the commands"],
])("fedmsg %s: there is no such command", async (word, hint) => {
  const { code, stdout, stderr } = await run("fedmsg", [word]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toBe(`fedmsg: there is no command "${word}"; ${hint}\n`);
});

test("fedmsg tail is fedmsg-tail", async () => {
  await using speaker = await Speaker.open();
  const args = ["--limit", "1", "--query", "topic"];
  await using old = start("fedmsg-tail", args, { config: speaker.config });
  await using ours = start("fedmsg", ["tail", ...args], { config: speaker.config });
  // Both are there when both have heard something.
  const talking = setInterval(() => void speaker.say("a.b", {}), 20);
  await Promise.all([old.until("stdout", /\n/), ours.until("stdout", /\n/)]).finally(() => clearInterval(talking));
  expect(await old.ended()).toEqual(await ours.ended());
  const help = await run("fedmsg", ["tail", "--help"]);
  expect(help.stdout.replaceAll("fedmsg tail", "fedmsg-tail")).toBe((await run("fedmsg-tail", ["--help"])).stdout);
});

test.each([
  ["fedmsg-tail", "--help"],
  ["fedmsg", "--help"],
  ["fedmsg", "--version"],
  ["fedmsg-relay", "--print-config"],
] as const)("%s %s ends without a word where nobody reads what it says", async (bin, flag) => {
  await using program = start(bin, [flag], { config: {} });
  program.closeStream("stdout"); // The reader is gone before it begins.
  expect(await program.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
});

test("stdout that cannot be written to is an error", async () => {
  await using shell = startShell("fedmsg-tail --help >/dev/full", { config: {} });
  expect(await shell.ended()).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^cannot write to stdout: .*ENOSPC.*\n$/),
  });
});

test("fedmsg bench prints a line of JSON for each measurement", async () => {
  const { code, stdout, stderr } = await run("fedmsg", ["bench", "--messages", "2000"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const common = { messages: 2000, bodyBytes: 500, received: 2000 };
  expect(lines).toEqual([
    { bench: "publish", ...common, lost: 0, perSecond: expect.any(Number) },
    { bench: "relay", ...common, lost: 0, perSecond: expect.any(Number), rssMiB: Array(3).fill(expect.any(Number)) },
    { bench: "latency", ...common, perSecond: 1000, p50Ms: expect.any(Number), p99Ms: expect.any(Number) },
  ]);
});

test("Ctrl-C ends a benchmark with all of its processes", async () => {
  await using bench = start("fedmsg", ["bench", "--messages", "1000000"], { config: {} });
  await bench.untilChildren(1);
  bench.signal("SIGINT");
  expect((await bench.ended()).code).toBe(130);
});

test("settings reach the socket: a port that is no port is refused before anything is opened", async () => {
  const endpoints = { relay_outbound: ["tcp://127.0.0.1:*"] };
  const config = { endpoints, relay_inbound: [`tcp://127.0.0.1:${await freePort()}0000`] };
  const { code, stderr } = await run("fedmsg-relay", [], { config });
  expect(code).toBe(1);
  expect(stderr).toMatch(/relay_inbound\[0\] \(from .*fedmsg\.yaml:1\): .*port/);
});
