/** Signed messages on the command line: who signs, who checks, and `fedmsg validate`, which explains. */

import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { pkiFolder } from "@fedmsg/testkit";
import { completeConfig } from "fedmsg/config";
import { createSigner } from "fedmsg/crypto";
import { describe, expect, test } from "vitest";
import { Listener, Speaker } from "./bus.ts";
import { freeBus, logOf, run, start, tempDir } from "./support.ts";

const host = hostname().split(".")[0];
const trusting = { validate_signatures: true, ca_cert_location: join(pkiFolder, "ca.crt") };
const signing = { sign_messages: true, ssldir: pkiFolder };
const topic = "org.fedoraproject.dev.test.t";

async function sign(message: object, certname = "shell-vm"): Promise<string> {
  const signer = await createSigner(completeConfig({ ssldir: pkiFolder, certname }));
  return signer.encodeSigned({ topic, timestamp: 1_700_000_000, ...message });
}

describe("fedmsg-tail", () => {
  test("--validate prints what is signed and says once what it refused; --no-validate prints everything", async () => {
    await using speaker = await Speaker.open();
    const config = { ...speaker.config, ca_cert_location: trusting.ca_cert_location };
    await using strict = start("fedmsg-tail", ["--validate", "--limit", "1", "--query", "i"], { config });
    await using lax = start("fedmsg-tail", ["--no-validate", "--limit", "2", "--query", "i"], {
      config: { ...config, validate_signatures: true },
    });
    const signed = await sign({ i: 2 });
    const repeat = setInterval(async () => {
      await speaker.say(topic, { i: 1 });
      await speaker.say(topic, signed);
    }, 50);
    try {
      expect(await strict.ended()).toMatchObject({ code: 0, stdout: "2\n" });
      const { stdout } = await lax.ended();
      expect(stdout.split("\n").sort()).toEqual(["", "1", "2"]);
    } finally {
      clearInterval(repeat);
    }
    const [first] = logOf(strict.stderr).filter(({ level }) => level === "warn");
    expect(first?.msg ?? "nothing refused before the first signed one").toMatch(/unsigned|nothing refused/);
  });

  test("marks what allow_unsigned lets through", async () => {
    await using speaker = await Speaker.open();
    const config = { ...speaker.config, ...trusting, allow_unsigned: ["org.fedoraproject.#"] };
    await using tail = start("fedmsg-tail", ["--really-pretty", "--limit", "1"], { config });
    const repeat = setInterval(() => void speaker.say(topic, { i: 1 }), 50);
    try {
      expect((await tail.ended()).stdout).toMatch(/^\(unsigned\)\n\{/);
    } finally {
      clearInterval(repeat);
    }
  });
});

test("fedmsg-logger and fedmsg-announce sign with the certificates of their prefixes", async () => {
  await using listener = await Listener.open();
  const certnames = { [`shell.${host}`]: "shell-vm", [`announce.${host}`]: "announce-vm" };
  const config = { ...listener.config, ...signing, certnames };
  expect(await run("fedmsg-logger", ["--message", "x"], { config })).toMatchObject({ code: 0 });
  expect(await run("fedmsg-announce", [], { config, stdin: "We are back." })).toMatchObject({ code: 0 });
  for (const [{ body }, expected] of [
    [(await listener.take(1))[0] as { body: Uint8Array }, "shell-vm.example.org"],
    [(await listener.take(1))[0] as { body: Uint8Array }, "announce-vm.example.org"],
  ] as const) {
    const { code, stdout } = await run("fedmsg", ["validate"], {
      config: trusting,
      stdin: Buffer.from(body).toString(),
    });
    expect({ code, last: stdout.trimEnd().split("\n").at(-1) }).toEqual({
      code: 0,
      last: `accepted: signed by ${expected}`,
    });
  }
});

test("fedmsg-logger says at once what it lacks to sign with", async () => {
  await using listener = await Listener.open();
  const { code, stderr } = await run("fedmsg-logger", ["--message", "x"], {
    config: { ...listener.config, ...signing },
  });
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`certnames["shell.${host}"]: missing`) });
});

describe("fedmsg-signing-relay", () => {
  test("signs for those who cannot; SIGHUP does not stop it", async () => {
    const bus = await freeBus();
    const config = { ...bus, ...signing, sign_messages: false, certnames: { signing_relay: "relay-vm" } };
    await using relay = start("fedmsg-signing-relay", [], { config });
    await relay.untilLogged(/in tcp.*out tcp/);
    await using tail = start("fedmsg-tail", ["--limit", "1", "--query", "msg.log"], {
      config: { ...bus, ...trusting },
    });
    await using logger = start("fedmsg-logger", [], { config });
    relay.signal("SIGHUP");
    await relay.untilLogged(/SIGHUP/);
    const repeat = setInterval(() => void logger.write("Hello, signed world\n"), 50);
    try {
      expect(await tail.ended()).toMatchObject({ code: 0, stdout: "Hello, signed world\n" });
    } finally {
      clearInterval(repeat);
    }
    logger.signal("SIGTERM");
    await logger.ended();
  });

  test("does not start without its certificate", async () => {
    const config = { ...(await freeBus()), ssldir: pkiFolder };
    expect(await run("fedmsg-signing-relay", [], { config })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('certnames["signing_relay"]: missing'),
    });
  });
});

describe("fedmsg validate", () => {
  const explain = (stdin: string, flags: readonly string[] = [], config: object = trusting) =>
    run("fedmsg", ["validate", ...flags], { config, stdin });

  test("explains each step of what is accepted", async () => {
    const { code, stdout, stderr } = await explain(await sign({ i: 1 }));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const steps = stdout.split("\n").map((line) => line.split(/ +/, 2).join(" "));
    expect(steps.slice(0, 3)).toEqual(["ok parse", "ok backend", "ok credentials"]);
    expect(steps).not.toContain(expect.stringContaining("NO"));
    expect(stdout).toMatch(/\naccepted: signed by shell-vm\.example\.org\n$/);
  });

  test.each([
    ["not JSON", "{", "NO parse", /not accepted: not-json/],
    ["unsigned", JSON.stringify({ topic }), "NO backend", /not accepted: unsigned; allow_unsigned/],
    ["changed", null, "NO signature", /not accepted: signature-mismatch/],
  ])("names the step that fails: %s", async (what, body, step, conclusion) => {
    const text = body ?? (await sign({ what: "changed" })).replace('"changed"', '"chanced"');
    const { code, stdout } = await explain(text);
    expect({ what, code }).toEqual({ what, code: 1 });
    expect(stdout.split("\n").map((line) => line.split(/ +/, 2).join(" "))).toContain(step);
    expect(stdout).toMatch(conclusion);
  });

  test("reads a file; --signer asks for one signer; --json is for programs", async () => {
    const file = join(tempDir(), "message.json");
    writeFileSync(file, `${await sign({ i: 1 })}\n`);
    const right = await run("fedmsg", ["validate", file, "--signer", "shell-vm.example.org"], { config: trusting });
    expect(right.code).toBe(0);
    const wrong = await run("fedmsg", ["validate", file, "--signer", "x", "--json"], { config: trusting });
    expect(wrong.code).toBe(1);
    const outcome = JSON.parse(wrong.stdout);
    expect(outcome).toMatchObject({ valid: false, reason: "signer-refused" });
    expect(outcome.steps.at(-1)).toMatchObject({ name: "policy", ok: false });
    const missing = await run("fedmsg", ["validate", "/not/there"], { config: trusting });
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("/not/there: cannot be read") });
  });

  test("--history takes off what a history service adds; allow_unsigned is named where it would help", async () => {
    const signed = JSON.parse(await sign({ i: 1 }));
    const stored = { ...signed, source_name: "datanommer", source_version: "0.6.5", headers: {} };
    expect((await explain(JSON.stringify(stored))).code).toBe(1);
    expect((await explain(JSON.stringify(stored), ["--history"])).code).toBe(0);
    const open = await explain(JSON.stringify({ topic }), [], { ...trusting, allow_unsigned: ["org.fedoraproject."] });
    expect(open).toMatchObject({ code: 1, stdout: expect.stringContaining("allow_unsigned lets its topic through") });
  });
});
