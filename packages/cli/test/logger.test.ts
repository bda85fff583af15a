/** fedmsg-logger as a process: what it publishes through a relay, and how it ends where it cannot. */

import { startRelay } from "@fedmsg/hub";
import { completeConfig } from "fedmsg/config";
import { fetchInfo } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { Listener } from "./bus.ts";
import { type Ended, freePort, logOf, type ProgramOptions, run, start, tempDir } from "./support.ts";

const prefix = "org.fedoraproject.dev";

/** A configuration in which no relay is there. */
async function withoutRelay() {
  const address = `tcp://127.0.0.1:${await freePort()}`;
  return { address, config: { relay_inbound: [address] } };
}

/** What comes out of the relay when the logger is run. */
async function say(count: number, args: readonly string[], options: ProgramOptions = {}) {
  await using listener = await Listener.open();
  const ended: Ended = await run("fedmsg-logger", args, { config: listener.config, ...options });
  expect(ended).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  return await listener.take(count);
}

test("each line of stdin is a message, stripped of white space, empty ones too", async () => {
  const stdin = "Hello world\n  two \t\r\n\nunicode \u2028 é 😀\rlast";
  const received = await say(5, [], { stdin });
  expect(received.map(({ message }) => message.msg)).toEqual(
    ["Hello world", "two", "", "unicode \u2028 é 😀", "last"].map((log) => ({ log })),
  );
  expect(received.map(({ message }) => message.i)).toEqual([1, 2, 3, 4, 5]);
  expect(received[0]?.message).toMatchObject({ topic: `${prefix}.logger.log`, username: "tester" });
});

test("no line is no message", async () => {
  await using listener = await Listener.open();
  expect(await run("fedmsg-logger", [], { config: listener.config })).toMatchObject({ code: 0, stderr: "" });
  expect(listener.relay.counts.forwarded).toBe(0);
});

test("--message is sent instead of stdin, --topic and --modname say where", async () => {
  const [received] = await say(1, ["--message", " as it is ", "--topic", "a.b", "--modname", "git"], { stdin: "no" });
  expect(received).toMatchObject({ topic: `${prefix}.git.a.b`, message: { msg: { log: " as it is " } } });
});

test("--topic-prefix is what topics begin with", async () => {
  const [received] = await say(1, ["--message", "x", "--topic-prefix", "com.example"]);
  expect(received?.topic).toBe("com.example.dev.logger.log");
});

test.each([
  ["stdin", { args: ["--json-input"], stdin: '{"b": 1.0,\n "a": [12345678901234567890, 1e-7]}\n' }],
  ["--message", { args: ["--json-input", "--message", '{"b": 1.0, "a": [12345678901234567890, 1e-7]}'], stdin: "" }],
])("--json-input takes a body from %s, and numbers keep their spelling", async (_, { args, stdin }) => {
  const [received] = await say(1, args, { stdin });
  expect(Buffer.from(received?.body ?? []).toString()).toContain('"msg":{"a":[12345678901234567890,1e-07],"b":1.0}');
});

test("JSON that is none is named with line and column, and the exit code is 1", async () => {
  const { config } = await withoutRelay();
  const broken = { config, stdin: '{"a": 1,\n  b}' };
  const { code, stderr } = await run("fedmsg-logger", ["--json-input"], broken);
  expect(code).toBe(1);
  expect(logOf(stderr)).toEqual([
    {
      level: "error",
      name: "fedmsg.logger",
      msg: expect.stringMatching(/^the message was not sent: not JSON: line 2, column 3: /),
    },
  ]);
  const constant = await run("fedmsg-logger", ["--json-input", "--message", '{"a": [NaN]}'], { config });
  expect(constant).toMatchObject({ code: 1, stderr: expect.stringMatching(/was not sent: .*msg.*a.*0.*NaN/) });
});

test("it waits for a relay that starts later, and says so after a second", async () => {
  const { address, config } = await withoutRelay();
  await using logger = start("fedmsg-logger", [], { config, stdin: "one\ntwo\n" });
  await logger.untilLogged(/^waiting for the relay at (\S+) \(relay_inbound\); Ctrl-C gives up$/);
  expect(logger.stderr).toContain(address);
  await using listener = await Listener.open({ inbound: address });
  const received = await listener.take(2);
  expect(received.map(({ message }) => message.msg)).toEqual([{ log: "one" }, { log: "two" }]);
  expect(await logger.ended()).toMatchObject({ code: 0 });
});

test("--timeout ends the wait with exit code 1, and what was not sent is said", async () => {
  const { address, config } = await withoutRelay();
  const one = await run("fedmsg-logger", ["--message", "x", "--timeout", "0.2"], { config });
  expect(one).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(
      `the message was not sent: the relay at ${address} (relay_inbound) did not take it within 0.2 s (--timeout)`,
    ),
  });
  // Whoever feeds it may not be done yet: it must not wait for another line.
  await using two = start("fedmsg-logger", ["--timeout", "0.2"], { config });
  two.write("one\ntwo\n");
  expect(await two.ended()).toMatchObject({ code: 1 });
  expect(logOf(two.stderr)).toHaveLength(1);
  expect(two.stderr).toContain("2 messages were not sent: the relay");
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends the wait at once, and says what was not sent", async (signal) => {
  const { config } = await withoutRelay();
  await using logger = start("fedmsg-logger", [], { config });
  logger.write("one\n");
  await logger.until("stderr", /waiting/);
  const at = performance.now();
  logger.signal(signal);
  const { code, stderr } = await logger.ended();
  expect({ code, prompt: performance.now() - at < 5000 }).toEqual({ code: 1, prompt: true });
  expect(stderr).toContain("the message was not sent: interrupted while waiting for the relay");
});

test("SIGINT ends it when everything was sent and more could come", async () => {
  await using listener = await Listener.open();
  await using logger = start("fedmsg-logger", [], { config: listener.config });
  logger.write("one\n");
  await listener.take(1);
  logger.signal("SIGINT");
  expect(await logger.ended()).toMatchObject({ code: 0, stderr: "" });
});

test("5,000 lines arrive, in order", async () => {
  const lines = Array.from({ length: 5000 }, (_, n) => `line ${n}`);
  await using listener = await Listener.open();
  await using logger = start("fedmsg-logger", [], { config: listener.config, stdin: lines.join("\n") });
  const received = await listener.take(lines.length);
  expect(received.map(({ message }) => (message.msg as { log: string }).log)).toEqual(lines);
  expect(await logger.ended()).toMatchObject({ code: 0, stderr: "" });
  expect(listener.relay.counts.forwarded).toBe(lines.length);
});

test("a message that is too large is named, and nothing after it is read", async () => {
  await using listener = await Listener.open();
  const config = { ...listener.config, bodyBytesMax: 1000 };
  const ended = await run("fedmsg-logger", [], { config, stdin: `one\n${"x".repeat(2000)}\n` });
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/the message was not sent: .*bodyBytesMax/) });
  expect((await listener.take(1))[0]?.message.msg).toEqual({ log: "one" });
});

/** A relay that confirms, in this process, and what is in its journal. */
async function openConfirming(relay_confirm: readonly string[] = ["tcp://127.0.0.1:*"]) {
  const config = completeConfig({
    endpoints: { relay_outbound: ["tcp://127.0.0.1:*"] },
    relay_inbound: ["tcp://127.0.0.1:*"],
    relay_confirm,
    replay_endpoints: { relay_outbound: "tcp://127.0.0.1:*" },
    persistent_store: `sqlite:${tempDir()}/relay.db`,
  });
  const relay = await startRelay({ config });
  const head = async () => (await fetchInfo(relay.replay as string)).head;
  return { relay, head, config: { relay_confirm: relay.confirm }, [Symbol.asyncDispose]: () => relay.close() };
}

test("--confirm ends when the relay has every message, and says nothing", async () => {
  await using served = await openConfirming();
  const stdin = "line\n".repeat(1500);
  const ended = await run("fedmsg-logger", ["--confirm"], { config: served.config, stdin });
  expect(ended).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  expect(await served.head()).toBe(1500);
});

test("--confirm without a relay that confirms is an error", async () => {
  const { config } = await withoutRelay();
  const { code, stderr } = await run("fedmsg-logger", ["--confirm", "--message", "x"], { config });
  expect(code).toBe(1);
  expect(stderr).toContain("--confirm: relay_confirm lists no address");
});

test("--confirm tells how many messages were not confirmed", async () => {
  const address = `tcp://127.0.0.1:${await freePort()}`;
  const config = { relay_confirm: [address] };
  const late = await run("fedmsg-logger", ["--confirm", "--timeout", "0.2"], { config, stdin: "a\nb\nc\n" });
  expect(late.code).toBe(1);
  expect(logOf(late.stderr).map(({ msg }) => msg)).toEqual([
    `3 messages were not sent: the relay at ${address} (relay_confirm) did not take it within 0.2 s (--timeout)`,
  ]);
  const outbox = { ...config, outbox: `sqlite:${tempDir()}/outbox.db` };
  const kept = await run("fedmsg-logger", ["--confirm", "--timeout", "0.2"], { config: outbox, stdin: "a\nb\nc\n" });
  expect(kept.code).toBe(1);
  expect(logOf(kept.stderr).map(({ msg }) => msg)).toEqual([
    "outbox: 3 messages are not confirmed; they stay there, and go out at the next start",
    "3 messages were not confirmed by the relay yet; they wait in the outbox and go out with the next run",
  ]);
  const left = await run("fedmsg-logger", ["--timeout", "0.2"], { config: outbox, stdin: "d\n" });
  expect(left.code).toBe(0);
});

/** A configuration with an outbox that somebody else has open. */
async function withHeldOutbox() {
  const outbox = `sqlite:${tempDir()}/outbox-{name}.db`;
  const config = { relay_confirm: [`tcp://127.0.0.1:${await freePort()}`], outbox };
  const holder = start("fedmsg-logger", ["--timeout", "0"], { config });
  holder.write("one\n");
  await holder.untilLogged(/^waiting for the relay/);
  return { config, holder };
}

test("a second logger waits for the outbox that a first one has open, then publishes", async () => {
  const { config, holder } = await withHeldOutbox();
  await using first = holder;
  await using second = start("fedmsg-logger", ["--timeout", "0.2"], { config, stdin: "two\n" });
  const { code, stderr } = await second.ended();
  expect({ code, logged: logOf(stderr.slice(0, stderr.indexOf("\n") + 1)) }).toEqual({
    code: 1,
    logged: [expect.objectContaining({ level: "info", msg: expect.stringMatching(/^waiting for the outbox, /) })],
  });
  expect(stderr).toMatch(/outbox: \S+outbox-\S+\.db: another process has this outbox open.*waited 0\.2 s/);
  await using third = start("fedmsg-logger", ["--timeout", "15"], { config, stdin: "three\n" });
  await third.untilLogged(/^waiting for the outbox/);
  await using served = await openConfirming(config.relay_confirm);
  first.signal("SIGINT");
  await first.ended();
  expect(await third.ended()).toMatchObject({ code: 0 });
  expect(await served.head()).toBe(2);
});

test("Ctrl-C ends the wait for an outbox", async () => {
  const { config, holder } = await withHeldOutbox();
  await using _ = holder;
  await using second = start("fedmsg-logger", ["--timeout", "0"], { config, stdin: "two\n" });
  await second.untilLogged(/^waiting for the outbox/);
  second.signal("SIGINT");
  expect(await second.ended()).toMatchObject({ code: 1, stderr: expect.stringMatching(/interrupted while waiting/) });
  holder.signal("SIGKILL");
});
