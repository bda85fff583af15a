/** `fedmsg up`: a whole bus with one command, and an end that leaves nothing behind. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "@fedmsg/testkit";
import { fetchInfo } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { Speaker } from "./bus.ts";
import { freeBus, type Program, run, start, startShell, tempDir, writeConfig } from "./support.ts";

/** The command lines that the banner tells to type. */
async function suggestionsOf(up: Program): Promise<readonly [listen: string, say: string]> {
  const [, listen, say] = await up.until("stdout", /\n {2}npx (fedmsg-tail .*)\n[\s\S]*\n {2}(echo .*)\n[\s\S]*Ctrl-C/);
  return [listen as string, (say as string).replace("npx ", "")];
}

test("what it tells to type works, through the relay and through the gateway; Ctrl-C ends it", async () => {
  const config = await freeBus();
  await using up = start("fedmsg", ["up"], { config });
  const [listen, say] = await suggestionsOf(up);
  const gateway = `tcp://127.0.0.1:${config["fedmsg.consumers.gateway.port"]}`;
  for (const address of [...config.relay_inbound, ...config.endpoints.relay_outbound, gateway]) {
    expect(up.stdout).toContain(`${address} `);
  }
  await using tail = startShell(listen, { config });
  await using outside = startShell(listen, { config: { endpoints: { gateway: [gateway] } } });
  const hasHeard = ({ stdout }: Program) => /"log": "Hello world"/.test(stdout);
  // How soon a listener is there only shows in what it hears.
  for (let tries = 0; tries < 20 && !(hasHeard(tail) && hasHeard(outside)); tries++) {
    await using logger = startShell(say, { config });
    expect(await logger.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  }
  expect({ tail: tail.stdout, outside: outside.stdout }).toEqual({
    tail: expect.stringContaining('"log": "Hello world"'),
    outside: expect.stringContaining('"log": "Hello world"'),
  });
  up.signalGroup("SIGINT");
  up.signal("SIGINT"); // As npm does: once from the terminal, once from npm.
  const { code, signal, stdout, stderr } = await up.ended();
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
  expect(stdout).toMatch(
    /\nStopped\. Relay: [1-9]\d* forwarded, 0 dropped, 0 refused\. Gateway: [1-9]\d* forwarded, 0 dropped, 0 refused\.\n$/,
  );
  tail.signalGroup("SIGINT");
  outside.signalGroup("SIGINT");
});

test("the relay keeps what goes through it, in the user's state folder or where the configuration says", async () => {
  const state = tempDir();
  const env = { XDG_STATE_HOME: state };
  const config = await freeBus();
  const port = config.endpoints.relay_outbound[0]?.replace(/.*:/, "");
  for (const position of [1, 2]) {
    await using up = start("fedmsg", ["up"], { config, env });
    const [, replay] = await up.until("stdout", /\n {2}replay {9}(tcp:\/\/127\.0\.0\.1:\d+) [\s\S]*Ctrl-C/);
    await using logger = startShell('echo "kept" | fedmsg-logger', { config });
    expect(await logger.ended()).toMatchObject({ code: 0 });
    await eventually(async () => (await fetchInfo(replay as string)).head === position, "it is kept");
    up.signal("SIGTERM");
    expect(await up.ended()).toMatchObject({ code: 0, stderr: "" });
  }
  expect(readdirSync(join(state, "fedmsg"))).toContain(`relay_outbound-${port}.db`);
  await using off = start("fedmsg", ["up"], {
    config: { ...config, persistent_store: null },
    env: { XDG_STATE_HOME: "/dev/null" },
  });
  await off.until("stdout", /The bus is up[\s\S]*Ctrl-C/);
  expect(off.stdout).not.toContain("replay");
  off.signal("SIGTERM");
  await off.ended();
  const nowhere = await run("fedmsg", ["up"], { config, env: { XDG_STATE_HOME: "/dev/null" } });
  expect(nowhere.code).toBe(1);
  expect(nowhere.stderr).toMatch(/no place for the journal: .*set persistent_store to sqlite:/);
});

test("SIGTERM ends it cleanly, too", async () => {
  await using up = start("fedmsg", ["up"], { config: await freeBus() });
  await up.until("stdout", /The bus is up/);
  up.signal("SIGTERM");
  expect(await up.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining("Stopped.") });
});

test("an address in use is named with the key it came from, and nothing is left running", async () => {
  for (const key of ["relay_inbound", "relay_outbound", "fedmsg.consumers.gateway.port"]) {
    await using taken = await Speaker.open();
    const bus = await freeBus();
    const config = {
      relay_inbound: { ...bus, relay_inbound: [taken.endpoint] },
      relay_outbound: { ...bus, endpoints: { relay_outbound: [taken.endpoint] } },
      "fedmsg.consumers.gateway.port": {
        ...bus,
        "fedmsg.consumers.gateway.port": Number(taken.endpoint.split(":")[2]),
      },
    }[key] as object;
    const { code, stdout, stderr } = await run("fedmsg", ["up", "--config-filename", writeConfig(config)]);
    expect({ key, code, stdout }).toEqual({ key, code: 1, stdout: "" });
    expect(stderr).toContain("fedmsg up: ");
    expect(stderr).toMatch(new RegExp(`${key}.*${taken.endpoint}.*in use`));
  }
});

test("where signatures are validated and nobody signs, what it tells to type works all the same", async () => {
  const config = { ...(await freeBus()), validate_signatures: true };
  await using up = start("fedmsg", ["up"], { config });
  const [listen] = await suggestionsOf(up);
  expect(listen).toBe("fedmsg-tail --really-pretty --no-validate");
});
