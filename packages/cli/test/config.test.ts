/** `fedmsg-config` and `fedmsg config …`: what the configuration says, where it comes from, and what is wrong with it. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { loadConfig } from "fedmsg/config";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { run, tempDir, writeConfig } from "./support.ts";

/** Writes files into a folder of their own. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const secretive = {
  stomp_pass: "hunter2",
  persistent_store: "postgresql://me:hunter2@db/x",
  environment: "stg",
  validate_signatures: true,
};

describe("fedmsg-config", () => {
  test("prints the configuration as JSON, its passwords masked", async () => {
    const { code, stdout, stderr } = await run("fedmsg-config", [], { config: secretive });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      topic_prefix: "org.fedoraproject",
      environment: "stg",
      stomp_pass: "********",
      persistent_store: "postgresql://me:********@db/x",
    });
    const bare = await run("fedmsg-config", ["--secrets", "--disable-defaults"], { config: secretive });
    expect(JSON.parse(bare.stdout)).toEqual(secretive);
    const printed = await run("fedmsg-tail", ["--print-config"], { config: secretive });
    expect(printed.stdout).not.toContain("hunter2");
  });

  test.each([
    ["topic_prefix", "org.fedoraproject\n"],
    ["endpoints.bodhi.app01", "tcp://a:1\ntcp://a:2\n"],
    ["endpoints.bodhi", null],
    ["fedmsg.consumers.gateway.port", "7000\n"],
    ["active", "false\n"],
    ["endpoints", '{\n  "bodhi.app01": [\n    "tcp://a:1",\n    "tcp://a:2"\n  ]\n}\n'],
    ["own.list", '{"a":1}\nb\n'],
    ["stomp_pass", "hunter2\n"],
    ["nothing", null],
    ["constructor", null],
    ["own.empty", null],
  ])("--query %s", async (path, expected) => {
    const config = {
      ...secretive,
      endpoints: { "bodhi.app01": ["tcp://a:1", "tcp://a:2"] },
      "fedmsg.consumers.gateway.port": 7000,
      own: { list: [{ a: 1 }, "b"], empty: null },
    };
    const { code, stdout, stderr } = await run("fedmsg-config", ["--query", path], { config });
    expect({ code, stdout }).toEqual({ code: expected === null ? 1 : 0, stdout: expected ?? "" });
    if (expected === null) expect(stderr).toContain(`${path}: the configuration has no such value`);
  });
});

describe("fedmsg config check", () => {
  test("is content with a good configuration", async () => {
    const config = writeConfig("environment: stg\n");
    const { code, stdout } = await run("fedmsg", ["config", "check", "--strict"], { env: { FEDMSG_CONFIG: config } });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `1 source (${config}), no problems, no warnings\n` });
  });

  test("names wrong values, addresses that make no sense, and what deserves a look", async () => {
    const wrong = await run("fedmsg", ["config", "check"], { config: { active: "maybe", io_threads: -1 } });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr.match(/: found /g)).toHaveLength(2);
    const config = { endpoints: { a: ["tcp://h:1"], b: ["tcp://h:1"], c: ["tcp://h:99999"] }, name: "x", frob: 1 };
    const odd = await run("fedmsg", ["config", "check"], { config });
    expect(odd.code).toBe(1);
    expect(odd.stdout).toMatch(/1 problem, 3 warnings\n$/);
    expect(odd.stderr).toMatch(/endpoints\[\\?"c\\?"\]\[0\]: .*99999/);
    expect(odd.stderr).toMatch(
      /endpoints\[\\?"b\\?"\]\[0\]: tcp:\/\/h:1 stands at endpoints\[\\?"a\\?"\]\[0\] already/,
    );
    expect(odd.stderr).toMatch(/name: \\?"x\\?" has no address in endpoints/);
    const logging = { loggers: { fedmsg: { level: "LOUD", handlers: ["x"] } }, handlers: {} };
    const loud = await run("fedmsg", ["config", "check"], { config: { logging } });
    expect(loud.stdout).toMatch(/no problems, 2 warnings\n$/);
    expect(loud.stderr).toMatch(/logging.loggers\[.*fedmsg.*\]\.level: found 'LOUD'/);
    const outbox = { outbox: "sqlite:/tmp/{name}.db", relay_confirm: ["tcp://h:1"] };
    const unused = await run("fedmsg", ["config", "check"], { config: outbox });
    expect(unused.stdout).toMatch(/no problems, 1 warning\n$/);
    expect(unused.stderr).toMatch(/outbox: is used only where active is true/);
    const used = await run("fedmsg", ["config", "check"], { config: { ...outbox, active: true } });
    expect(used.stdout).toMatch(/no problems, no warnings\n$/);
    const doubtful = { config: { frob: 1 } };
    expect((await run("fedmsg", ["config", "check"], doubtful)).code).toBe(0);
    expect((await run("fedmsg", ["config", "check", "--strict"], doubtful)).code).toBe(1);
  });
});

describe("fedmsg config show", () => {
  test("prints YAML that says the same when it is read again", async () => {
    const first = await run("fedmsg", ["config", "show", "--secrets"], { config: secretive });
    const file = writeConfig(first.stdout);
    expect(await loadConfig({ files: [file] })).toEqual(await loadConfig({ files: [writeConfig(secretive)] }));
  });

  test("--origin names the file and line of each value, also inside a mapping that several files give", async () => {
    const folder = folderOf({
      "a.yaml": "endpoints:\n  a: tcp://a:1\nenvironment: stg\n",
      "b.py": "config = dict(\n  endpoints={\n    'b': ['tcp://b:1'],\n  },\n)\n",
    });
    const { stdout } = await run(
      "fedmsg",
      ["config", "show", "endpoints", "environment", "active", "zmq_linger", "--origin", "--linger", "5"],
      { env: { FEDMSG_CONFIG: folder } },
    );
    expect(stdout.replaceAll(folder, "")).toBe(
      [
        "active: false # default",
        "endpoints:",
        "  a:",
        "    # /a.yaml:2",
        "    - tcp://a:1",
        "  b:",
        "    # /b.py:3",
        "    - tcp://b:1",
        "environment: stg # /a.yaml:3",
        "zmq_linger: 5 # option",
        "",
      ].join("\n"),
    );
  });

  test("masks passwords, and names a key that is not set", async () => {
    const { code, stdout, stderr } = await run("fedmsg", ["config", "show", "stomp_pas"], { config: secretive });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "{}\n" });
    expect(stderr).toMatch(/did you mean stomp_pass\?/);
    expect((await run("fedmsg", ["config", "show"], { config: secretive })).stdout).not.toContain("hunter2");
  });
});

const python = {
  "base.py": [
    "# -*- coding: utf-8 -*-",
    "# What everything has in common.",
    "import os, socket",
    "config = dict(",
    "    # Which bus.",
    '    environment=os.environ.get("FEDMSG_ENV", "stg"),',
    "    # Not so fast.",
    "    high_water_mark=0,",
    '    topic_prefix="yes",  # a word that YAML would take for true',
    ")",
    "",
  ].join("\n"),
  "endpoints.py": [
    "import socket",
    'host = socket.gethostname().split(".")[0]',
    "config = {'endpoints': {",
    "    # One for each process.",
    "    'bodhi.%s' % host: ['tcp://app01:300%i' % i for i in range(4)],",
    "}}",
    "",
  ].join("\n"),
};

describe("fedmsg config convert", () => {
  test("writes YAML beside the Python that says the same, with its comments", async () => {
    const folder = folderOf(python);
    const before = await loadConfig({ files: [folder] });
    const { code, stdout, stderr } = await run("fedmsg", ["config", "convert", folder, "--retire"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/base\.py: asks for the variable FEDMSG_ENV/);
    expect(stderr).toMatch(/endpoints\.py: asks for the host's name/);
    expect(stdout).toContain("2 files, 4 keys: the YAML says the same as the Python");
    expect(readdirSync(folder).sort()).toEqual(["base.py.old", "base.yaml", "endpoints.py.old", "endpoints.yaml"]);
    const base = readFileSync(join(folder, "base.yaml"), "utf8");
    expect(base).toContain("# Which bus.\nenvironment: stg\n# Not so fast.\nhigh_water_mark: 0\n");
    expect(base.startsWith("# What everything has in common.\n")).toBe(true);
    expect(parse(base, { version: "1.1" })).toMatchObject({ topic_prefix: "yes" });
    expect(await loadConfig({ files: [folder], reload: true })).toEqual(before);
  });

  test("writes into another folder, and changes nothing where it reads", async () => {
    const folder = folderOf(python);
    const to = join(tempDir(), "new", "fedmsg.d");
    expect(await run("fedmsg", ["config", "convert", folder, "--to", to])).toMatchObject({ code: 0 });
    expect(readdirSync(folder).sort()).toEqual(["base.py", "endpoints.py"]);
    expect(readdirSync(to).sort()).toEqual(["base.yaml", "endpoints.yaml"]);
  });

  test("--dry-run writes nothing", async () => {
    const folder = folderOf(python);
    const { code, stdout } = await run("fedmsg", ["config", "convert", folder, "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toContain("environment: stg");
    expect(readdirSync(folder).sort()).toEqual(["base.py", "endpoints.py"]);
  });

  test.each([
    ["a construct that cannot be read", { "x.py": "config = dict(name=open('/etc/passwd').read())" }, /x\.py:1:\d+: /],
    ["a YAML file in its way", { "base.yaml": "name: mine" }, /base\.yaml: is there already, and is not overwritten/],
    ["a wrong value", { "x.py": "config = dict(active='maybe')" }, /x\.py:1: active: found "maybe"/],
  ])("writes nothing because of %s", async (_, more, message) => {
    const folder = folderOf({ ...python, ...more });
    const before = readdirSync(folder).sort();
    const { code, stderr } = await run("fedmsg", ["config", "convert", folder]);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  test.each([
    ["/not/there", /there is no such file or folder/],
    [writeOther(), /does not end in \.py/],
    [".", /no file whose name ends in \.py/],
  ])("refuses %s", async (path, message) => {
    const { code, stderr } = await run("fedmsg", ["config", "convert", path]);
    expect({ code, named: message.test(stderr) }).toEqual({ code: 1, named: true });
  });
});

function writeOther(): string {
  return new URL(import.meta.url).pathname;
}

test("fedmsg config schema accepts what the checks accept, and marks what they refuse", async () => {
  const { code, stdout } = await run("fedmsg", ["config", "schema"]);
  expect(code).toBe(0);
  const validate = new Ajv({ strict: false }).compile(JSON.parse(stdout));
  expect(validate({ environment: "stg", active: "True", relay_inbound: "tcp://a:1", own: [1], name: null })).toBe(true);
  expect(validate({ active: "maybe" })).toBe(false);
  expect(validate({ endpoints: { a: "b" } })).toBe(false);
});
