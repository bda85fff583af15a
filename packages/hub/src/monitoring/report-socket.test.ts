import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  ensureProgram,
  eventually,
  everyTransport,
  expectNoLeaks,
  Sockets,
  tempFolder,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import type { ConfigInput } from "fedmsg/config";
import type { Transport } from "fedmsg/plugin";
import { beforeAll, describe, expect, test } from "vitest";
import { consumerStats, hubStats } from "../../test/sample-stats.ts";
import type { HubStats } from "../stats.ts";
import { startMonitoring } from "./monitoring.ts";

expectNoLeaks();

const any = "tcp://127.0.0.1:*";
const python = "/usr/bin/python3"; // Debian's, for which Debian packages pyzmq.

beforeAll(() => {
  ensureProgram({ debianPackage: "python3-zmq", check: [python, "-c", "import zmq"] });
}, 300_000);

/** Monitoring that reports often. */
function start(transport: Transport, keys: ConfigInput, stats: () => HubStats = hubStats) {
  const warnings: string[] = [];
  const onWarning = (detail: string) => void warnings.push(detail);
  const options = { config: testConfig(keys), transport, stats, onWarning, version: "1.2.3", reportSeconds: 0.05 };
  return startMonitoring(options).then((monitoring) => ({
    ...monitoring,
    socket: monitoring.socket as string,
    warnings,
    [Symbol.asyncDispose]: () => monitoring.close(),
  }));
}

describe.each(everyTransport)("the monitoring socket over %s", (_, makeTransport) => {
  test("publishes reports of one frame, and ends", async () => {
    await using sockets = new Sockets(await makeTransport());
    let received = 0;
    const stats = () => hubStats({ consumers: [consumerStats({ received: ++received })] });
    await using monitoring = await start(sockets.transport, { "moksha.monitoring.socket": any }, stats);
    const inbox = sockets.inbox(monitoring.socket);
    for (let n = 0; n < 3; n++) {
      const frames = await inbox.next();
      expect(frames).toHaveLength(1);
      expect(JSON.parse(String(frames[0])).consumers).toMatchObject([{ name: "audit", headcount_in: 1 }]);
    }
    await monitoring.close();
    await monitoring.close();
  });

  test("a subscriber that does not read holds up nobody", async () => {
    await using sockets = new Sockets(await makeTransport());
    const times = Array.from({ length: 1024 }, (_value, n) => 0.123456789012345 * (n + 1));
    const consumers = Array.from({ length: 100 }, (_value, n) =>
      consumerStats({ name: `c${n}`, takeTimes: () => times }),
    );
    const stats = () => hubStats({ consumers });
    await using monitoring = await start(sockets.transport, { "moksha.monitoring.socket": any }, stats);
    const lazy = sockets.subscriber();
    lazy.subscribe("");
    lazy.connect(monitoring.socket);
    const inbox = sockets.inbox(monitoring.socket);
    for (let n = 0; n < 30; n++) expect((await inbox.next())[0]?.byteLength).toBeGreaterThan(1_000_000);
    expect(monitoring.warnings).toEqual([]);
  });

  test("a report that cannot be made is told once, and the next one comes", async () => {
    await using sockets = new Sockets(await makeTransport());
    let isBroken = true;
    const stats = () => {
      if (isBroken) throw new Error("no numbers");
      return hubStats();
    };
    await using monitoring = await start(sockets.transport, { "moksha.monitoring.socket": any }, stats);
    await eventually(() => monitoring.warnings.length > 0, "the warning");
    const inbox = sockets.inbox(monitoring.socket);
    isBroken = false;
    await inbox.next();
    expect(monitoring.warnings).toEqual(["moksha.monitoring.socket: no report was sent: no numbers"]);
  });
});

const fileTransports = everyTransport.filter(([name]) => name !== "memory");

describe.each(fileTransports)("the file of the monitoring socket over %s", (_, makeTransport) => {
  test.each([
    ["0600", 0o600],
    ["0o660", 0o660],
    ["777", 0o777],
  ])("has mode %s from the moment at which it is there, and goes at the end", async (text, mode) => {
    await using sockets = new Sockets(await makeTransport());
    const folder = tempFolder();
    const path = join(folder, "hub.sock");
    const seen = new Set<number>();
    const watcher = watch(folder, (_event, file) => {
      const found = file === "hub.sock" ? statSync(path, { throwIfNoEntry: false }) : undefined;
      if (found) seen.add(found.mode & 0o777);
    });
    const keys = { "moksha.monitoring.socket": `ipc://${path}`, "moksha.monitoring.socket.mode": text };
    await using monitoring = await start(sockets.transport, keys);
    await sockets.inbox(monitoring.socket).next();
    await eventually(() => seen.size > 0, "the file's name");
    watcher.close();
    expect([...seen]).toEqual([mode]);
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(readdirSync(folder)).toEqual(["hub.sock"]);
    await monitoring.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("has the mode that the umask leaves, where none is configured", async () => {
    await using sockets = new Sockets(await makeTransport());
    const path = join(tempFolder(), "hub.sock");
    await using monitoring = await start(sockets.transport, { "moksha.monitoring.socket": `ipc://${path}` });
    await sockets.inbox(monitoring.socket).next();
    expect(statSync(path).mode & 0o777).toBe(0o777 & ~process.umask());
  });

  test("replaces that of a process that is gone", async () => {
    await using sockets = new Sockets(await makeTransport());
    const path = join(tempFolder(), "hub.sock");
    const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    await once(spawn(process.execPath, ["-e", script]), "exit");
    expect(lstatSync(path).isSocket()).toBe(true);
    const keys = { "moksha.monitoring.socket": `ipc://${path}`, "moksha.monitoring.socket.mode": "0600" };
    await using monitoring = await start(sockets.transport, keys);
    await sockets.inbox(monitoring.socket).next();
  });

  test("refuses the name of a hub that lives, and leaves it alone; so it does with somebody's file", async () => {
    await using sockets = new Sockets(await makeTransport());
    const folder = tempFolder();
    const keys = { "moksha.monitoring.socket": `ipc://${folder}/hub.sock`, "moksha.monitoring.socket.mode": "0600" };
    await using first = await start(sockets.transport, keys);
    await expect(start(sockets.transport, keys)).rejects.toMatchObject({
      code: "FEDMSG_ADDRESS_IN_USE",
      message: expect.stringMatching(/^moksha\.monitoring\.socket .*hub\.sock is in use by another socket$/),
    });
    await sockets.inbox(first.socket).next();
    writeFileSync(join(folder, "notes.txt"), "mine");
    const file = { ...keys, "moksha.monitoring.socket": `ipc://${folder}/notes.txt` };
    await expect(start(sockets.transport, file)).rejects.toMatchObject({ code: "FEDMSG_ADDRESS_IN_USE" });
    expect(readdirSync(folder).sort()).toEqual(["hub.sock", "notes.txt"]);
  });

  test("names the key where the folder is not there, or its path is too long", async () => {
    const transport = await makeTransport();
    const open = (path: string) =>
      start(transport, { "moksha.monitoring.socket": `ipc://${path}`, "moksha.monitoring.socket.mode": "0600" });
    await expect(open("/not/there/x")).rejects.toMatchObject({
      code: "FEDMSG_TRANSPORT",
      message: expect.stringMatching(
        /^moksha\.monitoring\.socket .*: cannot listen on ipc:\/\/\/not\/there\/x: ENOENT/,
      ),
    });
    const base = tempFolder();
    const folder = join(base, "d".repeat(104 - base.length));
    mkdirSync(folder);
    await expect(open(`${folder}/x`)).rejects.toMatchObject({
      code: "FEDMSG_ADDRESS_INVALID",
      message: expect.stringContaining("needs a folder whose path is 9 bytes shorter"),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("leaves a file alone that somebody else put in its place", async () => {
    const folder = tempFolder();
    const path = join(folder, "hub.sock");
    const keys = { "moksha.monitoring.socket": `ipc://${path}`, "moksha.monitoring.socket.mode": "0600" };
    await using monitoring = await start(await makeTransport(), keys);
    rmSync(path);
    writeFileSync(path, "another's");
    await monitoring.close();
    expect(readdirSync(folder)).toEqual(["hub.sock"]);
  });
});

test("a mode where there is no file is told to have no effect", async () => {
  const [, makeTransport] = everyTransport[1] as (typeof everyTransport)[number];
  const keys = { "moksha.monitoring.socket": any, "moksha.monitoring.socket.mode": "0600" };
  await using monitoring = await start(await makeTransport(), keys);
  expect(monitoring.warnings).toEqual([
    "moksha.monitoring.socket.mode: tcp://127.0.0.1:* is no file, so 0600 has no effect",
  ]);
});

test("pyzmq reads a report, and Python would have written it the same", async () => {
  const [, makeTransport] = everyTransport[1] as (typeof everyTransport)[number];
  const path = join(tempFolder(), "hub.sock");
  const keys = { "moksha.monitoring.socket": `ipc://${path}`, "moksha.monitoring.socket.mode": "0600" };
  const consumers = [consumerStats({ name: "é\u007f😀", takeTimes: () => [0.000213, 1e-7, 1, 1e22] })];
  await using _ = await start(await makeTransport(), keys, () => hubStats({ consumers }));
  const script = [
    "import json, sys, zmq",
    "socket = zmq.Context().socket(zmq.SUB)",
    "socket.setsockopt(zmq.SUBSCRIBE, b'')",
    "socket.connect(sys.argv[1])",
    "frames = socket.recv_multipart()",
    "text = frames[0].decode()",
    "print(len(frames), json.dumps(json.loads(text)) == text)",
  ].join("\n");
  const reader = spawn(python, ["-c", script, `ipc://${path}`], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await withTimeout(once(createInterface({ input: reader.stdout }), "line"), "a report");
  expect(line).toBe("1 True");
  await once(reader, "exit");
});
