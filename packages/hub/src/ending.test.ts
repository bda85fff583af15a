/** A hub in which something does not start, does not end, or fails at a bad moment: the others run, and the hub ends. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { anyAddress, eventually, expectNoLeaks, testConfig, withTimeout } from "@fedmsg/testkit";
import { connect } from "fedmsg";
import { createMemoryTransport, defineConsumer, defineProducer, type FramesWorker } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { HistoryServer } from "../test/history-server.ts";
import { deferred, doneWith, KeptLog, numberOf, Stage, statsOf } from "../test/stage.ts";
import { startHub } from "./hub.ts";

expectNoLeaks();

/** A consumer of frames that does nothing, except what is given. */
function framesWorker(overrides: Partial<FramesWorker> = {}): FramesWorker {
  return {
    inputs: { connect: "endpoints" },
    consume: () => undefined,
    counts: () => ({ forwarded: 0, dropped: 0, refused: {} }),
    drain: async () => {},
    close: async () => {},
    ...overrides,
  };
}

test("beside a relay that could not start, drain() lets the others finish, and the hub ends", async () => {
  await using stage = await Stage.open();
  const gate = deferred();
  const heard: number[] = [];
  const broken = { name: "broken", open: () => Promise.reject(new Error("the address is in use")) };
  const works = defineConsumer({
    name: "works",
    async consume(received) {
      await gate.promise;
      heard.push(numberOf(received));
    },
  });
  const hub = await stage.hub({ consumers: [broken, works] });
  await stage.say(1, 3);
  await eventually(() => statsOf(hub, "works").received === 3, "what it may take");
  const drained = hub.drain(10_000);
  gate.resolve();
  await withTimeout(Promise.all([drained, hub.done, hub.bus.closed]), "the end");
  expect(heard).toEqual([1, 2, 3]);
});

const failing = () => Promise.reject(new Error("a bad disk"));

test.each([
  ["beforeEnd", { beforeEnd: failing }],
  ["drain", { drain: failing }],
  ["drain", { drain: () => Promise.reject(undefined) }],
])("a consumer of frames whose %s rejects keeps nothing from ending, and is told", async (what, overrides) => {
  await using stage = await Stage.open();
  const told: string[] = [];
  const frames = { name: "rejects", open: async () => framesWorker(overrides) };
  const hub = await stage.hub({
    consumers: [frames, defineConsumer({ name: "works", consume() {} })],
    onEvent: (event) => void (event.type === "warning" && told.push(`${event.name}: ${event.detail}`)),
  });
  await withTimeout(Promise.all([hub.drain(), hub.done]), "the end");
  expect(told).toEqual([expect.stringContaining(`rejects: ${what} failed`)]);
});

test("a batch that ends behind the deadline, and a drain that only close() ends, keep no hub", async () => {
  await using stage = await Stage.open();
  const [batch, closed] = [deferred(), deferred()];
  const frames = {
    name: "slow",
    open: async () =>
      framesWorker({
        consume: () => batch.promise,
        drain: () => closed.promise,
        close: async () => {
          batch.resolve();
          closed.resolve();
        },
      }),
  };
  const hub = await stage.hub({ consumers: [frames] });
  await stage.say(1, 1);
  await eventually(() => statsOf(hub, "slow").received === 1, "the batch");
  await withTimeout(Promise.all([hub.drain(20), hub.done]), "the end");
});

test("the last that runs fails, and does not close either: the hub is done, and says why", async () => {
  await using stage = await Stage.open();
  const frames = {
    name: "last",
    open: async () => framesWorker({ consume: failing, drain: failing, close: failing }),
  };
  const hub = await stage.hub({ consumers: [{ name: "broken", open: failing }, frames] });
  await stage.say(1, 1);
  await expect(withTimeout(hub.done, "the end")).rejects.toThrow(
    /nothing runs any more: .*last has stopped: a bad disk/,
  );
});

test("thousands in hand at the deadline are dead letters, and timers have their turn meanwhile", async () => {
  await using stage = await Stage.open();
  const hangs = defineConsumer({ name: "hangs", concurrency: 300, consume: () => new Promise(() => {}) });
  const hub = await stage.hub({ consumers: [hangs] });
  await stage.say(1, 3000);
  await eventually(() => statsOf(hub, "hangs").received === 3000, "all are taken");
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  await hub.drain(10);
  clearInterval(turning);
  expect(turns).toBeGreaterThan(4);
  expect(statsOf(hub, "hangs").deadLetters).toBe(3000);
  expect(stage.log.texts("error")).toEqual([]);
});

test("a consumer that fails while another starts does not end the hub, which runs on with the other", async () => {
  const transport = createMemoryTransport();
  const log = new KeptLog();
  const config = testConfig({ endpoints: { me: [anyAddress] } });
  await using publisher = await connect({ name: "me", config, transport });
  const gate = deferred();
  const frames = { name: "quick", open: async () => framesWorker({ consume: failing }) };
  const slow = defineConsumer({ name: "slow", start: () => gate.promise, consume() {} });
  const starting = startHub({
    config: testConfig({ endpoints: { me: [publisher.endpoint as string] }, mute: true }),
    ...{ transport, log, consumers: [frames, slow] },
  });
  await withTimeout(publisher.subscribed(), "the first is there");
  await publisher.publish({ topic: "t", modname: "m", msg: { n: 1 } });
  await eventually(() => log.texts("error").some((text) => /quick has stopped/.test(text)), "it fails");
  gate.resolve();
  await using hub = await starting;
  await withTimeout(publisher.subscribed(), "the second is there");
  await publisher.publish({ topic: "t", modname: "m", msg: { n: 2 } });
  await doneWith(hub, "slow", 1);
  expect(hub.stats().consumers.map(({ name, isRunning }) => [name, isRunning])).toEqual([
    ["quick", false],
    ["slow", true],
  ]);
});

test("a signal ends a hub while it starts: what runs is drained and stopped, what hangs is waited for until the deadline", async () => {
  const controller = new AbortController();
  const stopped: string[] = [];
  const stop = (name: string) => () => void stopped.push(name);
  const hang = () => new Promise<never>(() => {});
  const consumers = [
    defineConsumer({ name: "runs", consume() {}, stop: stop("runs") }),
    defineConsumer({ name: "hangs", start: hang, consume() {}, stop: stop("hangs") }),
    { name: "frames", open: hang },
  ];
  const late = deferred();
  const producers = [
    defineProducer({ name: "late", every: 1000, start: () => late.promise, stop: stop("late"), poll() {} }),
    defineProducer({ name: "never", every: 1000, start: hang, stop: stop("never"), poll() {} }),
  ];
  const config = testConfig({ mute: true, drain_timeout: 0.2 });
  const options = { config, log: new KeptLog(), transport: createMemoryTransport() };
  const starting = startHub({ ...options, consumers, producers, signal: controller.signal });
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  late.resolve();
  const hub = await withTimeout(starting, "the hub");
  await withTimeout(hub.done, "the end");
  expect(stopped.filter((name) => name !== "late")).toEqual(stopped.includes("runs") ? ["runs"] : []);
  expect(stopped).toContain("late");
});

test("a consumer that cannot open its backlog does not start, and leaves no subscription that nobody reads", async () => {
  await using stage = await Stage.open();
  const consumers = [
    defineConsumer({ name: "no-url", consume() {} }),
    defineConsumer({ name: "durable", durable: true, consume() {} }),
  ];
  const config = { status_directory: stage.folder, datagrepper_url: "datagrepper.example.org/raw" };
  const hub = await stage.hub({ consumers, config, processName: "fedmsg-hub" });
  await stage.say(1, 20);
  await doneWith(hub, "durable", 20);
  expect(hub.stats().failures).toEqual([expect.stringMatching(/^no-url does not start: datagrepper_url/)]);
  expect(statsOf(hub, "no-url")).toMatchObject({ isRunning: false, waiting: 0, received: 0 });
});

test("what waits at the deadline is in the status file as in hand, so that history is asked for it", async () => {
  await using stage = await Stage.open();
  await using history = await HistoryServer.start();
  const hangs = defineConsumer({ name: "hangs", consume: () => new Promise(() => {}) });
  const config = { status_directory: stage.folder, datagrepper_url: history.url };
  const hub = await stage.hub({ consumers: [hangs], config, processName: "fedmsg-hub" });
  const startedAt = Math.floor(Date.now() / 1000);
  await stage.say(1, 300);
  await eventually(() => statsOf(hub, "hangs").waiting === 299, "the others wait");
  await hub.drain(10);
  const status = JSON.parse(readFileSync(join(stage.folder, "fedmsg-hub", "hangs"), "utf8"));
  expect(status.in_hand).toBe(200);
  expect(status.since).toBeLessThanOrEqual(startedAt);
  expect(stage.log.texts("warn")).toContainEqual(expect.stringMatching(/200 messages .* history is asked for them/));
});
