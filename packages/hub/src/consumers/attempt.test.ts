import { join } from "node:path";
import { openCursors } from "@fedmsg/store";
import { codeOf, eventually, expectNoLeaks } from "@fedmsg/testkit";
import { defineConsumer } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { deferred, doneWith, numberOf, Stage, statsOf } from "../../test/stage.ts";

expectNoLeaks();

const retry = { attempts: 3, firstMs: 1, mostMs: 2 };

const odd: readonly (readonly [what: string, thrown: () => unknown])[] = [
  ["undefined", () => undefined],
  ["a text with control characters", () => "\u001b[2Jone\ntwo"],
  ["an object that throws when it is looked at", () => new Proxy({}, { get: hostile, getPrototypeOf: hostile })],
  ["an error whose message throws", () => Object.defineProperty(new Error(), "message", { get: hostile })],
  ["an error with a message of a megabyte", () => new Error("x".repeat(1_000_000))],
];

function hostile(): never {
  throw new Error("do not look");
}

test.each(odd)(
  "a consumer that throws %s is told in one short line, and the message becomes one dead letter",
  async (_, thrown) => {
    await using stage = await Stage.open();
    let healthy = 0;
    const consumers = [
      defineConsumer({
        name: "throws",
        retry,
        consume() {
          throw thrown();
        },
      }),
      defineConsumer({ name: "rejects", retry, consume: () => Promise.reject(thrown()) }),
      defineConsumer({ name: "healthy", consume: () => void healthy++ }),
    ];
    const hub = await stage.hub({ consumers });
    await stage.say(1, 3);
    for (const { name } of consumers) await doneWith(hub, name, 3);
    expect(healthy).toBe(3);
    for (const name of ["throws", "rejects"]) {
      expect(statsOf(hub, name)).toMatchObject({
        received: 3,
        done: 3,
        failures: 9,
        retries: 6,
        deadLetters: 3,
        retrying: 0,
      });
      const letters = await stage.deadLetters(name);
      expect(
        letters.map((letter) => numberOf({ message: JSON.parse(Buffer.from(letter.body).toString()) })).sort(),
      ).toEqual([1, 2, 3]);
      expect(letters.every(({ attempts, error }) => attempts === 3 && error.length <= 4096)).toBe(true);
    }
    for (const { text } of stage.log.lines) {
      expect(text.length).toBeLessThan(2100);
      expect(text).not.toMatch(/[\x00-\x1f]/);
    }
  },
);

test("an attempt that takes too long is given up: its signal fires, and what it still commits is refused and writes nothing", async () => {
  await using stage = await Stage.open();
  const late = deferred();
  const refused: string[] = [];
  const reasons: unknown[] = [];
  const consumer = defineConsumer({
    name: "hangs",
    durable: true,
    timeoutMs: 20,
    retry: { attempts: 2, firstMs: 1, mostMs: 1 },
    async consume(_, { signal, commit, attempt }) {
      if (attempt === 2) {
        await commit((db) => {
          db.run("CREATE TABLE seen (attempt)");
          db.run("INSERT INTO seen VALUES (2)");
        });
        return;
      }
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      await late.promise;
      refused.push(await codeOf(commit((db) => db.run("INSERT INTO seen VALUES (1)"))));
      throw new Error("too late anyway");
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 1);
  await doneWith(hub, "hangs", 1);
  late.resolve();
  await eventually(() => refused.length === 1, "the late attempt");
  expect(refused).toEqual(["FEDMSG_TIMEOUT"]);
  expect(reasons).toEqual([expect.objectContaining({ code: "FEDMSG_TIMEOUT" })]);
  expect(statsOf(hub, "hangs")).toMatchObject({ done: 1, timeouts: 1, failures: 1, retries: 1, deadLetters: 0 });
  await eventually(() => stage.log.texts().some((text) => text.includes("failed late")), "the late error is told");
  await hub.drain();
  const cursors = await openCursors(join(stage.folder, "hangs.db"));
  expect(await cursors.handle("12345678", (db) => db.all("SELECT * FROM seen"))).toEqual([{ attempt: 2 }]);
  await cursors.close();
});

test("a consumer that hangs in each attempt, without looking at its signal, ends in dead letters and holds up nobody", async () => {
  await using stage = await Stage.open();
  const consumers = [
    defineConsumer({ name: "hangs", timeoutMs: 10, retry, consume: () => new Promise(() => {}) }),
    defineConsumer({ name: "healthy", consume: async () => {} }),
  ];
  const hub = await stage.hub({ consumers });
  await stage.say(1, 5);
  await doneWith(hub, "healthy", 5);
  await doneWith(hub, "hangs", 5);
  expect(statsOf(hub, "hangs")).toMatchObject({ deadLetters: 5, timeouts: 15, inHand: 0 });
});

test("what was committed is handled: an attempt that fails, or takes too long, behind that is not tried again", async () => {
  await using stage = await Stage.open();
  const runs: number[] = [];
  const consumer = defineConsumer({
    name: "after",
    durable: true,
    timeoutMs: 50,
    retry,
    async consume(received, { commit }) {
      const n = numberOf(received);
      runs.push(n);
      if (n === 1) await commit();
      else void commit();
      if (n === 3) await new Promise(() => {});
      throw new Error("behind it");
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 3);
  await doneWith(hub, "after", 3);
  expect(runs).toEqual([1, 2, 3]);
  expect(statsOf(hub, "after")).toMatchObject({ failures: 3, timeouts: 1, retries: 0, deadLetters: 0 });
});

test("a commit that failed is no handling, although consume went on as if nothing was", async () => {
  await using stage = await Stage.open();
  let runs = 0;
  const consumers = [
    defineConsumer({
      name: "careless",
      durable: true,
      retry,
      async consume(_, { commit, attempt }) {
        runs++;
        if (attempt === 1) await commit(() => hostile()).catch(() => {});
        else await commit();
      },
    }),
    defineConsumer({ name: "no-database", retry, consume: (_, { commit }) => void commit(() => 1).catch(() => {}) }),
  ];
  const hub = await stage.hub({ consumers });
  await stage.say(1, 1);
  await doneWith(hub, "careless", 1);
  await doneWith(hub, "no-database", 1);
  expect(runs).toBe(2);
  const [letter] = await stage.deadLetters("no-database");
  expect(letter?.error).toMatch(/durable: true/);
});
