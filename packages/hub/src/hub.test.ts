import { codeOf, eventually, expectNoLeaks, range, testConfig, withTimeout } from "@fedmsg/testkit";
import { createMemoryTransport, defineConsumer, defineProducer } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { HistoryServer, rowOf } from "../test/history-server.ts";
import { deferred, doneWith, KeptLog, numberOf, Stage, statsOf } from "../test/stage.ts";
import { startHub } from "./hub.ts";

expectNoLeaks();

describe("at the end", () => {
  test("what is in hand and what has arrived is finished, then stop() is called, and the hub is done", async () => {
    await using stage = await Stage.open();
    const gate = deferred();
    const heard: number[] = [];
    const calls: string[] = [];
    const consumer = defineConsumer({
      name: "finishes",
      start: () => void calls.push("start"),
      stop: () => void calls.push(`stop after ${heard.length}`),
      async consume(received) {
        await gate.promise;
        heard.push(numberOf(received));
      },
    });
    const hub = await stage.hub({ consumers: [consumer] });
    await stage.say(1, 300);
    await eventually(() => statsOf(hub, "finishes").received === 100, "what it may take");
    await eventually(() => statsOf(hub, "finishes").waiting === 299, "the others wait");
    const drained = hub.drain(10_000);
    gate.resolve();
    await withTimeout(Promise.all([drained, hub.done]), "the end");
    expect(heard).toEqual(range(1, 300));
    expect(calls).toEqual(["start", "stop after 300"]);
    expect(stage.log.texts()).toEqual([]);
  });

  test("what is not finished at the deadline hears its signal, and is a dead letter where it would not come again", async () => {
    await using stage = await Stage.open();
    const signals: string[] = [];
    const hangs = (name: string, durable: boolean) =>
      defineConsumer({
        name,
        durable,
        concurrency: 2,
        consume(_, { signal }) {
          signal.addEventListener("abort", () => signals.push(name));
          return new Promise(() => {});
        },
      });
    const hub = await stage.hub({ consumers: [hangs("plain", false), hangs("without-journal", true)] });
    await stage.say(1, 3);
    for (const name of ["plain", "without-journal"]) {
      await eventually(() => statsOf(hub, name).received === 3, "all three are taken");
    }
    await hub.drain(20);
    expect(signals.sort()).toEqual(["plain", "plain", "without-journal", "without-journal"]);
    for (const name of ["plain", "without-journal"]) {
      expect((await stage.deadLetters(name)).map(({ error }) => error.split("\n")[0])).toEqual(
        Array.from({ length: 3 }, () => expect.stringContaining("the hub ended before the message was handled")),
      );
    }
  });

  test("close() cuts a drain short", async () => {
    await using stage = await Stage.open();
    const consumer = defineConsumer({ name: "hangs", consume: () => new Promise(() => {}) });
    const hub = await stage.hub({ consumers: [consumer] });
    await stage.say(1, 1);
    await eventually(() => statsOf(hub, "hangs").inHand === 1, "the message in hand");
    const drained = hub.drain(1_000_000);
    await withTimeout(Promise.all([hub.close(), drained, hub.done]), "the end");
    expect(await stage.deadLetters("hangs")).toHaveLength(1);
  });

  test("a durable consumer gets again what it was not done with, and nothing else, whichever way its hub ended", async () => {
    await using stage = await Stage.openJournalled();
    const handled: number[] = [];
    const stuck = new Set([3, 7, 12]);
    const consumer = (isSecond: boolean) =>
      defineConsumer({
        name: "durable",
        durable: true,
        concurrency: 4,
        retry: { attempts: 100, firstMs: 60_000, mostMs: 60_000 },
        async consume(received, { commit, signal }) {
          const n = numberOf(received);
          if (!isSecond && n === 5) throw new Error("to be tried again later");
          if (!isSecond && stuck.has(n)) {
            await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
            throw signal.reason;
          }
          await commit((db) => {
            db.run("CREATE TABLE IF NOT EXISTS own (n INTEGER PRIMARY KEY)");
            db.run("INSERT INTO own VALUES (?)", n); // A second time would throw.
          });
          handled.push(n);
        },
      });
    const first = await stage.hub({ consumers: [consumer(false)] });
    await withTimeout(stage.publisher.subscribed("_heartbeat."), "the hub's following");
    await stage.say(1, 40);
    await eventually(() => handled.length === 36, "what does not hang");
    await first.drain(50);
    expect(statsOf(first, "durable")).toMatchObject({ received: 40, done: 36, released: 4, deadLetters: 0 });
    await stage.say(41, 50);
    const second = await stage.hub({ consumers: [consumer(true)] });
    await doneWith(second, "durable", 14);
    expect(handled.slice(36).sort((a, b) => a - b)).toEqual([3, 5, 7, 12, ...range(1, 10).map((n) => n + 40)]);
    expect(statsOf(second, "durable")).toMatchObject({ failures: 0, replayed: 14 });
  });
});

test("what was said between two runs comes from the history service, where status_directory and datagrepper_url are set", async () => {
  await using stage = await Stage.open();
  await using history = await HistoryServer.start();
  const heard: number[] = [];
  const consumer = defineConsumer({
    name: "old",
    filter: (received) => numberOf(received) !== 3,
    consume: (received) => void heard.push(numberOf(received)),
  });
  const config = { status_directory: stage.folder, datagrepper_url: history.url };
  const options = { consumers: [consumer], processName: "fedmsg-hub", config };
  const first = await stage.hub(options);
  await stage.say(1, 1);
  await doneWith(first, "old", 1);
  await first.drain();
  history.rows.push(...[2, 3, 4].map((n) => rowOf(n, Date.now() / 1000, "org.fedoraproject.dev.m.t")));
  const second = await stage.hub(options);
  await stage.say(5, 5);
  await doneWith(second, "old", 3);
  expect(heard.sort()).toEqual([1, 2, 4, 5]);
  expect(statsOf(second, "old")).toMatchObject({ replayed: 3, received: 3 });
});

test("one whose start() throws or hangs, one that is wrong and one that is switched off keep none of the others from running", async () => {
  await using stage = await Stage.open();
  const consumers = [
    defineConsumer({
      name: "no-start",
      start() {
        throw new Error("no database");
      },
      consume() {},
    }),
    defineConsumer({ name: "no-filter", filter: { topic: ["x"] } as object, consume() {} }),
    defineConsumer({ name: "off", configKey: "datanommer.enabled", consume() {} }),
    defineConsumer({ name: "twice", consume() {} }),
    defineConsumer({ name: "twice", consume() {} }),
    { name: "frames", open: () => Promise.reject(new Error("never")) },
    // biome-ignore lint/suspicious/noExplicitAny: what JavaScript may give
    { name: "wrong!", topcis: ["x"], durable: "yes", retry: { atempts: 3 } } as any,
  ];
  const hub = await stage.hub({ consumers });
  await stage.say(1, 1);
  await doneWith(hub, "twice", 1);
  const { failures, consumers: stats } = hub.stats();
  expect(stats.filter(({ isRunning }) => isRunning).map(({ name }) => name)).toEqual(["twice"]);
  expect(failures).toEqual([
    expect.stringContaining("one of this name"),
    expect.stringMatching(
      /'wrong!': name: found 'wrong!'; wanted up to 100 .*; durable: found 'yes'; wanted true or false; consume: missing; wanted a function; topcis: is no field; did you mean topics\?; retry\.atempts: is no field; did you mean attempts\?/,
    ),
    expect.stringMatching(/^no-filter of option cannot run: filter\.topic: is no key/),
    expect.stringMatching(/^no-start does not start: no database/),
    expect.stringMatching(/^frames does not start: never/),
  ]);
  expect(stage.log.texts("error")).toEqual(failures);
});

test("a hub with nothing to run says what to do", async () => {
  const options = { transport: createMemoryTransport(), log: new KeptLog() };
  const starting = startHub({ config: testConfig(), ...options });
  await expect(starting).rejects.toThrow(
    /nothing to run \(switched off: RelayConsumer .*, DummyConsumer .*\); list modules under consumers or producers/,
  );
  expect(await codeOf(starting)).toBe("FEDMSG_MODULE");
  const consumers = [defineConsumer({ name: "bad", start: () => Promise.reject(new Error("no")), consume() {} })];
  expect(await codeOf(startHub({ config: testConfig(), consumers, ...options }))).toBe("FEDMSG_MODULE");
});

test("a consumer whose cursors another has does not start, and the file is named", async () => {
  await using stage = await Stage.open();
  const taken = defineConsumer({ name: "one", durable: true, consume() {} });
  await stage.hub({ consumers: [taken] });
  const second = await stage.hub({ consumers: [taken, defineConsumer({ name: "two", consume() {} })] });
  expect(second.stats().failures).toEqual([
    expect.stringMatching(/^one does not start: .*one\.db: .*another subscriber/),
  ]);
  expect(statsOf(second, "one").isRunning).toBe(false);
});

test("a hub in which nothing runs any more ends, and says why", async () => {
  await using stage = await Stage.open();
  const closes = defineConsumer({ name: "closes", consume: (_, { bus }) => void bus.close() });
  const hub = await stage.hub({ consumers: [closes] });
  await stage.say(1, 1);
  const ended = expect(withTimeout(hub.done, "the end"));
  await ended.rejects.toThrow(
    /nothing runs any more: closes has stopped: its subscription was closed by somebody else/,
  );
});

test("consumers and producers publish with the hub's bus, and what they publish is counted", async () => {
  await using stage = await Stage.open();
  const { publisher } = stage;
  const heard: string[] = [];
  const consumers = [
    defineConsumer({ name: "hears", topics: ["#.echo"], consume: ({ topic }) => void heard.push(topic) }),
    defineConsumer({
      name: "speaks",
      topics: ["#.t"],
      consume: (_, { bus }) => publisher.publish({ topic: "echo", modname: bus.name.split(".")[0] ?? "" }),
    }),
  ];
  const hub = await stage.hub({ consumers, config: { name: "echo.host" } });
  await stage.say(1, 1);
  await doneWith(hub, "hears", 1);
  expect(heard).toEqual(["org.fedoraproject.dev.echo.echo"]);
});

test("a producer is polled when it is due and at the start, also after it threw; it does not overlap", async () => {
  await using stage = await Stage.open();
  let polls = 0;
  let now = 0;
  let most = 0;
  const calls: string[] = [];
  const producers = [
    defineProducer({
      name: "throws",
      every: 0.005,
      now: true,
      start: () => void calls.push("start"),
      stop: () => void calls.push("stop"),
      async poll({ bus, name, signal }) {
        expect([bus.name, name, signal.aborted]).toEqual([expect.any(String), "throws", false]);
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        if (++polls % 2 === 0) throw undefined;
      },
    }),
    defineProducer({ name: "hangs", every: 0.001, timeoutMs: 5, poll: () => new Promise(() => {}) }),
    defineProducer({ name: "cron", cron: "* * * * * *", poll: () => void calls.push("cron") }),
    defineProducer({ name: "no-cron", cron: "every day", poll() {} }),
  ];
  const consumers = [defineConsumer({ name: "any", consume() {} })];
  const hub = await stage.hub({ producers, consumers });
  await eventually(() => polls >= 6, "polls");
  await eventually(() => calls.includes("cron"), "a second of cron");
  const [throws, hangs, cron] = hub.stats().producers;
  expect(throws).toMatchObject({ name: "throws", module: "option", isRunning: true, every: 0.005, now: true });
  expect(throws?.failures).toBeGreaterThanOrEqual(3);
  expect(Math.abs((throws?.lastRanAt ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  expect(hangs).toMatchObject({ polls: 1, failures: 1 });
  expect(cron).toMatchObject({ every: undefined, isRunning: true });
  expect(hub.stats().failures).toEqual([expect.stringMatching(/^no-cron does not start: cron: found 'every day'/)]);
  await hub.drain(10);
  expect(most).toBe(1);
  expect(calls.filter((call) => call !== "cron")).toEqual(["start", "stop"]);
  expect(stage.log.texts("warn")).toContainEqual(expect.stringContaining("hangs: poll has not ended after 5 ms"));
});
