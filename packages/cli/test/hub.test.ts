/** fedmsg-hub as a process: what it runs, what it says, and how it ends. */

import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Speaker } from "./bus.ts";
import { logOf, Program, run, start, tempDir, writeConfig } from "./support.ts";

const topic = "org.fedoraproject.dev.test.one";

/** A consumer in TypeScript that says when it begins, and goes on when a file is there. */
const patient = `
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { ConsumerDefinition } from "fedmsg/plugin";

interface Body { readonly n: number }

const patient: ConsumerDefinition = {
  name: "patient",
  topics: ["org.fedoraproject.dev.test.#"],
  async consume({ message }, { log, config }) {
    const { n } = message as unknown as Body;
    log.info(\`began \${n}\`);
    while (!existsSync(String(config.ssldir))) await delay(5);
    log.info(\`finished \${n}\`);
  },
};

export default patient;
`;

/** Writes modules beside a configuration that lists them. */
function project(files: Readonly<Record<string, string>>, config: object): { file: string; folder: string } {
  const file = writeConfig({ validate_signatures: false, ...config });
  const folder = dirname(file);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return { file, folder };
}

/** A hub, and somebody who speaks to it, from when they are connected. */
async function open(files: Readonly<Record<string, string>>, config: object, args: readonly string[] = []) {
  const speaker = await Speaker.open();
  const state = tempDir();
  const cursor_store = `sqlite:${join(state, "{name}.db")}`;
  const { file } = project(files, { ...speaker.config, cursor_store, ssldir: join(state, "go"), ...config });
  const hub = start("fedmsg-hub", args, { env: { FEDMSG_CONFIG: file } });
  await hub.untilLogged(/^runs /);
  await speaker.subscribed();
  return {
    hub,
    say: (n: number) => speaker.say(topic, { n }),
    /** Lets the patient consumer go on. */
    go: () => writeFileSync(join(state, "go"), ""),
    state,
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      await speaker[Symbol.asyncDispose]();
    },
  };
}

const messagesOf = (stderr: string) => logOf(stderr).map(({ msg }) => msg);

test("a consumer in TypeScript gets messages; SIGTERM lets it finish what it has, and then the hub ends", async () => {
  await using stage = await open({ "patient.ts": patient }, { consumers: ["./patient.ts"] });
  const { hub } = stage;
  await stage.say(1);
  await hub.untilLogged(/^patient: began 1$/);
  hub.signal("SIGHUP");
  await hub.untilLogged(/^SIGHUP: reads keys and certificates again$/);
  hub.signal("SIGTERM");
  await stage.say(2); // It may have been cut off already, or not.
  stage.go();
  const { code, signal, stdout, stderr } = await hub.ended();
  expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: "" });
  const messages = messagesOf(stderr);
  expect(messages[0]).toBe("runs 1 consumer (patient)");
  expect(messages).toContain("patient: finished 1");
  expect(messages.at(-1)).toMatch(
    /^drained; ([12]) messages? received, \1 done, 0 dead letters, 0 failed attempts, 0 published, 0 refused$/,
  );
});

test("drain_timeout bounds the end: what hangs is a dead letter, and is named", async () => {
  const config = { consumers: ["./patient.ts"], drain_timeout: 0.05 };
  await using stage = await open({ "patient.ts": patient }, config);
  const { hub } = stage;
  await stage.say(1);
  await hub.untilLogged(/^patient: began 1$/);
  hub.signal("SIGTERM");
  const { code, stderr } = await hub.ended();
  expect(code).toBe(0);
  expect(messagesOf(stderr)).toContainEqual(
    expect.stringMatching(/^patient: a message is a dead letter now: .*test\.one/),
  );
  expect(messagesOf(stderr)).toContainEqual(
    expect.stringMatching(/^drained; 1 message received, 1 done, 1 dead letter,/),
  );
  const listed = await run("fedmsg", ["dead-letters", "list", "--json"], {
    config: { cursor_store: `sqlite:${join(stage.state, "{name}.db")}` },
  });
  expect(listed.stdout).toContain('"patient"');
});

test("beside a relay that cannot start, SIGTERM lets a consumer finish what it has", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const relay = {
    "fedmsg.consumers.relay.enabled": true,
    relay_inbound: ["tcp://127.0.0.1:*"],
    relay_outbound: [`tcp://127.0.0.1:${port}`],
  };
  await using stage = await open({ "patient.ts": patient }, { consumers: ["./patient.ts"], ...relay });
  const { hub } = stage;
  await stage.say(1);
  await hub.untilLogged(/^patient: began 1$/);
  hub.signal("SIGTERM");
  stage.go();
  const { code, stderr } = await hub.ended();
  taken.close();
  expect(code).toBe(0);
  expect(messagesOf(stderr)).toContain("runs 1 consumer (patient); 1 could not be started");
  expect(messagesOf(stderr)).toContain("patient: finished 1");
});

test.each([
  [
    "a start() that hangs",
    "export default { name: 'hangs', start: ({ log }) => { log.info('starts'); return new Promise(() => {}); }, consume() {} };",
  ],
  ["a module that waits for ever", 'console.error(\'{"msg":"hangs: starts"}\'); await new Promise(() => {});'],
])("SIGTERM during the start ends it, beside %s", async (_, text) => {
  const { file } = project({ "hangs.mjs": text }, { endpoints: {}, consumers: ["./hangs.mjs"], drain_timeout: 0.1 });
  await using hub = start("fedmsg-hub", [], { env: { FEDMSG_CONFIG: file } });
  await hub.untilLogged(/^hangs: starts$/);
  hub.signal("SIGTERM");
  expect(await hub.ended()).toMatchObject({ code: 0, signal: null });
});

test("a second signal ends it at once", async () => {
  await using stage = await open({ "patient.ts": patient }, { consumers: ["./patient.ts"] });
  const { hub } = stage;
  await stage.say(1);
  await hub.untilLogged(/^patient: began 1$/);
  hub.signal("SIGTERM");
  hub.signal("SIGINT");
  const { code } = await hub.ended();
  expect([130, 143]).toContain(code); // Whichever came second.
});

const good = `export default [
  { name: "good", consume: ({ message }, { log }) => log.info("good " + message.n) },
  { name: "other", consume: () => {}, start: () => void Promise.reject(new Error("nobody caught me")) },
];
export const extra = { name: "extra", consume: () => Promise.reject(new Error("never works")), retry: { attempts: 1 } };
setInterval(() => {}, 1000);
`;

test("what does not load is named with its place, and the others run; what a plugin forgot ends nothing and holds up nothing", async () => {
  const files = {
    "good.mjs": good,
    "throws.mjs": 'throw new Error("no luck");',
    "wrong.mjs": "export default { name: 'wrong', consum() {} };",
    "producer.mjs": "export default { name: 'ticks', every: 60, now: true, poll: ({ log }) => log.info('tick') };",
  };
  const consumers = ["./throws.mjs", "./good.mjs", "./gone.mjs", "./wrong.mjs", "no-such-package", "./good.mjs:extra"];
  await using stage = await open(files, { consumers, producers: ["./producer.mjs"] });
  const { hub } = stage;
  await stage.say(7);
  await hub.untilLogged(/^good: good 7$/);
  await hub.untilLogged(/did not catch .*nobody caught me/);
  await hub.untilLogged(/^extra: a message is a dead letter now: .*never works/);
  hub.signal("SIGTERM");
  const { code, stderr } = await hub.ended();
  expect(code).toBe(0);
  const failures = logOf(stderr)
    .filter(({ level }) => level === "error")
    .map(({ msg }) => msg);
  expect(failures.slice(0, 4)).toEqual([
    expect.stringMatching(/^consumers\[0\] \(.*fedmsg\.yaml:\d+\): \.\/throws\.mjs: does not load: no luck$/),
    expect.stringMatching(/^consumers\[2\] .*: \.\/gone\.mjs: there is no file .*gone\.mjs$/),
    expect.stringMatching(
      /^consumers\[3\] .*: \.\/wrong\.mjs: consumer 'wrong': consume: missing; .*consum: is no field; did you mean consume\?$/,
    ),
    expect.stringMatching(/^consumers\[4\] .*: no-such-package: cannot be found from/),
  ]);
  expect(messagesOf(stderr)).toContain(
    "runs 3 consumers (good, other, extra), 1 producer (ticks); 4 could not be started",
  );
  expect(messagesOf(stderr).at(-1)).toMatch(/left something open/);
});

test("--with-consumers runs these and no others, with paths from the current folder", async () => {
  const { folder } = project({ "good.mjs": good }, {});
  await using speaker = await Speaker.open();
  const config = { ...speaker.config, consumers: ["./not-there.mjs"], "fedmsg.consumers.dummy.enabled": true };
  const args = ["--with-consumers", "./good.mjs:other,fedmsg.consumers.dummy:DummyConsumer"];
  await using hub = start("fedmsg-hub", args, { cwd: folder, config });
  await hub.untilLogged(/^runs 2 consumers \(other, DummyConsumer\)$/);
  hub.signal("SIGINT");
  expect(await hub.ended()).toMatchObject({ code: 0 });
});

test("with nothing to run, and with a flag that is not in this version, it says what to do and ends with 1", async () => {
  expect(await run("fedmsg-hub", [], { config: {} })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^fedmsg-hub: there is nothing to run .*consumers: \[\.\/audit\.ts\]/m),
  });
  const refused = await run("fedmsg-hub", ["--websocket-server-port", "8081"], { config: {} });
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/--websocket-server-port: .* no WebSocket server/),
  });
});

test("the soft limit of open files becomes the hard one, and is never lowered", async () => {
  const limits = "/proc/self/limits";
  if (!existsSync(limits)) return; // There is nowhere to look.
  const openFiles = (text: string) => /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text)?.slice(1);
  const [, hard] = openFiles(readFileSync(limits, "utf8")) ?? [];
  const { file } = project({ "good.mjs": good }, { endpoints: {}, consumers: ["./good.mjs"] });
  const bin = fileURLToPath(new URL("../bin/fedmsg-hub.js", import.meta.url));
  const script = 'ulimit -Sn 256; exec "$0" "$1"';
  await using hub = new Program("/bin/sh", ["-c", script, process.execPath, bin], { env: { FEDMSG_CONFIG: file } });
  await hub.untilLogged(/^runs /);
  expect(openFiles(readFileSync(`/proc/${hub.pid}/limits`, "utf8"))).toEqual([hard, hard]);
});
