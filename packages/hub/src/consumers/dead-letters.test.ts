/** Dead letters whose file another program has locked, or that cannot be written: nothing is lost, and nobody else is held up. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { openDeadLetters } from "@fedmsg/store";
import { canMount, eventually, expectNoLeaks, openSmallDisk, range, settled, withTimeout } from "@fedmsg/testkit";
import type { Received } from "fedmsg";
import { defineConsumer } from "fedmsg/plugin";
import { afterEach, describe, expect, test } from "vitest";
import { deferred, doneWith, numberOf, Stage, statsOf } from "../../test/stage.ts";
import type { Hub } from "../hub.ts";
import { createMetrics } from "../monitoring/metrics.ts";

expectNoLeaks();

const retry = { attempts: 1, firstMs: 1, mostMs: 100 };
/** Far less than anybody waits for a lock. */
const standstillMsMax = 1500;
const children = new Set<ChildProcess>();

afterEach(async () => {
  for (const child of children) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

/** A process that holds the write lock of a file until it is told to let go. */
async function holdLock(file: string): Promise<() => Promise<void>> {
  const program = fileURLToPath(new URL("../../test/programs/hold-lock.mjs", import.meta.url));
  const child = spawn(process.execPath, [program, file], { stdio: ["pipe", "pipe", "inherit"] });
  children.add(child);
  const ended = once(child, "exit").then(() => children.delete(child));
  expect(String((await withTimeout(once(child.stdout, "data"), "the lock"))[0])).toBe("held\n");
  return async () => {
    child.stdin.end();
    await withTimeout(ended, "the end of the lock");
  };
}

/** One that always fails. */
function failing(options: { readonly durable?: boolean } = {}) {
  return defineConsumer({ name: "fails", retry, ...options, consume: () => Promise.reject(new Error("no")) });
}

/** One that works, and what it heard. */
function healthy() {
  const heard: number[] = [];
  const consume = (message: Received) => void heard.push(numberOf(message));
  return { heard, consumer: defineConsumer({ name: "healthy", consume }) };
}

function numberIn({ body }: { readonly body: Uint8Array }): number {
  return JSON.parse(String(Buffer.from(body))).msg.n;
}

/** What Prometheus is told. */
async function metricsOf(hub: Hub): Promise<string> {
  const metrics = createMetrics({
    stats: () => hub.stats(),
    certificates: () => [],
    delivery: () => undefined,
    version: "0",
  });
  const text = await metrics.text();
  metrics.close();
  return text;
}

/** Runs some work for so long at least, and says how long the thread stood still at most meanwhile, in ms. */
async function standstill(ms: number, work: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  for (const since = performance.now(); performance.now() - since < ms; ) await work();
  delay.disable();
  return delay.max / 1e6;
}

describe("while another process holds the lock of a consumer's file for two seconds", () => {
  test.each([false, true])(
    "another consumer is served, and all letters are there, in order (durable: %s)",
    async (durable) => {
      await using stage = await Stage.open();
      const { heard, consumer } = healthy();
      const hub = await stage.hub({ consumers: [failing({ durable }), consumer] });
      const letGo = await holdLock(join(stage.folder, "fails.db"));
      let said = 0;
      const stood = await standstill(2000, async () => {
        await stage.say(said + 1, said + 10);
        said += 10;
        await doneWith(hub, "healthy", said);
        await settled(() => heard.length, 50);
      });
      expect(statsOf(hub, "fails").deadLetters).toBe(0);
      expect(heard).toEqual(range(1, said));
      expect(stood).toBeLessThan(standstillMsMax);
      await letGo();
      await doneWith(hub, "fails", said);
      expect((await stage.deadLetters("fails")).map(numberIn)).toEqual(range(1, said));
    },
  );

  test("in blocking mode, too", async () => {
    await using stage = await Stage.open();
    const { consumer } = healthy();
    const hub = await stage.hub({ consumers: [failing(), consumer], config: { "moksha.blocking_mode": true } });
    const letGo = await holdLock(join(stage.folder, "fails.db"));
    await stage.say(1, 5);
    await doneWith(hub, "healthy", 5);
    expect(statsOf(hub, "fails").done).toBe(0);
    await letGo();
    await doneWith(hub, "fails", 5);
    expect((await stage.deadLetters("fails")).map(numberIn)).toEqual(range(1, 5));
  });

  test("a letter that is handled after all is settled behind it, and the hub's end waits for that", async () => {
    await using stage = await Stage.open();
    const { heard, consumer } = healthy();
    const gate = deferred();
    let works = false;
    const fails = defineConsumer({
      name: "fails",
      durable: true,
      retry,
      async consume(_, { commit }) {
        if (!works) throw new Error("not yet");
        await gate.promise;
        await commit((db) => db.run("CREATE TABLE IF NOT EXISTS settled (n)"));
      },
    });
    const hub = await stage.hub({ consumers: [fails, consumer] });
    await stage.say(1, 1);
    await doneWith(hub, "fails", 1);
    works = true;
    await stage.askRetry("fails");
    await eventually(() => statsOf(hub, "fails").inHand === 1, "it is tried again");
    const letGo = await holdLock(join(stage.folder, "fails.db"));
    gate.resolve();
    await stage.say(2, 20);
    await doneWith(hub, "healthy", 20);
    expect(heard).toEqual(range(1, 20));
    expect(statsOf(hub, "fails").done).toBe(1);
    const drained = hub.drain(20_000);
    await letGo();
    await withTimeout(drained, "the end", 20_000);
    expect(await stage.deadLetters("fails")).toEqual([]);
  });
});

describe("where letters cannot be written", () => {
  test.each([false, true])(
    "for want of room, their messages stay in hand until there is some (durable: %s)",
    async (durable) => {
      await using stage = await Stage.open();
      const { heard, consumer } = healthy();
      const config = { dead_letters_max_bytes: 1000 };
      const hub = await stage.hub({ consumers: [failing({ durable }), consumer], config });
      await stage.say(1, 20);
      await doneWith(hub, "healthy", 20);
      await eventually(() => statsOf(hub, "fails").letterFailures >= 40, "they are tried again and again");
      const { unwritten, deadLetters, done, retrying } = statsOf(hub, "fails");
      expect(deadLetters).toBeGreaterThan(0);
      expect([unwritten, done, retrying <= unwritten]).toEqual([20 - deadLetters, deadLetters, true]);
      expect(stage.log.texts("error")).toEqual([
        expect.stringMatching(/fails: a dead letter cannot be written, .*1000 are allowed \(dead_letters_max_bytes\)/),
      ]);
      expect(await metricsOf(hub)).toMatch(/^fedmsg_consumer_dead_letters_unwritten\{consumer="fails"\} [1-9]/m);
      expect(await metricsOf(hub)).toMatch(/^fedmsg_consumer_dead_letters_refused_total\{consumer="fails"\} [1-9]/m);
      const box = await openDeadLetters(join(stage.folder, "fails.db"));
      let dropped = 0;
      await eventually(async () => {
        dropped += await box.drop("all"); // Makes room for some of them each time.
        return statsOf(hub, "fails").done === 20;
      }, "all are written");
      dropped += await box.drop("all");
      await box.close();
      expect([dropped, heard]).toEqual([20, range(1, 20)]);
      expect(stage.log.texts("info")).toContainEqual(expect.stringMatching(/fails: all dead letters are written/));
    },
  );

  test.each([false, true])("they say when it failed, and not when they were written (durable: %s)", async (durable) => {
    await using stage = await Stage.open();
    const hub = await stage.hub({ consumers: [failing({ durable })], config: { dead_letters_max_bytes: 1 } });
    await stage.say(1, 2);
    await eventually(() => statsOf(hub, "fails").unwritten === 1, "one has room");
    const [failedBy, tries] = [Date.now(), statsOf(hub, "fails").letterFailures];
    await eventually(() => statsOf(hub, "fails").letterFailures >= tries + 3, "the other is tried again");
    const box = await openDeadLetters(join(stage.folder, "fails.db"));
    await box.drop("all");
    await box.close();
    await doneWith(hub, "fails", 2);
    const [{ failedAtMs } = { failedAtMs: 0 }] = await stage.deadLetters("fails");
    expect(failedAtMs).toBeLessThanOrEqual(failedBy);
    expect(failedAtMs).toBeGreaterThan(failedBy - 60_000);
  });

  test("what a journal has comes again at the next start: its cursor did not move", async () => {
    await using stage = await Stage.openJournalled();
    const full = { dead_letters_max_bytes: 1 };
    const hub = await stage.hub({ consumers: [failing({ durable: true })], config: full });
    await withTimeout(stage.publisher.subscribed("_heartbeat."), "the hub's following");
    await stage.say(1, 5);
    await eventually(() => statsOf(hub, "fails").unwritten === 4, "one has room");
    await hub.drain(1000);
    expect((await stage.deadLetters("fails")).map(numberIn)).toEqual([1]);
    const again = await stage.hub({ consumers: [failing({ durable: true })] });
    await doneWith(again, "fails", 4);
    expect((await stage.deadLetters("fails")).map(numberIn)).toEqual(range(1, 5));
  });

  test("what no journal has is lost with the hub, and each is named", async () => {
    await using stage = await Stage.open();
    const hub = await stage.hub({ consumers: [failing()], config: { dead_letters_max_bytes: 1 } });
    await stage.say(1, 3);
    await eventually(() => statsOf(hub, "fails").unwritten === 2, "one has room");
    await hub.drain(100);
    const lost = stage.log.texts("error").filter((text) => text.includes("a message is lost, as its dead letter"));
    expect(lost).toHaveLength(2);
  });

  test.skipIf(!canMount)("a full disk loses none of a durable consumer, and holds up no other", async () => {
    using disk = openSmallDisk(4);
    await using stage = await Stage.open();
    const { consumer } = healthy();
    const config = { cursor_store: `sqlite:${disk.folder}/{name}.db` };
    const hub = await stage.hub({ consumers: [failing({ durable: true }), consumer], config });
    const filler = "x".repeat(300_000);
    const ballast = join(disk.folder, "ballast");
    writeFileSync(ballast, Buffer.alloc(3 * 1024 * 1024));
    for (const n of range(1, 10)) await stage.publisher.publish({ topic: "t", modname: "m", msg: { n, filler } });
    await doneWith(hub, "healthy", 10);
    await eventually(() => statsOf(hub, "fails").letterFailures >= 20, "they are tried again and again");
    const { unwritten, done } = statsOf(hub, "fails");
    expect([unwritten > 0, unwritten + done]).toEqual([true, 10]);
    expect(stage.log.texts("error")[0]).toMatch(/a dead letter cannot be written, .*disk is full/);
    disk.grow();
    rmSync(ballast);
    await doneWith(hub, "fails", 10);
    expect(statsOf(hub, "fails")).toMatchObject({ unwritten: 0, deadLetters: 10, retrying: 0 });
    const box = await openDeadLetters(join(disk.folder, "fails.db"));
    expect(
      box
        .list({ limit: 100 })
        .map(numberIn)
        .sort((one, other) => one - other),
    ).toEqual(range(1, 10));
    await box.close();
    await hub.close();
  });

  test.skipIf(!canMount)("a disk that is read-only loses none; they are written when it is not", async () => {
    using disk = openSmallDisk(4);
    await using stage = await Stage.open();
    execFileSync("mount", ["-o", "remount,ro", disk.folder]);
    const { consumer } = healthy();
    const config = { cursor_store: `sqlite:${disk.folder}/{name}.db` };
    const hub = await stage.hub({ consumers: [failing(), consumer], config });
    await stage.say(1, 5);
    await doneWith(hub, "healthy", 5);
    await eventually(() => statsOf(hub, "fails").letterFailures >= 10, "they are tried again and again");
    expect(statsOf(hub, "fails")).toMatchObject({ unwritten: 5, done: 0 });
    expect(stage.log.texts("error")[0]).toMatch(/a dead letter cannot be written, .*read-only/);
    execFileSync("mount", ["-o", "remount,rw", disk.folder]);
    await doneWith(hub, "fails", 5);
    const box = await openDeadLetters(join(disk.folder, "fails.db"));
    expect(box.list({ limit: 100 }).map(numberIn)).toEqual(range(1, 5));
    await box.close();
    await hub.close();
  });
});
