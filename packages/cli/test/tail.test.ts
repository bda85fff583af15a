/** fedmsg-tail as a process: what it prints, and where. */

import { existsSync } from "node:fs";
import { connect } from "fedmsg";
import { expect, test } from "vitest";
import { Speaker } from "./bus.ts";
import { type Ended, freePort, logOf, Program, root, run, start, startShell, tempDir, writeConfig } from "./support.ts";

type Said = readonly [topic: string, body: string | object];

const topic = "org.fedoraproject.dev.logger.log";
const full = {
  i: 1,
  msg: { log: "hé" },
  msg_id: "2026-x",
  signature: "c2ln",
  certificate: "Y2VydA",
  timestamp: 1344438000,
};

/** What a tail prints of what is said to it; it must end by itself. */
async function tailOf(said: readonly Said[], args: readonly string[]): Promise<Ended> {
  await using speaker = await Speaker.open();
  await using tail = start("fedmsg-tail", args, { config: speaker.config });
  await speaker.subscribed();
  for (const [topic, body] of said) await speaker.say(topic, body);
  return await tail.ended();
}

test("each message is a line of canonical JSON on stdout, and nothing else is", async () => {
  const { code, stdout, stderr } = await tailOf(
    [
      [topic, full],
      [topic, { ...full, i: 2 }],
    ],
    ["--limit", "2"],
  );
  const line = (i: number) =>
    `{"certificate":"Y2VydA","i":${i},"msg":{"log":"h\\u00e9"},"msg_id":"2026-x","signature":"c2ln",` +
    `"timestamp":1344438000,"topic":"${topic}"}\n`;
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: line(1) + line(2), stderr: "" });
});

test("--pretty indents, tells the time in words and leaves out the credentials", async () => {
  const { stdout } = await tailOf([[topic, full]], ["--pretty", "--limit", "1"]);
  expect(stdout).toContain('\n    "log": "h\\u00e9"\n');
  expect(JSON.parse(stdout)).toEqual({
    i: 1,
    msg: { log: "hé" },
    msg_id: "2026-x",
    timestamp: "Wed Aug  8 15:00:00 2012",
    topic,
  });
});

test("--really-pretty keeps the order of the keys, and has no colours where stdout is no terminal", async () => {
  const { stdout } = await tailOf([[topic, full]], ["--really-pretty", "--pretty", "--limit", "1"]);
  expect(Object.keys(JSON.parse(stdout))).toEqual(["topic", "i", "msg", "msg_id", "timestamp"]);
  expect(stdout).not.toContain("\x1b");
});

test.runIf(existsSync("/usr/bin/script"))("--really-pretty has colours on a terminal, unless NO_COLOR", async () => {
  const command = `${process.execPath} ${root}/packages/cli/bin/fedmsg-tail.js --really-pretty --limit 1`;
  for (const NO_COLOR of ["", "1"]) {
    await using speaker = await Speaker.open();
    const options = { config: speaker.config, env: { NO_COLOR }, stdin: "" };
    await using script = new Program("/usr/bin/script", ["-qec", command, "/dev/null"], options);
    await speaker.subscribed();
    await speaker.say(topic, full);
    const { code, stdout } = await script.ended();
    expect({ code, coloured: stdout.includes('\x1b[34m"log"\x1b[39m: \x1b[32m') }).toEqual({
      code: 0,
      coloured: NO_COLOR === "",
    });
  }
});

test("--query picks fields as Python's str has them, on one line each", async () => {
  const msg = { none: null, yes: true, no: false, list: [{ n: 7 }, "b"], deep: { a: { b: [1] } }, text: "a\nb\x1b[2J" };
  const query = "i,msg.none,msg.yes, msg.no,msg.nothing.here,msg.list.0.n,msg.list.9,msg.deep.a,msg.text";
  const { stdout } = await tailOf([[topic, { i: 1, msg }]], ["--query", query, "--limit", "1"]);
  expect(stdout).toBe('1, None, True, False, None, 7, None, {"b": [1]}, a\\nb\\x1b[2J\n');
});

test("--topic takes a prefix, or a pattern with AMQP's wildcards", async () => {
  const said: Said[] = ["a.git.x", "a.git", "ab.git.x.y", "a.irc.x", "a.git.x.y"].map((topic) => [topic, {}]);
  const select = async (pattern: string, limit: number) => {
    const { stdout } = await tailOf(said, ["--topic", pattern, "--limit", String(limit), "--query", "topic"]);
    return stdout.trim().split("\n");
  };
  expect(await select("a.git", 3)).toEqual(["a.git.x", "a.git", "a.git.x.y"]);
  expect(await select("*.git.*.y", 2)).toEqual(["ab.git.x.y", "a.git.x.y"]);
  expect(await select("a.#.y", 1)).toEqual(["a.git.x.y"]);
});

test("--include and --exclude search the topic, and heartbeats are left out by default", async () => {
  const said: Said[] = ["a.one", "a._heartbeat.x", "b.one", "b.two", "end.one"].map((topic) => [topic, {}]);
  const select = async (limit: number, ...args: string[]) => {
    const { stdout } = await tailOf(said, [...args, "--limit", String(limit), "--query", "topic"]);
    return stdout.trim().split("\n");
  };
  expect(await select(2)).toEqual(["a.one", "b.one"]);
  expect(await select(2, "--exclude", "")).toEqual(["a.one", "a._heartbeat.x"]);
  expect(await select(3, "--include", "one")).toEqual(["a.one", "b.one", "end.one"]);
  expect(await select(1, "--include", "^b\\.", "--exclude", "o[nm]e$")).toEqual(["b.two"]);
  expect(await select(2, "--include", "^((?!_heartbeat).)*$")).toEqual(["a.one", "b.one"]);
});

test("an expression that cannot be matched in linear time is refused by name", async () => {
  const { code, stderr } = await run("fedmsg-tail", ["--exclude", "a(?=b)"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^fedmsg-tail: --exclude "a\(\?=b\)": .*look-around/);
});

test("`| head -1` ends it without a word", async () => {
  await using speaker = await Speaker.open();
  await using shell = startShell("fedmsg-tail | head -1; echo done", { config: speaker.config });
  await speaker.subscribed();
  const talking = setInterval(() => void speaker.say(topic, { text: "x".repeat(1000) }), 5);
  const { stdout, stderr } = await shell.ended().finally(() => clearInterval(talking));
  expect(stdout).toMatch(/^\{.*\}\ndone\n$/);
  expect(stderr).toBe("");
});

test("a message cannot reach the terminal behind the text, in any format", async () => {
  const hostile = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202etxt\u2028\ud800";
  const key = "\x1b[31mkey\n";
  const body = { [key]: hostile, timestamp: hostile, msg: { [key]: [hostile] } };
  for (const format of [[], ["--pretty"], ["--really-pretty"], ["--query", "timestamp,msg"]]) {
    const { code, stdout, stderr } = await tailOf([[topic, body]], [...format, "--limit", "1"]);
    expect({ code, stderr, format }).toEqual({ code: 0, stderr: "", format });
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x80-\x9f\u2028-\u202e]/);
  }
});

test("numbers keep their spelling", async () => {
  const numbers = "[1.0, 1e-07, 123456789012345678901234567890, -0.0, NaN, -Infinity, 0.1]";
  const body = `{"topic": "${topic}", "n": ${numbers}}`;
  const line = `{"n":${numbers.replaceAll(" ", "")},"topic":"${topic}"}\n`;
  expect((await tailOf([[topic, body]], ["--limit", "1"])).stdout).toBe(line);
  const query = ["--query", "n.0,n.2,n.4,n", "--limit", "1"];
  const picked = `1.0, 123456789012345678901234567890, NaN, ${numbers}\n`;
  expect((await tailOf([[topic, body]], query)).stdout).toBe(picked);
  const { stdout } = await tailOf([[topic, body]], ["--really-pretty", "--limit", "1"]);
  for (const number of numbers.slice(1, -1).split(", ")) expect(stdout).toContain(`    ${number}`);
});

test("what is no message is told on stderr, in one line, and nothing more happens", async () => {
  await using speaker = await Speaker.open();
  await using tail = start("fedmsg-tail", ["--limit", "1"], { config: speaker.config });
  await speaker.subscribed();
  await speaker.say("a.b", "no json");
  await speaker.say('a.b"}\n{"level":"error","msg":"made up\x1b[2J\x9b\u2028', { topic: "other" });
  for (let n = 0; n < 3; n++) await speaker.sayFrames("one frame");
  await speaker.say(topic, "[1]");
  await speaker.say(topic, { good: true });
  const { code, stdout, stderr } = await tail.ended();
  expect({ code, stdout }).toEqual({ code: 0, stdout: `{"good":true,"topic":"${topic}"}\n` });
  const logged = logOf(stderr);
  expect(logged.filter(({ level, name }) => level !== "warn" || name !== "fedmsg.tail")).toEqual([]);
  expect(logged.map(({ msg }) => msg)).toEqual([
    expect.stringMatching(/^refused messages from speaker \(not-json\): the body is not JSON/),
    expect.stringContaining("(topic-mismatch)"),
    expect.stringContaining("(frame-count)"),
    expect.stringContaining("(not-an-object)"),
    expect.stringContaining("(frame-count): 2 more"),
  ]);
  expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]/);
});

test("no body ends it, however odd", async () => {
  const nest = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const values = ["9".repeat(4300), "1e999", '"\\ud800"', nest(900), '{"__proto__": {}}', `"${"x".repeat(1e6)}"`];
  const refused = ["9".repeat(4301), "9".repeat(100_000), nest(100_000)];
  for (const format of [[], ["--pretty"], ["--really-pretty"], ["--query", "n,end"]]) {
    const said = [...values, ...refused].map((value): Said => [topic, `{"topic":"${topic}","n":${value}}`]);
    const limit = String(values.length + 1);
    const { code, stdout, stderr } = await tailOf([...said, [topic, { end: "end" }]], [...format, "--limit", limit]);
    expect({ code, end: /end"?,?/.test(stdout.slice(-80)), format }).toEqual({ code: 0, end: true, format });
    expect(stderr).toContain("(not-json): the body is not JSON: an integer beyond Python's limit");
    expect(stderr).toContain('(not-json): 1 more"}\n');
    expect(stderr).toContain("(too-deep): ");
  }
});

test("it waits for whoever is not there yet, says so once, and hears them when they come", async () => {
  const address = `tcp://127.0.0.1:${await freePort()}`;
  await using tail = start("fedmsg-tail", ["--limit", "1"], { config: { endpoints: { late: [address] } } });
  await tail.untilLogged(/^nobody publishes at (\S+) yet; waiting$/);
  await using speaker = await Speaker.open({ bind: address });
  await speaker.subscribed();
  await speaker.say(topic, {});
  expect(await tail.ended()).toMatchObject({ code: 0, stdout: `{"topic":"${topic}"}\n` });
  expect(tail.stderr.trimEnd().split("\n")).toEqual([expect.stringContaining(`nobody publishes at ${address} yet`)]);
});

test("nobody to listen to is an error, and so is an address nobody can connect to", async () => {
  const nobody = await run("fedmsg-tail", [], { config: { endpoints: { relay_inbound: ["tcp://127.0.0.1:1"] } } });
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining("endpoints lists no address to listen to") });
  const config = writeConfig({ endpoints: { a: ["tcp://127.0.0.1:*"] } });
  const wildcard = await run("fedmsg-tail", ["--config-filename", config]);
  expect(wildcard).toMatchObject({ code: 1, stderr: expect.stringContaining('"tcp://127.0.0.1:*": to connect') });
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends it, with what it has heard printed", async (signal) => {
  await using speaker = await Speaker.open();
  await using tail = start("fedmsg-tail", [], { config: speaker.config });
  await speaker.subscribed();
  await speaker.say(topic, {});
  await tail.until("stdout", /\n/);
  tail.signal(signal);
  expect(await tail.ended()).toEqual({ code: 0, signal: null, stdout: `{"topic":"${topic}"}\n`, stderr: "" });
});

test("with a name, what was said while it was not there is printed the next time, and nothing twice", async () => {
  const folder = tempDir();
  const [port, replay] = [await freePort(), await freePort()];
  const config = {
    validate_signatures: false,
    topic_prefix: "org.a",
    endpoints: { me: [`tcp://127.0.0.1:${port}`] },
    replay_endpoints: { me: `tcp://127.0.0.1:${replay}` },
    cursor_store: `sqlite:${folder}/{name}.db`,
  };
  const bus = await connect({ name: "me", config: { ...config, persistent_store: `sqlite:${folder}/me.db` } });
  const say = async (...numbers: number[]) => {
    for (const n of numbers) await bus.publish({ topic: "t", modname: "m", msg: { n } });
  };
  const tail = (limit: number, ...more: string[]) =>
    run("fedmsg-tail", ["--durable", "audit", "--query", "msg.n", "--limit", String(limit), ...more], { config });
  try {
    await say(1, 2, 3);
    expect((await tail(2, "--from", "first")).stdout).toBe("1\n2\n");
    await say(4);
    expect((await tail(2)).stdout).toBe("3\n4\n");
  } finally {
    await bus.close();
  }
});
