/** The examples in `examples/` do what their READMEs say. */

import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { queryCursors } from "@fedmsg/store";
import { eventually } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { Listener } from "./bus.ts";
import { freeBus, root, run, start, startShell, tempDir } from "./support.ts";

/** Copies an example to where `fedmsg` is installed. */
function copyExample(name: string): string {
  const cwd = tempDir();
  cpSync(join(root, "examples", name), cwd, { recursive: true });
  symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"));
  return cwd;
}

function commandsOf(readme: string): string[] {
  return [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => block.trimEnd().split("\n"));
}

test("examples/count counts what others publish", async () => {
  const cwd = copyExample("count");
  const { "fedmsg.consumers.gateway.port": _, ...bus } = await freeBus();
  writeFileSync(join(cwd, "fedmsg.d/z.yaml"), JSON.stringify(bus)); // Only the ports, for the machine's sake.
  await using relay = start("fedmsg-relay", [], { cwd });
  await relay.until("stderr", /\bin tcp.*, out tcp/);
  const readme = readFileSync(join(cwd, "README.md"), "utf8");
  const [count = "", help = ""] = commandsOf(readme);
  await using counting = startShell(count.replace("npx ", ""), { cwd });
  await counting.until("stderr", /listening for 3 s/);
  await using logger = start("fedmsg-logger", [], { cwd });
  const talking = setInterval(() => logger.write("one\ntwo\n"), 50);
  const { code, stdout } = await counting.ended().finally(() => clearInterval(talking));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ +[1-9]\d* {2}logger\n$/);
  await using helping = startShell(help.replace("npx ", ""), { cwd });
  expect(await helping.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining("--by <what>") });
});

test("examples/count ends with what it has at Ctrl-C, and tells that it heard nothing by its exit code", async () => {
  const cwd = copyExample("count");
  await using counting = start("fedmsg", ["count", "--seconds", "600"], { cwd });
  await counting.until("stderr", /listening for 600 s/);
  counting.signal("SIGINT");
  expect(await counting.ended()).toMatchObject({ code: 1, signal: null, stdout: "" });
  expect(await run("fedmsg", ["count", "--by", "name"], { cwd })).toMatchObject({ code: 2 });
});

test("examples/consumer keeps who said what, and its test passes", async () => {
  const cwd = copyExample("consumer");
  const { "fedmsg.consumers.gateway.port": _, ...bus } = await freeBus();
  writeFileSync(join(cwd, "fedmsg.d/z.yaml"), JSON.stringify(bus)); // Only the ports, for the machine's sake.
  const [hub = "", logger = "", tests = ""] = commandsOf(readFileSync(join(cwd, "README.md"), "utf8"));
  await using relay = start("fedmsg-relay", [], { cwd });
  await relay.until("stderr", /\bin tcp.*, out tcp/);
  await using running = startShell(`exec ${hub.replace("npx ", "")}`, { cwd });
  await running.until("stderr", /runs 1 consumer \(audit\)/);
  // The hub's connection to the relay may come a moment later than its log says.
  const rows = async () => {
    await using logging = startShell(logger.replace("npx ", ""), { cwd });
    expect(await logging.ended()).toMatchObject({ code: 0, stderr: "" });
    const path = join(cwd, "audit.db");
    return existsSync(path) ? queryCursors(path, "SELECT * FROM audit").catch(() => []) : [];
  };
  await eventually(async () => (await rows()).length > 0, "a row in audit.db", 20_000);
  expect((await rows())[0]).toEqual({
    at: expect.any(Number),
    who: "tester",
    topic: "org.fedoraproject.dev.logger.log",
    msg: '{"log":"Hello"}',
  });
  running.signal("SIGTERM");
  expect(await running.ended()).toMatchObject({ code: 0, stderr: expect.stringMatching(/ 0 dead letters, 0 failed/) });
  await using testing = startShell(tests, { cwd });
  expect(await testing.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining("# pass 2\n"), stderr: "" });
});

test("examples/producer says how busy the machine is, and its test passes", async () => {
  const cwd = copyExample("producer");
  await using listener = await Listener.open();
  writeFileSync(join(cwd, "fedmsg.d/z.yaml"), JSON.stringify(listener.config));
  const [hub = "", tests = ""] = commandsOf(readFileSync(join(cwd, "README.md"), "utf8"));
  await using running = startShell(`exec ${hub.replace("npx ", "")}`, { cwd });
  const [heard] = await listener.take(1);
  expect(heard?.message).toMatchObject({
    topic: "org.fedoraproject.dev.load.measured",
    msg: { host: expect.any(String), minute: expect.any(Number) },
  });
  running.signal("SIGTERM");
  expect(await running.ended()).toMatchObject({ code: 0 });
  await using testing = startShell(tests, { cwd });
  expect(await testing.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining("# pass 1\n"), stderr: "" });
});
