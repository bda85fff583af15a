import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DnsServer, srvRecord } from "@fedmsg/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { completeConfig, configOrigin, isLoadedConfig } from "./complete.ts";
import { findFiles } from "./find-files.ts";
import { type LoadConfigOptions, loadConfig } from "./load.ts";

let root: string;
let warnings: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fedmsg-config-"));
  warnings = [];
});
afterEach(() => rm(root, { recursive: true }));

/** Writes files below the test's folder; their names may hold folders. */
async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
}

/** What a test changes, and everything else away from the machine's own configuration. */
function options(own: LoadConfigOptions = {}) {
  const onWarning = (text: string) => void warnings.push(text.replaceAll(`${root}/`, ""));
  return { env: {}, cwd: join(root, "cwd"), home: join(root, "home"), onWarning, ...own };
}

async function refusal(own: LoadConfigOptions = {}): Promise<{ code: unknown; text: string }> {
  const error = await loadConfig(options(own)).then(
    () => expect.unreachable("the configuration was loaded"),
    (error: unknown) => error as Error & { code?: unknown },
  );
  return { code: error.code, text: error.message.replaceAll(`${root}/`, "") };
}

describe("layers", () => {
  test("without any file the defaults hold", async () => {
    const config = await loadConfig(options());
    expect(config).toEqual(completeConfig({}));
    expect(isLoadedConfig(config)).toBe(true);
    expect(warnings).toEqual([]);
  });

  test("files are found in the order in which they win", async () => {
    await write({
      "etc/fedmsg.d/b.yaml": "",
      "etc/fedmsg.d/a.json": "",
      "home/.fedmsg.d/a.yml": "",
      "cwd/fedmsg.d/a.yaml": "",
      "venv/etc/fedmsg.d/a.yaml": "",
      "etc/fedmsg-config.json": "",
      "home/.fedmsg-config.yaml": "",
      "cwd/fedmsg-config.yml": "",
      "cwd/fedmsg-config.py": "",
      "cwd/fedmsg.d/a.py": "",
      "cwd/fedmsg.d/b.js": "",
    });
    const around = {
      env: { VIRTUAL_ENV: join(root, "venv") },
      cwd: join(root, "cwd"),
      home: join(root, "home"),
      hostname: "h",
    };
    const files = await findFiles(around, { etc: join(root, "etc") });
    expect(files.map((file) => file.slice(root.length + 1))).toEqual([
      "etc/fedmsg.d/a.json",
      "etc/fedmsg.d/b.yaml",
      "home/.fedmsg.d/a.yml",
      "cwd/fedmsg.d/a.py",
      "cwd/fedmsg.d/a.yaml",
      "venv/etc/fedmsg.d/a.yaml",
      "etc/fedmsg-config.json",
      "home/.fedmsg-config.yaml",
      "cwd/fedmsg-config.py",
      "cwd/fedmsg-config.yml",
    ]);
  });

  test("a later layer wins, and options win over all", async () => {
    await write({
      "home/.fedmsg.d/a.yaml": "environment: one\nname: home\nio_threads: 1\nzmq_linger: 1",
      "cwd/fedmsg.d/a.yaml": "environment: two\nname: cwd\nio_threads: 2",
      "cwd/fedmsg-config.json": '{"environment": "three", "name": "file"}',
    });
    const config = await loadConfig(options({ overrides: { environment: "four", name: undefined } }));
    expect(config).toMatchObject({ environment: "four", name: "file", io_threads: 2, zmq_linger: 1 });
  });

  test("mappings are merged, lists and single values replaced", async () => {
    await write({
      "cwd/fedmsg.d/a.yaml": "endpoints: {a: tcp://a:1, b: [tcp://b:1, tcp://b:2]}\nown: {x: {y: 1}}",
      "cwd/fedmsg.d/b.yaml": "endpoints: {b: [tcp://b:3], c: tcp://c:1}\nown: {x: {z: 2}}",
    });
    const config = await loadConfig(options({ overrides: { endpoints: { d: "tcp://d:1" } } }));
    expect(config.endpoints).toEqual({
      a: ["tcp://a:1"],
      b: ["tcp://b:3"],
      c: ["tcp://c:1"],
      d: ["tcp://d:1"],
    });
    expect(config).toMatchObject({ own: { x: { y: 1, z: 2 } } });
  });

  test("an outbox that keeps longer than replay_window allows is told with file and line of the key", async () => {
    await write({
      "cwd/fedmsg.d/a.yaml": "name: x\nreplay_window: 3600",
      "cwd/fedmsg.d/b.yaml": "outbox: sqlite:/tmp/{name}.db\nrelay_confirm: [tcp://relay:9942]",
    });
    expect(await refusal()).toEqual({
      code: "FEDMSG_CONFIG_INVALID",
      text: expect.stringMatching(
        /^cwd\/fedmsg\.d\/a\.yaml:2: replay_window: found 3600; wanted 0, or outbox_max_age from 1 to 3600/,
      ),
    });
  });

  test("a key that is given replaces its whole default", async () => {
    const config = await loadConfig(options({ overrides: { irc_color_lookup: { git: "blue" } } }));
    expect(config.irc_color_lookup).toEqual({ git: "blue" });
  });

  test("null in a later layer unsets what an earlier one says", async () => {
    await write({ "cwd/fedmsg.d/a.yaml": "name: x\nenvironment: stg", "cwd/fedmsg.d/b.yaml": "name:\nenvironment:" });
    const config = await loadConfig(options());
    expect("name" in config).toBe(false);
    expect(config.environment).toBe("dev");
  });

  test("FEDMSG_CONFIG names a file that is read in place of all others", async () => {
    await write({ "cwd/fedmsg.d/a.yaml": "environment: stg", "other.yaml": "name: x" });
    const config = await loadConfig(options({ env: { FEDMSG_CONFIG: "../other.yaml" } }));
    expect(config).toMatchObject({ environment: "dev", name: "x" });
  });

  test("FEDMSG_CONFIG names a folder, whose files are read by name", async () => {
    await write({ "d/b.yaml": "name: b", "d/a.json": '{"name": "a", "environment": "stg"}', "d/notes.txt": "%" });
    const config = await loadConfig(options({ env: { FEDMSG_CONFIG: join(root, "d") } }));
    expect(config).toMatchObject({ environment: "stg", name: "b" });
  });

  test("files given by the caller win over FEDMSG_CONFIG", async () => {
    await write({ "a.yaml": "name: a", "b.yaml": "name: b", "c.yaml": "environment: stg" });
    const env = { FEDMSG_CONFIG: join(root, "a.yaml") };
    const config = await loadConfig(options({ env, files: [join(root, "b.yaml"), "../c.yaml"] }));
    expect(config).toMatchObject({ name: "b", environment: "stg" });
    expect(await loadConfig(options({ env, files: [] }))).toEqual(completeConfig({}));
  });

  test("without defaults only what was given is there, and it does not count as complete", async () => {
    const config = await loadConfig({ ...options({ overrides: { relay_inbound: "tcp://r:1" } }), defaults: false });
    expect(config).toEqual({ relay_inbound: ["tcp://r:1"] });
    expect(isLoadedConfig(config)).toBe(false);
    expect(configOrigin(config, "relay_inbound")).toBe("option");
    expect(configOrigin(config, "environment")).toBeUndefined();
  });
});

describe("files", () => {
  test("Python files are layers like others, and are not run", async () => {
    await write({
      "cwd/fedmsg.d/a.py":
        "import socket\nhost = socket.gethostname()\nconfig = dict(environment='stg', name='a-%s' % host)",
      "cwd/fedmsg.d/b.yaml": "name: b",
      "cwd/fedmsg-config.py": "config = {\n  'io_threads': 7}",
    });
    const config = await loadConfig(options());
    expect(config).toMatchObject({ environment: "stg", name: "b", io_threads: 7 });
    expect(configOrigin(config, "environment")).toBe(join(root, "cwd/fedmsg.d/a.py:3"));
    expect(configOrigin(config, "io_threads")).toBe(join(root, "cwd/fedmsg-config.py:2"));
    expect(warnings).toEqual([]);
  });

  test("a program runs where it is named, and never because it lies in a folder", async () => {
    await write({
      "cwd/fedmsg.d/a.mjs": "throw new Error('run')",
      "named/c.mjs": "export default async () => ({ environment: 'stg', own: { call: () => 7 } })",
      "named/c.ts": "export const config: { name: string } = { name: 'typed' };",
      "named/empty.mjs": "",
    });
    expect(await loadConfig(options())).toEqual(completeConfig({}));
    const run = await loadConfig(options({ files: [join(root, "named/c.mjs"), join(root, "named/c.ts")] }));
    expect(run).toMatchObject({ environment: "stg", name: "typed" });
    const { text } = await refusal({ files: [join(root, "named/empty.mjs")] });
    expect(text).toBe("named/empty.mjs: exports no `config`");
  });

  test("are read once, until somebody asks for them anew; what was wrong is read again", async () => {
    await write({ "cwd/fedmsg.d/a.yaml": "name: one", "bad.yaml": "name: [" });
    expect(await loadConfig(options())).toMatchObject({ name: "one" });
    await write({ "cwd/fedmsg.d/a.yaml": "name: two" });
    expect(await loadConfig(options())).toMatchObject({ name: "one" });
    expect(await loadConfig(options({ overrides: { environment: "stg" } }))).toMatchObject({ name: "one" });
    expect(await loadConfig(options({ reload: true }))).toMatchObject({ name: "two" });
    expect(await loadConfig(options())).toMatchObject({ name: "two" });
    const files = [join(root, "bad.yaml")];
    await refusal({ files });
    await write({ "bad.yaml": "name: mended" });
    expect(await loadConfig(options({ files }))).toMatchObject({ name: "mended" });
  });

  test("what editors and package managers leave behind is passed over", async () => {
    await write({
      ...{ "cwd/fedmsg.d/.a.yaml": "%", "cwd/fedmsg.d/a.yaml~": "%", "cwd/fedmsg.d/#a.yaml#": "%" },
      ...{ "cwd/fedmsg.d/.a.yaml.swp": "%", "cwd/fedmsg.d/a.yaml.rpmsave": "%", "cwd/fedmsg.d/README": "%" },
    });
    expect(await loadConfig(options())).toEqual(completeConfig({}));
    expect(warnings).toEqual([]);
  });

  test.each([
    ["missing.yaml", "missing.yaml: cannot be read: no such file or folder"],
    [
      "base.toml",
      "base.toml: cannot be read: its name ends in none of .json, .py, .yaml, .yml, .js, .mjs, .cjs, .ts, .mts, .cts",
    ],
  ])("%s cannot be named", async (name, text) => {
    await write({ "base.toml": "" });
    const error = { code: "FEDMSG_CONFIG_UNREADABLE", text };
    expect(await refusal({ files: [join(root, name)] })).toEqual(error);
    expect(await refusal({ env: { FEDMSG_CONFIG: `../${name}` } })).toEqual(error);
  });

  test("a folder in the place of a file is an error", async () => {
    await write({ "cwd/fedmsg.d/a.yaml/x": "" });
    expect(await refusal()).toMatchObject({
      code: "FEDMSG_CONFIG_UNREADABLE",
      text: expect.stringMatching(/^cwd\/fedmsg\.d\/a\.yaml: cannot be read: EISDIR/),
    });
  });

  test("broken syntax is an error with line and column", async () => {
    await write({ "cwd/fedmsg.d/a.yaml": "a: 1\nb: [\n" });
    expect(await refusal()).toEqual({
      code: "FEDMSG_CONFIG_UNREADABLE",
      text: expect.stringMatching(/^cwd\/fedmsg\.d\/a\.yaml:\d:\d+: /),
    });
  });
});

describe("problems", () => {
  test("of all files are reported together, with file, line and key", async () => {
    await write({
      "cwd/fedmsg.d/a.yaml": "# base\nactive: maybe\nendpoints:\n  bodhi.app01:\n    - tcp://a:1\n    - app01\n",
      "cwd/fedmsg.d/b.json": '{\n  "io_threads": -1,\n  "irc": [{"channel": "a"},\n    {"port": 1}]\n}',
      "cwd/fedmsg.d/c.yaml": "- a\n- list\n",
      "cwd/fedmsg.d/d.yaml": "endpoints:\n  x: tcp://x:1\n",
    });
    expect(await refusal({ overrides: { environment: "pro-d", zmq_linger: 5 } })).toEqual({
      code: "FEDMSG_CONFIG_INVALID",
      text: [
        "cwd/fedmsg.d/c.yaml:1: found a list; wanted a mapping of configuration keys",
        'cwd/fedmsg.d/a.yaml:2: active: found "maybe"; wanted true or false',
        'cwd/fedmsg.d/a.yaml:6: endpoints["bodhi.app01"][1]: found "app01"; wanted an address such as tcp://host:port',
        "cwd/fedmsg.d/b.json:2: io_threads: found -1; wanted a whole number from 0 to 2147483647",
        "cwd/fedmsg.d/b.json:4: irc[1].channel: found nothing; wanted a mapping that names at least a channel",
        'option: environment: found "pro-d"; wanted letters and digits only, such as dev, stg or prod',
      ].join("\n"),
    });
  });

  test("files that cannot be read are reported together with what is wrong in the others", async () => {
    await write({ "cwd/fedmsg.d/a.yaml": "a: [", "cwd/fedmsg.d/b.yaml": "{", "cwd/fedmsg.d/c.yaml": "active: maybe" });
    const { code, text } = await refusal();
    expect(code).toBe("FEDMSG_CONFIG_UNREADABLE");
    expect(text.split("\n").map((line) => line.replace(/:\d.*/, ""))).toEqual([
      "cwd/fedmsg.d/a.yaml",
      "cwd/fedmsg.d/b.yaml",
      "cwd/fedmsg.d/c.yaml",
    ]);
  });

  test("beyond a hundred are counted", async () => {
    const endpoints = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`e${n}`, "x"]));
    const { text } = await refusal({ overrides: { endpoints } });
    expect(text.split("\n")).toHaveLength(101);
    expect(text.endsWith("\nand 50 more")).toBe(true);
  });

  test("an unknown key is kept, with a warning that names the nearest one", async () => {
    await write({ "cwd/fedmsg.d/a.yaml": "name: x\nrelay_inbond: tcp://r:1\nzebra: 1\n" });
    const config = await loadConfig(options({ overrides: { enviroment: "stg" } }));
    expect(config).toMatchObject({ relay_inbond: "tcp://r:1", zebra: 1, enviroment: "stg" });
    expect(warnings).toEqual([
      "cwd/fedmsg.d/a.yaml:2: relay_inbond: not a key that fedmsg knows; did you mean relay_inbound?",
      "cwd/fedmsg.d/a.yaml:3: zebra: not a key that fedmsg knows",
      "option: enviroment: not a key that fedmsg knows; did you mean environment?",
    ]);
  });

  test.each(["constructor", "toString", "hasOwnProperty"])("%s is an unknown key like any other", async (name) => {
    await loadConfig(options({ overrides: { [name]: 1 } }));
    expect(warnings).toEqual([`option: ${name}: not a key that fedmsg knows`]);
  });
});

describe("relay_outbound at the top level", () => {
  test("becomes an endpoint, in its own layer", async () => {
    await write({
      "cwd/fedmsg.d/a.yaml": "endpoints: {a: tcp://a:1, relay_outbound: tcp://old:1}",
      "cwd/fedmsg.d/b.yaml": "# b\nrelay_outbound: tcp://r:1",
    });
    const config = await loadConfig(options());
    expect(config.endpoints).toEqual({ a: ["tcp://a:1"], relay_outbound: ["tcp://r:1"] });
    expect("relay_outbound" in config).toBe(false);
    expect(configOrigin(config, "endpoints", "relay_outbound")).toBe(join(root, "cwd/fedmsg.d/b.yaml:2"));
  });

  test("that is wrong is reported where it stands", async () => {
    await write({ "cwd/fedmsg.d/a.yaml": "name: x\nrelay_outbound: r\n" });
    expect((await refusal()).text).toMatch(/^cwd\/fedmsg\.d\/a\.yaml:2: endpoints\.relay_outbound: found "r"/);
  });

  test("gives way to the endpoint in the same file, with a warning", async () => {
    await write({ "cwd/fedmsg.d/a.yaml": "endpoints: {relay_outbound: tcp://e:1}\nrelay_outbound: tcp://r:1" });
    expect((await loadConfig(options())).endpoints).toEqual({ relay_outbound: ["tcp://e:1"] });
    expect(warnings).toEqual([expect.stringMatching(/^cwd\/fedmsg\.d\/a\.yaml:2: relay_outbound: passed over/)]);
  });
});

describe("a command line", () => {
  test("sets keys, and names the file to read", async () => {
    await write({ "own.yaml": "name: own\nenvironment: stg\nio_threads: 2" });
    const argv = ["--config-filename", join(root, "own.yaml"), "--io-threads=3", "--topic-prefix", "com.example"];
    const config = await loadConfig(options({ argv, overrides: { environment: "prod" } }));
    expect(config).toMatchObject({ name: "own", environment: "prod", io_threads: 3, topic_prefix: "com.example" });
    expect(config.topic_prefix_re).toBe("com\\.example\\.[A-Za-z0-9]+");
    expect(configOrigin(config, "io_threads")).toBe("option");
    expect(await loadConfig(options({ argv: ["--print-config"] }))).toMatchObject({ print_config: true });
  });

  test.each([
    [["--io-thread", "3"], 'option: "--io-thread" is no flag of the configuration; did you mean --io-threads?'],
    [["--frob=1"], /^option: "--frob=1" is no flag/],
    [["-x"], /^option: "-x" is no flag/],
    [["word"], /^option: "word" is no flag/],
    [["--timeout"], "option: --timeout needs a value: --timeout <seconds>"],
    [["--print-config=1"], "option: --print-config takes no value"],
    [["--timeout", "soon"], /^option: timeout: found "soon"; wanted a number of seconds/],
  ])("%j is refused", async (argv, text) => {
    expect(await refusal({ argv })).toEqual({
      code: "FEDMSG_CONFIG_INVALID",
      text: typeof text === "string" ? text : expect.stringMatching(text),
    });
  });
});

test("configOrigin names the file and line of each part", async () => {
  await write({
    "cwd/fedmsg.d/a.yaml": "endpoints:\n  a: tcp://a:1\n  b: [tcp://b:1,\n      tcp://b:2]\nname: x\n",
    "cwd/fedmsg.d/b.json": '{\n"endpoints": {\n"a": "tcp://a:2"}}',
  });
  const config = await loadConfig(options({ overrides: { io_threads: 2 } }));
  const [a, b] = [join(root, "cwd/fedmsg.d/a.yaml"), join(root, "cwd/fedmsg.d/b.json")];
  expect(configOrigin(config, "name")).toBe(`${a}:5`);
  expect(configOrigin(config, "endpoints", "a")).toBe(`${b}:3`);
  expect(configOrigin(config, "endpoints", "b", 1)).toBe(`${a}:4`);
  expect(configOrigin(config, "io_threads")).toBe("option");
  expect(configOrigin(config, "active")).toBe("default");
  expect(configOrigin(completeConfig({ active: true }, config), "name")).toBe(`${a}:5`);
});

test("__proto__ in files and options pollutes nothing", async () => {
  await write({
    "cwd/fedmsg.d/a.yaml":
      "__proto__: {polluted: 1}\nendpoints: {__proto__: {polluted: 1}}\nconstructor: {prototype: {polluted: 1}}",
    "cwd/fedmsg.d/b.json": '{"__proto__": {"polluted": 1}, "endpoints": {"__proto__": {"polluted": 1}}}',
  });
  const overrides = JSON.parse('{"__proto__": {"polluted": 1}, "own": {"__proto__": {"polluted": 1}}}');
  const config = await loadConfig(options({ overrides }));
  expect(config.endpoints).toEqual({});
  const polluted = [{}, config, config.endpoints, Object].map((object) => Reflect.get(object, "polluted"));
  expect(polluted).toEqual([undefined, undefined, undefined, undefined]);
});

describe("srv_endpoints", () => {
  test("come from the DNS, in place of what files say; a domain without an answer is a warning", async () => {
    await using dns = await DnsServer.start();
    const name = "_fedmsg._tcp.bus.example";
    dns.reply(name, {
      answers: [srvRecord(name, { target: "app01.bus.example", port: 3000, priority: 1, weight: 1 })],
    });
    dns.reply("_fedmsg._tcp.down.example", { rcode: 3 });
    await write({ "cwd/fedmsg.d/a.yaml": "endpoints: {bus.example: tcp://old:1, down.example: tcp://kept:1}" });
    const keys = { srv_endpoints: ["bus.example", "down.example"], srv_servers: [dns.address] };
    const config = await loadConfig(options({ overrides: keys }));
    expect(config.endpoints).toEqual({
      "bus.example": ["tcp://app01.bus.example:3000"],
      "down.example": ["tcp://kept:1"],
    });
    expect(configOrigin(config, "endpoints", "bus.example")).toBe("DNS: SRV _fedmsg._tcp.bus.example");
    expect(warnings).toEqual([expect.stringContaining("down.example")]);
    const unasked = await loadConfig(options({ overrides: keys, lookup: false }));
    expect(unasked.endpoints).toEqual({ "bus.example": ["tcp://old:1"], "down.example": ["tcp://kept:1"] });
  });
});
