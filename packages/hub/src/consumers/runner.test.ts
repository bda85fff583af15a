import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { eventually, expectNoLeaks, range, settled } from "@fedmsg/testkit";
import { defineConsumer } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { deferred, doneWith, numberOf, Stage, statsOf } from "../../test/stage.ts";

expectNoLeaks();

const retry = { attempts: 3, firstMs: 1, mostMs: 2 };

test("a consumer never works on more messages at a time than it may, and on so many it does", async () => {
  await using stage = await Stage.open();
  const open: (() => void)[] = [];
  let most = 0;
  let now = 0;
  const consumer = defineConsumer({
    name: "three",
    concurrency: 3,
    async consume() {
      most = Math.max(most, ++now);
      const { promise, resolve } = deferred();
      open.push(resolve);
      await promise;
      now--;
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 20);
  for (let n = 0; n < 20; n++) {
    await eventually(() => open.length > 0, "a message in hand");
    if (n < 17) await eventually(() => now === 3, "three in hand");
    expect(statsOf(hub, "three").inHand).toBe(now);
    open.shift()?.();
  }
  await doneWith(hub, "three", 20);
  expect(most).toBe(3);
  expect(statsOf(hub, "three")).toMatchObject({ received: 20, done: 20, failures: 0, waiting: 0, inHand: 0 });
});

test("it takes no more than a bounded number of messages out of its subscription, and gets the others later", async () => {
  await using stage = await Stage.open();
  const gate = deferred();
  const heard: number[] = [];
  const consumer = defineConsumer({
    name: "slow",
    async consume(received) {
      await gate.promise;
      heard.push(numberOf(received));
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 500);
  await eventually(() => statsOf(hub, "slow").received === 100, "a hundred are taken");
  expect(await settled(() => statsOf(hub, "slow").received)).toBe(100);
  expect(statsOf(hub, "slow").lagSeconds).toBeGreaterThan(0);
  gate.resolve();
  await doneWith(hub, "slow", 500);
  expect(heard).toEqual(range(1, 500));
});

test("of large messages it takes fewer", async () => {
  await using stage = await Stage.open();
  const gate = deferred();
  const consumer = defineConsumer({ name: "large", consume: () => gate.promise });
  const hub = await stage.hub({ consumers: [consumer] });
  const filler = "x".repeat(5 * 1024 * 1024);
  for (const n of range(1, 6)) await stage.publisher.publish({ topic: "t", modname: "m", msg: { n, filler } });
  await eventually(() => statsOf(hub, "large").received === 4, "16 MiB, and one more");
  expect(await settled(() => statsOf(hub, "large").received)).toBe(4);
  gate.resolve();
  await doneWith(hub, "large", 6);
});

test("nor does it take more of them as small ones that came before end, whatever the number of those", async () => {
  await using stage = await Stage.open();
  const next: (() => void)[] = [];
  const consumer = defineConsumer({
    name: "mixed",
    concurrency: 1,
    consume: () => new Promise<void>((end) => next.push(end)),
  });
  const hub = await stage.hub({ consumers: [consumer] });
  const filler = "x".repeat(3 * 1024 * 1024);
  await stage.say(1, 40);
  for (const n of range(41, 60)) await stage.publisher.publish({ topic: "t", modname: "m", msg: { n, filler } });
  await eventually(() => statsOf(hub, "mixed").received === 46, "40 small ones, 16 MiB, and one more");
  for (const n of range(1, 40)) {
    await eventually(() => next.length === n, "the next one is begun");
    next.at(-1)?.();
  }
  await eventually(() => next.length === 41, "the first large one is begun");
  expect(await settled(() => statsOf(hub, "mixed").received)).toBe(46);
  for (const n of range(41, 60)) {
    await eventually(() => next.length === n, "the next one is begun");
    next.at(-1)?.();
  }
  await doneWith(hub, "mixed", 60);
});

test("ordered: what has the same key comes one after the other, also where one is tried again; other keys go on", async () => {
  await using stage = await Stage.open();
  const heard: string[] = [];
  const busy = new Set<string>();
  const consumer = defineConsumer({
    name: "keyed",
    concurrency: 4,
    retry,
    ordered: (received) => String(numberOf(received) % 3),
    async consume(received, { attempt }) {
      const n = numberOf(received);
      const key = String(n % 3);
      expect(busy.has(key)).toBe(false);
      busy.add(key);
      await new Promise((resolve) => setImmediate(resolve));
      busy.delete(key);
      if (n % 5 === 0 && attempt < 3) throw new Error(`not yet ${n}`);
      heard.push(`${key}:${n}`);
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 90);
  await doneWith(hub, "keyed", 90);
  for (const key of [0, 1, 2]) {
    const wanted = range(1, 90).filter((n) => n % 3 === key);
    expect(heard.filter((entry) => entry.startsWith(`${key}:`))).toEqual(wanted.map((n) => `${key}:${n}`));
  }
  expect(statsOf(hub, "keyed")).toMatchObject({ failures: 36, retries: 36, deadLetters: 0 });
});

test("unordered, a message that waits to be tried again holds up nobody", async () => {
  await using stage = await Stage.open();
  const heard: number[] = [];
  const consumer = defineConsumer({
    name: "patient",
    retry: { attempts: 2, firstMs: 60_000, mostMs: 60_000 },
    consume(received) {
      if (numberOf(received) === 1) throw new Error("not now");
      heard.push(numberOf(received));
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 5);
  await eventually(() => heard.length === 4, "the others");
  expect(statsOf(hub, "patient")).toMatchObject({ done: 4, retrying: 1 });
  // At the end it is tried once more, and is a dead letter then.
  await hub.drain(10_000);
  expect((await stage.deadLetters("patient")).map(({ attempts, topic }) => [attempts, topic])).toEqual([
    [2, "org.fedoraproject.dev.m.t"],
  ]);
});

test.each([true, false])(
  "a dead letter is tried again when somebody asks, and is gone when it was handled (durable: %s)",
  async (durable) => {
    await using stage = await Stage.open();
    let works = false;
    const heard: number[] = [];
    const consumer = defineConsumer({
      name: "again",
      durable,
      retry,
      async consume(received, { commit }) {
        if (!works) throw new Error("not before it works");
        heard.push(numberOf(received));
        if (durable) await commit((db) => void db.run("CREATE TABLE IF NOT EXISTS own (n)"));
      },
    });
    const hub = await stage.hub({ consumers: [consumer] });
    await stage.say(1, 2);
    await doneWith(hub, "again", 2);
    expect(await stage.deadLetters("again")).toHaveLength(2);
    await stage.askRetry("again");
    await doneWith(hub, "again", 4);
    const letters = await stage.deadLetters("again");
    expect(letters.map(({ attempts, isAsked }) => [attempts, isAsked])).toEqual([
      [6, false],
      [6, false],
    ]);
    works = true;
    await stage.askRetry("again");
    await doneWith(hub, "again", 6);
    expect(await stage.deadLetters("again")).toEqual([]);
    expect(heard.sort()).toEqual([1, 2]);
  },
);

test("once the hub ends, no dead letter is taken up; those that were asked for are tried at the next start", async () => {
  await using stage = await Stage.open();
  const heard: number[] = [];
  let onHeard: (() => void) | undefined;
  const consumer = defineConsumer({
    name: "later",
    retry: { attempts: 1 },
    consume(received) {
      if (!onHeard) throw new Error("not yet");
      heard.push(numberOf(received));
      onHeard();
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 3);
  await doneWith(hub, "later", 3);
  let ended: Promise<void> | undefined;
  onHeard = () => {
    ended ??= hub.drain();
  };
  await stage.askRetry("later");
  await eventually(() => ended !== undefined, "the first one is tried");
  await ended;
  expect(heard).toEqual([1]);
  await stage.hub({ consumers: [consumer] });
  await eventually(() => heard.length === 3, "the others are tried");
  expect(heard).toEqual([1, 2, 3]);
});

test("filters select; one that throws is an attempt that failed", async () => {
  await using stage = await Stage.open();
  const heard: number[] = [];
  let asked = 0;
  const consumers = [
    defineConsumer({
      name: "function",
      retry,
      filter(received) {
        if (numberOf(received) === 2 && asked++ < 2) throw new Error("undecided");
        return numberOf(received) % 2 === 0;
      },
      consume: (received) => void heard.push(numberOf(received)),
    }),
    defineConsumer({
      name: "object",
      filter: { topics: ["#.three"] },
      consume: (received) => void heard.push(numberOf(received)),
    }),
    defineConsumer({ name: "durable", durable: true, filter: { not_topics: ["#.three"] }, consume: () => {} }),
  ];
  const hub = await stage.hub({ consumers });
  await stage.say(1, 2);
  await stage.say(3, 3, "three");
  await stage.say(4, 4);
  await doneWith(hub, "function", 2);
  await doneWith(hub, "object", 1);
  await doneWith(hub, "durable", 3);
  expect(heard.sort()).toEqual([2, 3, 4]);
  expect(statsOf(hub, "function")).toMatchObject({ received: 2, failures: 1 });
});

test("a dead letter that cannot be written is tried for as long as it takes, and never dropped", async () => {
  await using stage = await Stage.open();
  const consumer = defineConsumer({ name: "full", retry, consume: () => Promise.reject(new Error("no")) });
  const file = join(stage.folder, "full.db");
  mkdirSync(file); // As good as a disk that takes nothing.
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 2);
  await eventually(
    () => stage.log.texts().some((text) => text.includes("cannot be written, and is tried again")),
    "it is told",
  );
  await eventually(() => statsOf(hub, "full").retrying === 2, "both wait");
  expect(statsOf(hub, "full")).toMatchObject({ done: 0, deadLetters: 0, failures: 6 });
  rmdirSync(file);
  await doneWith(hub, "full", 2);
  expect(await stage.deadLetters("full")).toHaveLength(2);
});

test("many messages that are handled at once leave timers their turn", async () => {
  await using stage = await Stage.open();
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  const seen: number[] = [];
  const consumer = defineConsumer({
    name: "busy",
    consume() {
      const until = performance.now() + 2;
      while (performance.now() < until);
      seen.push(turns);
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await Promise.all(range(1, 200).map((n) => stage.say(n, n)));
  await doneWith(hub, "busy", 200);
  clearInterval(turning);
  expect(new Set(seen).size).toBeGreaterThan(10);
});
