/** `createTestBus().run()`: consumers and producers in a real hub, fed and polled by a test. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FedmsgError } from "../errors.ts";
import { defineConsumer } from "../plugins/consumer.ts";
import { defineProducer, type ProducerDefinition } from "../plugins/producer.ts";
import { createTestBus } from "./test-bus.ts";

expectNoLeaks();

/** The home of a user whose configuration cannot even be read. */
let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fedmsg-home-"));
  mkdirSync(join(home, "fedmsg.d"));
  writeFileSync(join(home, "fedmsg.d", "bad.yaml"), "environment: [");
  vi.stubEnv("HOME", home);
  vi.stubEnv("XDG_STATE_HOME", join(home, "state"));
  vi.stubEnv("FEDMSG_CONFIG", join(home, "fedmsg.d", "bad.yaml"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  const left = readdirSync(home);
  rmSync(home, { recursive: true });
  expect(left, "the user's own files").toEqual(["fedmsg.d"]);
});

describe("feed", () => {
  test("resolves when the consumer is done; what it publishes is there then, and nothing else", async () => {
    await using bus = await createTestBus();
    const consumer = await bus.run(
      defineConsumer({
        name: "echo",
        topics: ["org.fedoraproject.*.git.#"],
        consume: ({ message }, context) => context.bus.publish({ topic: "heard", modname: "echo", msg: message.msg }),
      }),
    );
    expect(await consumer.feed({ topic: "git.receive", msg: { n: 1 } })).toEqual({ handled: true, attempts: 1 });
    expect((await bus.expectPublished("echo.heard")).msg).toEqual({ n: 1 });
    await bus.expectNothingPublished();
    expect(consumer.stats()).toMatchObject({ received: 1, done: 1, failures: 0 });
    expect(consumer.logged).toEqual([]);
  });

  test("a durable consumer has its rows on disk when feed resolves, and goes on there when it is run again", async () => {
    await using bus = await createTestBus();
    const keeps = defineConsumer({
      name: "keeps",
      durable: true,
      consume: ({ topic }, { commit }) =>
        commit((db) => {
          db.run("CREATE TABLE IF NOT EXISTS kept (topic TEXT)");
          db.run("INSERT INTO kept VALUES (?)", topic);
        }),
    });
    const first = await bus.run(keeps);
    expect(await first.feed({ topic: "a.b", msg_id: "2026-1" })).toEqual({ handled: true, attempts: 1 });
    expect(await first.query("SELECT topic FROM kept")).toEqual([{ topic: "org.fedoraproject.dev.a.b" }]);
    await first.stop();
    const second = await bus.run(keeps);
    await second.feed({ topic: "c.d" });
    expect(await second.query("SELECT count(*) AS n FROM kept WHERE topic LIKE ?", "%.c.d")).toEqual([{ n: 1 }]);
    expect(await second.query("SELECT count(*) AS n FROM kept")).toEqual([{ n: 2 }]);
    expect(await codeOf(second.query("DELETE FROM kept"))).toBe("FEDMSG_JOURNAL");
  });

  test.each([false, true])(
    "retries come without pauses, and what always fails is a dead letter (durable: %s)",
    async (durable) => {
      await using bus = await createTestBus();
      const consumer = await bus.run(
        defineConsumer({
          name: "fails",
          durable,
          retry: { attempts: 4, firstMs: 60_000 },
          consume({ message }, { attempt }) {
            const { until } = message.msg as { until: number };
            if (attempt < until) throw new TypeError(`not yet, ${attempt}`);
          },
        }),
      );
      const outcomes = Promise.all([1, 3, 5].map((until) => consumer.feed({ topic: "a.b", msg: { until } })));
      const error = expect.objectContaining({ name: "TypeError", message: "not yet, 4" });
      expect(await withTimeout(outcomes, "the outcomes")).toEqual([
        { handled: true, attempts: 1 },
        { handled: true, attempts: 3 },
        { handled: false, attempts: 4, error },
      ]);
      expect(consumer.stats()).toMatchObject({ received: 3, done: 3, deadLetters: 1, failures: 6, retries: 5 });
      expect(await consumer.query("SELECT attempts FROM fedmsg_dead_letters")).toEqual([{ attempts: 4 }]);
      expect(consumer.logged.join("\n")).toContain("warn: fails: an attempt failed: ");
    },
  );

  test("messages are worked on at the same time where the consumer says so, and each has its own outcome", async () => {
    await using bus = await createTestBus();
    const waiting = new Map<number, () => void>();
    const consumer = await bus.run(
      defineConsumer({
        name: "pairs",
        concurrency: 2,
        async consume({ message }) {
          const { n } = message.msg as { n: number };
          const met = new Promise<void>((resolve) => waiting.set(n, resolve));
          if (waiting.size === 2) for (const resolve of waiting.values()) resolve();
          await met;
          if (n === 1) throw new Error("the first");
        },
      }),
      { retry: { attempts: 1 } },
    );
    const both = Promise.all([1, 2].map((n) => consumer.feed({ topic: "a.b", msg: { n } })));
    expect(await withTimeout(both, "both")).toMatchObject([
      { handled: false, attempts: 1, error: { message: "the first" } },
      { handled: true, attempts: 1 },
    ]);
  });

  test("the ways in which an attempt ends are told apart as the hub does", async () => {
    await using bus = await createTestBus();
    const consumer = await bus.run(
      defineConsumer({
        name: "ways",
        durable: true,
        timeoutMs: 20,
        concurrency: 10,
        retry: { attempts: 2 },
        async consume({ message }, { commit, attempt }) {
          if (message.msg === "throws after its commit") {
            await commit();
            throw new Error("too late to matter");
          }
          if (message.msg === "forgets a commit that fails") {
            commit((db) => db.run(`not sql ${attempt}`)).catch(() => {});
          }
          if (message.msg === "hangs") await new Promise(() => {});
        },
      }),
    );
    const feed = (msg: string) => consumer.feed({ topic: "a.b", msg });
    expect(await feed("throws after its commit")).toEqual({ handled: true, attempts: 1 });
    expect(await feed("forgets a commit that fails")).toMatchObject({ handled: false, attempts: 2 });
    const hung = await withTimeout(feed("hangs"), "the dead letter");
    expect(hung).toMatchObject({ handled: false, attempts: 2, error: { code: "FEDMSG_TIMEOUT" } });
    expect(await feed("is as it should be")).toEqual({ handled: true, attempts: 1 });
    expect(consumer.stats()).toMatchObject({ done: 4, deadLetters: 2, timeouts: 2 });
  });

  test("of hundreds at a time, each gets its own outcome, and what it kept is on disk", async () => {
    await using bus = await createTestBus();
    const consumer = await bus.run(
      defineConsumer({
        name: "many",
        durable: true,
        concurrency: 8,
        retry: { attempts: 3 },
        async consume({ message }, { attempt, commit }) {
          const n = message.msg as number;
          if (n % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
          if (attempt <= n % 5) throw new Error(`${n}, ${attempt}`);
          await commit((db) => {
            db.run("CREATE TABLE IF NOT EXISTS own (n INTEGER)");
            db.run("INSERT INTO own VALUES (?)", n);
          });
        },
      }),
    );
    const numbers = Array.from({ length: 300 }, (_, index) => index + 1); // 0 would be sent as {}.
    const rows = async (n: number) => {
      const outcome = await consumer.feed({ topic: "a.b", msg: n });
      const [row] = await consumer.query("SELECT count(*) AS kept FROM own WHERE n = ?", n).catch(() => []);
      return [outcome.handled, outcome.attempts, outcome.handled ? row?.kept : 0];
    };
    const outcomes = await Promise.all(numbers.map(rows));
    const expected = numbers.map((n) => (n % 5 < 3 ? [true, (n % 5) + 1, 1] : [false, 3, 0]));
    expect(outcomes).toEqual(expected);
  });

  test("says why a consumer does not get a message: its topics, its filter, or the bus", async () => {
    await using bus = await createTestBus({ config: { validate_signatures: true } });
    const heard: unknown[] = [];
    let asked = 0;
    const consumer = await bus.run(
      defineConsumer({
        name: "picky",
        topics: ["org.fedoraproject.dev.a.#"],
        allowUnsigned: ["org.fedoraproject.dev.a.b"],
        filter({ message }) {
          if (message.msg === "bad luck" && ++asked < 3) throw new Error("the filter broke");
          return message.msg !== "no";
        },
        consume: ({ message }) => void heard.push(message.msg),
      }),
    );
    const why = async (topic: string, msg: unknown) => {
      const outcome = await consumer.feed({ topic, msg });
      return outcome.handled ? outcome.attempts : [outcome.attempts, (outcome.error as Error).message];
    };
    expect(await why("b.c", 1)).toEqual([
      0,
      expect.stringMatching(/its topics \(.*\.a\.#.*\) do not match '.*\.b\.c'$/),
    ]);
    expect(await why("a.b", "no")).toEqual([0, expect.stringMatching(/its filter passes the message over$/)]);
    expect(await why("a.c", 1)).toEqual([0, expect.stringMatching(/the bus refuses the message: [a-z-]+: /)]);
    expect(await why("a.b", "yes")).toBe(1);
    expect(await why("a.b", "bad luck")).toBe(2);
    expect(heard).toEqual(["yes", "bad luck"]);
  });

  test("does not wait for ever, and tells what the consumer did so far", async () => {
    await using bus = await createTestBus();
    const hangs = defineConsumer({ name: "hangs", consume: () => new Promise(() => {}) });
    const consumer = await bus.run(hangs, { feedTimeoutMs: 20 });
    const feeding = consumer.feed({ topic: "a.b" });
    await expect(feeding).rejects.toThrow(/hangs is not done with it after 20 ms: attempt 1 has not ended/);
    expect(await codeOf(feeding)).toBe("FEDMSG_EXPECTATION");
    expect(await codeOf(consumer.feed({ topic: "a.b", msg: () => {} }))).toBe("FEDMSG_ENCODE");
  });

  test("what the test bus is closed before is not handled, and later ones are refused", async () => {
    const bus = await createTestBus();
    const consumer = await bus.run(
      defineConsumer({
        name: "patient",
        consume: (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
        timeoutMs: 50,
      }),
      { retry: { attempts: 1_000_000 } },
    );
    const feeding = consumer.feed({ topic: "a.b" });
    await bus.close();
    expect(await withTimeout(feeding, "the outcome")).toMatchObject({ handled: false });
    expect(await codeOf(consumer.feed({ topic: "a.b" }))).toBe("FEDMSG_CLOSED");
    expect(await codeOf(bus.run(defineConsumer({ name: "late", consume() {} })))).toBe("FEDMSG_CLOSED");
  });
});

describe("run", () => {
  test("keeps what start and consume keep on the definition itself", async () => {
    await using bus = await createTestBus();
    const calls: string[] = [];
    const definition = {
      name: "object",
      greeting: "",
      start() {
        this.greeting = "hello";
      },
      consume() {
        calls.push(this.greeting);
      },
      stop() {
        calls.push(`${this.greeting}, bye`);
      },
    };
    Object.defineProperty(definition, "greeting", { enumerable: false, writable: true });
    const consumer = await bus.run(definition);
    await consumer.feed({ topic: "a.b" });
    await consumer.stop();
    expect(calls).toEqual(["hello", "hello, bye"]);
  });

  test("says what is wrong with a definition, and what start threw", async () => {
    await using bus = await createTestBus();
    // biome-ignore lint/suspicious/noExplicitAny: what JavaScript may give
    const wrong: any = { name: "bad name", consume() {}, tpoics: [] };
    const failures = await Promise.allSettled([
      bus.run(wrong),
      bus.run({ ...wrong, name: "x", tpoics: undefined, consume: undefined }),
      bus.run({ name: "x", every: 1, poll: "now" } as unknown as ProducerDefinition),
      bus.run(undefined as unknown as ProducerDefinition),
      bus.run(
        defineConsumer({
          name: "x",
          start: () => Promise.reject(new FedmsgError("FEDMSG_CLOSED", "no db")),
          consume() {},
        }),
      ),
      bus.run(defineConsumer({ name: "off", configKey: "x.enabled", consume() {} })),
      bus.run(defineProducer({ name: "cron", cron: "often", poll() {} })),
    ]);
    const texts = failures.map((failure) => (failure.status === "rejected" ? String(failure.reason.message) : "ran"));
    expect(texts).toEqual([
      expect.stringContaining("tpoics: is no field; did you mean topics?"),
      expect.stringContaining("consume: missing; wanted a function"),
      expect.stringContaining("poll: found 'now'; wanted a function"),
      expect.stringContaining("run: found undefined; wanted what defineConsumer"),
      expect.stringContaining("no db"),
      expect.stringContaining("x.enabled"),
      expect.stringContaining("often"),
    ]);
  });

  test("polls a producer when the test says so, and not when its schedule does", async () => {
    await using bus = await createTestBus();
    let polls = 0;
    const producer = await bus.run(
      defineProducer({
        name: "alive",
        every: 0.001,
        now: true,
        async poll({ bus }) {
          if (++polls === 2) throw new Error("the second");
          await bus.publish({ topic: "alive", modname: "box", msg: { polls } });
        },
      }),
    );
    await bus.expectNothingPublished();
    await producer.poll();
    expect((await bus.expectPublished("box.alive")).msg).toEqual({ polls: 1 });
    await expect(producer.poll()).rejects.toThrow("the second");
    await producer.poll();
    expect(producer.stats()).toEqual({ polls: 3, failures: 1 });
    await producer.stop();
    expect(await codeOf(producer.poll())).toBe("FEDMSG_CLOSED");
  });
});
