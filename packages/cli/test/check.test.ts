/** fedmsg-check as a process: what it makes of a hub's report, ours or Python's. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ensureProgram } from "@fedmsg/testkit";
import { completeConfig } from "fedmsg/config";
import { createTransport } from "fedmsg/plugin";
import { beforeAll, expect, test } from "vitest";
import { type Ended, freePort, run, start, tempDir } from "./support.ts";

const python = "/usr/bin/python3"; // Debian's, for which Debian packages pyzmq.

/** What a hub of Python's says, to the byte. */
const report =
  '{"consumers": [{"name": "RelayConsumer", "module": "fedmsg.consumers.relay", "topic": "*", "initialized": true, ' +
  '"exceptions": 0, "jsonify": true, "backlog": 0, "headcount_out": 6, "headcount_in": 6, "times": [0.000213, 1.0, 2e-05]}, ' +
  '{"name": "Broken", "module": "m", "topic": ["a", "b"], "initialized": false, "exceptions": 3, "jsonify": true, ' +
  '"backlog": null, "headcount_out": 0, "headcount_in": 0, "times": []}], ' +
  '"producers": [{"name": "MonitoringProducer", "module": "moksha.hub.monitoring", "initialized": true, ' +
  '"exceptions": 0, "frequency": 5, "now": false, "last_ran": 1795219669.7084005}]}';

beforeAll(() => {
  ensureProgram({ debianPackage: "python3-zmq", check: [python, "-c", "import zmq"] });
}, 300_000);

const ipc = () => `ipc://${join(tempDir(), "hub.sock")}`;

/** Says the same frames to whoever comes to `address`, and checks what is said. */
async function check(
  args: readonly string[],
  frames: readonly string[] | readonly Uint8Array[] = [report],
): Promise<Ended> {
  const address = ipc();
  const transport = await createTransport(completeConfig({}));
  const publisher = transport.createPublisher({ holdMs: 0 });
  await publisher.bind(address);
  try {
    await using program = start("fedmsg-check", args, { config: { "moksha.monitoring.socket": address } });
    await publisher.subscribed();
    await publisher.send(frames.map((frame) => Buffer.from(frame as Uint8Array)));
    return await program.ended();
  } finally {
    await publisher.close();
  }
}

test("prints a report as Python does: sorted, indented, each number as it was spelt", async () => {
  const { code, stdout, stderr } = await check([]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const pretty = spawn(python, [
    "-c",
    `import json, sys\nprint(json.dumps(json.loads(sys.argv[1]), indent=2, sort_keys=True))`,
    report,
  ]);
  let wanted = "";
  pretty.stdout.on("data", (text) => {
    wanted += text;
  });
  await once(pretty, "close");
  expect(stdout).toBe(wanted);
});

test("reads what a Python process publishes, again and again, on a socket that it bound", async () => {
  const address = ipc();
  const script = [
    "import sys, time, zmq",
    "socket = zmq.Context().socket(zmq.PUB)",
    "socket.bind(sys.argv[1])",
    "print('bound', flush=True)",
    "while True:",
    "    socket.send(sys.argv[2].encode())",
    "    time.sleep(0.05)",
  ].join("\n");
  const hub = spawn(python, ["-c", script, address, report], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(createInterface({ input: hub.stdout }), "line");
    const args = ["-c", "RelayConsumer", "-p", "MonitoringProducer"];
    const { code, stdout } = await run("fedmsg-check", args, { config: { "moksha.monitoring.socket": address } });
    expect({ code, report: JSON.parse(stdout) }).toEqual({ code: 0, report: JSON.parse(report) });
  } finally {
    hub.kill("SIGKILL");
    await once(hub, "exit");
  }
});

test("reads what our own hub says, through a file of the mode that was configured", async () => {
  const address = ipc();
  const config = {
    ...{ "moksha.monitoring.socket": address, "moksha.monitoring.socket.mode": "0600" },
    ...{ "fedmsg.consumers.dummy.enabled": true, endpoints: { nobody: [`tcp://127.0.0.1:${await freePort()}`] } },
  };
  await using _hub = start("fedmsg-hub", [], { config });
  const { code, stdout } = await run("fedmsg-check", ["-c", "DummyConsumer", "-p", "MonitoringProducer"], { config });
  expect({ code, report: JSON.parse(stdout) }).toMatchObject({
    code: 0,
    report: {
      consumers: [
        { name: "DummyConsumer", module: "fedmsg.consumers.dummy", topic: "*", initialized: true, backlog: 0 },
      ],
    },
  });
  expect(statSync(address.slice("ipc://".length)).mode & 0o777).toBe(0o600);
});

test("names each consumer and producer that is missing, or not initialized", async () => {
  const args = [
    "-c",
    "RelayConsumer",
    "-c",
    "Broken",
    "--consumer",
    "Gone\u001b[2J",
    "-p",
    "MonitoringProducer",
    "--producer",
    "x",
  ];
  expect(await check(args)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: [
      'fedmsg-check: consumer "Broken" is not initialized',
      'fedmsg-check: consumer "Gone\\u001b[2J" is not there; the hub has RelayConsumer, Broken',
      'fedmsg-check: producer "x" is not there; the hub has MonitoringProducer',
      "",
    ].join("\n"),
  });
});

test.each<[what: string, frames: readonly string[] | readonly Uint8Array[], says: RegExp]>([
  ["no JSON", ["{oops"], /is no report of a hub: .*line 1/],
  ["no UTF-8", [Uint8Array.of(0x22, 0xff, 0x22)], /is no report of a hub: the bytes are not utf-8/],
  ["no object", ["[]"], /is no report of a hub: it is no object with lists/],
  ["another object", ['{"consumers": {}, "producers": []}'], /it is no object with lists of consumers and producers/],
  ["two frames", ["topic", report], /a message of 2 frames came; wanted one/],
  ["too deep", ["[".repeat(100_000)], /is no report of a hub: /],
])("%s is an error", async (_, frames, says) => {
  const { code, stdout, stderr } = await check([], frames);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(says);
});

test("a report that is too large is refused, and named as the reason", async () => {
  const { code, stderr } = await check(["--timeout", "2"], [" ".repeat(17 * 1024 * 1024)]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/in 2 s: a peer was cut/) });
});

test("what a report says cannot act on the terminal", async () => {
  const hostile =
    '{"consumers": [{"name": "\\u001b[2J\\u202e\x7f\u009b"}, 7, null], "producers": [], "\u001b]0;x\u0007": 1}';
  const { code, stdout } = await check([], [hostile.replace(/\u001b\]0;x\u0007/, "k")]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^[\n -~]*$/);
  const { stderr } = await check(["-c", "y"], [hostile.replace(/\u001b\]0;x\u0007/, "k")]);
  expect(stderr).toMatch(/^[\n -~]*$/);
  expect(stderr.split("\n")).toHaveLength(2);
});

test("no socket that is configured is an error", async () => {
  const { code, stderr } = await run("fedmsg-check", [], { config: {} });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^fedmsg-check: moksha\.monitoring\.socket is not set; set it here and for the hub/),
  });
});

test("a socket without a port is an error, and one on every interface is on this one", async () => {
  const none = { "moksha.monitoring.socket": "tcp://127.0.0.1:*" };
  expect(await run("fedmsg-check", [], { config: none })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("moksha.monitoring.socket: tcp://127.0.0.1:* names no port"),
  });
  const everywhere = { "moksha.monitoring.socket": `tcp://*:${await freePort()}` };
  expect(await run("fedmsg-check", ["--timeout", "0.2"], { config: everywhere })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no report from tcp://127.0.0.1:"),
  });
});

test("nobody there, and somebody who says nothing, are told apart when time is over", async () => {
  const absent = await run("fedmsg-check", ["--timeout", "0.3"], { config: { "moksha.monitoring.socket": ipc() } });
  expect(absent).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /no report from ipc:.* in 0\.3 s: nobody listens there; a hub reports every 5 s: wait/,
    ),
  });
  const address = ipc();
  const transport = await createTransport(completeConfig({}));
  const publisher = transport.createPublisher();
  await publisher.bind(address);
  const silent = await run("fedmsg-check", ["--timeout", "2"], { config: { "moksha.monitoring.socket": address } });
  await publisher.close();
  expect(silent.stderr).toContain("in 2 s: somebody listens there, and said nothing");
});

test("ends at a signal", async () => {
  const address = ipc();
  const transport = await createTransport(completeConfig({}));
  const publisher = transport.createPublisher();
  await publisher.bind(address);
  await using program = start("fedmsg-check", [], { config: { "moksha.monitoring.socket": address } });
  await publisher.subscribed();
  program.signal("SIGTERM");
  expect(await program.ended()).toMatchObject({ code: 1, stdout: "" });
  await publisher.close();
});
