/** What takes whole processes and threads: names, one bus for each, and how they end. They run what was built. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { anyAddress, expectNoLeaks, Sockets, testConfig, withTimeout } from "@fedmsg/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shortHostname } from "../config/environment.ts";
import { createTransport } from "../transport/create.ts";

const built = new URL("../../dist/index.js", import.meta.url).href;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmsg-"));
});
afterAll(() => rm(folder, { recursive: true }));
expectNoLeaks();

const openSockets = async () => new Sockets(await createTransport(testConfig({ transport: "zmtp" })));

/** Writes a script, with the configuration beside it, and runs it. `fedmsg` stands for what was built. */
async function start(
  path: string,
  script: string,
  config: object,
): Promise<ChildProcess & { output: Promise<string> }> {
  const file = join(folder, path);
  const configFile = join(folder, `${path.replaceAll("/", "-")}.json`);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, script.replaceAll('"fedmsg"', JSON.stringify(built)));
  await writeFile(configFile, JSON.stringify({ endpoints: {}, validate_signatures: false, ...config }));
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, FEDMSG_CONFIG: configFile, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return Object.assign(child, { output: text(child.stdout as NonNullable<typeof child.stdout>) });
}

/** What a script prints, once it has ended by itself. */
async function run(path: string, script: string, config: object): Promise<string> {
  const child = await start(path, script, config);
  try {
    return (await withTimeout(child.output, `the end of ${path}`, 15_000)).trim();
  } finally {
    child.kill("SIGKILL");
  }
}

const published = 'import { publish } from "fedmsg";\nconst receipt = await publish({ topic: "t", msg: { a: 1 } });\n';

describe("a script that ends after `await publish()`", () => {
  test("exits by itself, and a subscriber that connects within the first 0.5 s has the message", async () => {
    await using sockets = await openSockets();
    const address = await sockets.freeAddress();
    const body = sockets.inbox(address, { reconnectMs: 10 }).bodies(1);
    const name = `__main__.${shortHostname()}`;
    expect(await run("passive.mjs", `${published}console.log(receipt.i);`, { endpoints: { [name]: [address] } })).toBe(
      "1",
    );
    expect(JSON.parse((await body)[0] as string)).toMatchObject({
      topic: "org.fedoraproject.dev.__main__.t",
      msg: { a: 1 },
    });
  });

  test("exits by itself where nobody listens", async () => {
    const name = `__main__.${shortHostname()}`;
    await run("alone.mjs", published, { endpoints: { [name]: [anyAddress] } });
  });

  test("exits by itself behind a relay, which has all of many messages", async () => {
    await using sockets = await openSockets();
    const [inbox, address] = await sockets.boundInbox();
    const bodies = inbox.bodies(5000);
    const script =
      'import { publish } from "fedmsg";\n' +
      "await Promise.all(Array.from({ length: 5000 }, (_, n) => publish({ topic: 'n', msg: { n } })));";
    await run("active.mjs", script, { active: true, relay_inbound: [address] });
    expect((await bodies).map((each) => JSON.parse(each).i)).toEqual(Array.from({ length: 5000 }, (_, n) => n + 1));
  });

  test.each(["tcp://127.0.0.1:9", "tcp://no-such-host.invalid:2003"])(
    "exits by itself after it has waited for a relay in vain: %s",
    async (relay) => {
      const script =
        'import { publish } from "fedmsg";\n' +
        "await publish({ topic: 't' }).catch((error) => console.log(error.code));";
      const config = { active: true, relay_inbound: [relay], publish_timeout: 0.3 };
      expect(await run("in-vain.mjs", script, config)).toBe("FEDMSG_TIMEOUT");
    },
  );

  test("exits by itself after it left the loop of tailMessages", async () => {
    await using sockets = await openSockets();
    const [publisher, address] = await sockets.listening({ awaitSubscriber: true });
    const script =
      'import { tailMessages } from "fedmsg";\n' +
      "for await (const { topic } of tailMessages()) { console.log(topic); break; }";
    const sent = publisher.send([Buffer.from("t"), Buffer.from('{"topic":"t"}')]);
    expect(await run("tail.mjs", script, { endpoints: { app: [address] } })).toBe("t");
    await sent;
  });
});

describe("modname and name are those of the caller's package", () => {
  const script =
    'import { connect } from "fedmsg";\nconst bus = await connect({ config: { endpoints: { x: [] } } });\n' +
    "console.log(bus.name);\nawait bus.close();";

  test("__main__ for a script that belongs to none", async () => {
    expect(await run("bare/script.mjs", script, {})).toBe(`__main__.${shortHostname()}`);
  });

  test("the nearest package.json that has a name, as one word", async () => {
    await mkdir(join(folder, "tool/lib/inner"), { recursive: true });
    await writeFile(join(folder, "tool/package.json"), '{ "name": "@acme/my.tool" }');
    await writeFile(join(folder, "tool/lib/package.json"), '{ "type": "module" }');
    expect(await run("tool/lib/inner/script.mjs", script, {})).toBe(`my_tool.${shortHostname()}`);
  });

  test("of the package that calls, where another one is the script's", async () => {
    await mkdir(join(folder, "app/node_modules/plugin"), { recursive: true });
    await writeFile(join(folder, "app/package.json"), '{ "name": "app" }');
    await writeFile(join(folder, "app/node_modules/plugin/package.json"), '{ "name": "plugin", "main": "index.mjs" }');
    const plugin =
      'import { connect } from "fedmsg";\nexport const open = () => connect({ config: { endpoints: { x: [] } } });';
    await writeFile(
      join(folder, "app/node_modules/plugin/index.mjs"),
      plugin.replaceAll('"fedmsg"', JSON.stringify(built)),
    );
    const main =
      'import { open } from "plugin";\nconst bus = await open();\nconsole.log(bus.name);\nawait bus.close();';
    expect(await run("app/main.mjs", main, {})).toBe(`plugin.${shortHostname()}`);
  });
});

describe("each thread and process has a default bus of its own, on the next free address;", () => {
  /** Says where its bus is, or why it has none, and keeps it until it is told to stop. */
  const member = `
    import { destroy, init } from "fedmsg";
    export async function join(tell) {
      try {
        const bus = await init({ name: "app" });
        await bus.publish({ topic: "t" });
        tell(bus.endpoint);
      } catch (error) {
        tell(error.code);
      }
    }
    export { destroy };`;

  test("worker threads: the one too many is told FEDMSG_NO_ENDPOINT", async () => {
    await using sockets = await openSockets();
    const addresses = [await sockets.freeAddress(), await sockets.freeAddress(), await sockets.freeAddress()];
    await start("threads/member.mjs", member, {});
    const main = `
      import { Worker, isMainThread, parentPort } from "node:worker_threads";
      import { destroy, join } from "./member.mjs";
      if (isMainThread) {
        const told = [];
        await join((where) => told.push(where));
        for (let n = 0; n < 3; n++) {
          const worker = new Worker(new URL(import.meta.url));
          told.push(await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject)));
        }
        console.log(told.join(" "));
        process.exit();
      } else {
        await join((where) => parentPort.postMessage(where));
        parentPort.on("message", destroy); // Stays.
      }`;
    const told = (await run("threads/main.mjs", main, { endpoints: { app: addresses } })).split(" ");
    expect(told).toEqual([...addresses, "FEDMSG_NO_ENDPOINT"]);
  });

  test("cluster processes: likewise", async () => {
    await using sockets = await openSockets();
    const addresses = [await sockets.freeAddress(), await sockets.freeAddress()];
    await start("cluster/member.mjs", member, {});
    const main = `
      import cluster from "node:cluster";
      import { join } from "./member.mjs";
      if (cluster.isPrimary) {
        const told = [];
        for (let n = 0; n < 3; n++) {
          const worker = cluster.fork();
          told.push(await new Promise((resolve) => worker.once("message", resolve)));
        }
        for (const worker of Object.values(cluster.workers)) worker.kill();
        console.log(told.join(" "));
      } else await join((where) => process.send(where));`;
    const told = (await run("cluster/main.mjs", main, { endpoints: { app: addresses } })).split(" ");
    expect(told).toEqual([...addresses, "FEDMSG_NO_ENDPOINT"]);
  });
});
