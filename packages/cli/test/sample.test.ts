/** The sample in `fedmsg.d/`: it works as it stands, it is what the schema says, and a bus starts from it. */

import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { completeConfig, loadConfig } from "fedmsg/config";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { freeBus, freePort, root, run, start, tempDir } from "./support.ts";

const sample = join(root, "fedmsg.d");
const names = readdirSync(sample).filter((name) => name.endsWith(".yaml"));

test("has a file for each of the old ones", () => {
  const old = ["base", "endpoints", "gateway", "ircbot", "logging", "relay", "ssl"];
  expect(names).toEqual(old.map((name) => `${name}.yaml`));
});

test.each(names)("%s begins with the hint for editors, and is what the schema says", (name) => {
  const text = readFileSync(join(sample, name), "utf8");
  expect(text.split("\n", 1)).toEqual(["# yaml-language-server: $schema=.schema.json"]);
  const schema = JSON.parse(readFileSync(join(sample, ".schema.json"), "utf8"));
  const validate = new Ajv({ strict: false }).compile(schema);
  expect(validate(parse(text) ?? {}), JSON.stringify(validate.errors)).toBe(true);
});

test("differs from the defaults only in what a first try needs", async () => {
  const { irc, logging, ...given } = await loadConfig({ files: [sample] });
  const { irc: _irc, logging: _logging, ...defaults } = completeConfig({});
  expect(given).toEqual({
    ...defaults,
    validate_signatures: false,
    relay_confirm: ["tcp://127.0.0.1:2004"],
    replay_endpoints: { relay_outbound: "tcp://127.0.0.1:4002" },
    "fedmsg.consumers.gateway.interface": "127.0.0.1",
    "fedmsg.consumers.ircbot.enabled": false,
  });
  expect({ irc, logging }).toMatchObject({ irc: [{ channel: "my-fedmsg-channel" }], logging: { version: 1 } });
});

test("has nothing that deserves a look", async () => {
  const { code, stdout } = await run("fedmsg", ["config", "check", "--strict"], { env: { FEDMSG_CONFIG: sample } });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "7 sources, no problems, no warnings\n" });
});

test("a bus starts from it, and carries a message", async () => {
  const cwd = tempDir();
  cpSync(sample, join(cwd, "fedmsg.d"), { recursive: true });
  const replay_endpoints = { relay_outbound: `tcp://127.0.0.1:${await freePort()}` };
  const relay_confirm = `tcp://127.0.0.1:${await freePort()}`;
  const ports = { ...(await freeBus()), replay_endpoints, relay_confirm }; // Only the ports, for the machine's sake.
  writeFileSync(join(cwd, "fedmsg.d", "z.yaml"), JSON.stringify(ports));
  await using up = start("fedmsg", ["up"], { cwd });
  await up.until("stdout", /Ctrl-C/);
  await using tail = start("fedmsg-tail", ["--limit", "1", "--query", "msg.log"], { cwd });
  await using logger = start("fedmsg-logger", [], { cwd });
  const repeat = setInterval(() => logger.write("Hello from the sample\n"), 100); // Until the tail listens.
  try {
    await tail.until("stdout", /Hello from the sample/);
  } finally {
    clearInterval(repeat);
  }
  await tail.ended();
  logger.signal("SIGTERM");
  await logger.ended();
});
