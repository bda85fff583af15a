/** What becomes of a durable consumer's message whose commit fails, is called twice, or is left to the end. */

import {
  anyAddress,
  codeOf,
  eventually,
  expectNoLeaks,
  range,
  settled,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import { connect, FedmsgError } from "fedmsg";
import { createTransport, defineConsumer } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { deferred, doneWith, numberOf, Stage, statsOf } from "../../test/stage.ts";

expectNoLeaks();

const retry = { attempts: 2, firstMs: 1, mostMs: 1 };

test("one whose commit failed and that no journal has is a dead letter at the end, and the end waits for nothing", async () => {
  await using stage = await Stage.open();
  const consumer = defineConsumer({
    name: "refused",
    durable: true,
    retry: { attempts: 5, firstMs: 60_000, mostMs: 60_000 },
    consume: (_, { commit }) =>
      commit(() => {
        throw new Error("no such row");
      }),
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 3);
  await eventually(() => statsOf(hub, "refused").failures === 3, "the first attempts");
  await withTimeout(hub.drain(60_000), "the end");
  expect((await stage.deadLetters("refused")).map(({ attempts }) => attempts)).toEqual([2, 2, 2]);
  expect(stage.log.texts("error")).toEqual([]);
});

test("one whose commit fails is in hand until it is handled: no other copy of it is fetched, and order is kept", async () => {
  await using stage = await Stage.openJournalled();
  const calls: string[] = [];
  const gate = deferred();
  const consumer = defineConsumer({
    name: "held",
    durable: true,
    ordered: true,
    retry: { attempts: 5, firstMs: 1, mostMs: 1 },
    async consume(received, { commit, attempt }) {
      const n = numberOf(received);
      calls.push(`${n}#${attempt}`);
      if (n === 2 && attempt === 2) await gate.promise;
      await commit(() => {
        if (n === 2 && attempt < 3) throw new Error("a locked row");
      });
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await withTimeout(stage.publisher.subscribed("_heartbeat."), "the hub's following");
  await stage.say(1, 4);
  await eventually(() => calls.includes("2#2"), "the second attempt");
  expect(await settled(() => statsOf(hub, "held").received, 2500), "also after its heartbeat").toBe(4);
  gate.resolve();
  await doneWith(hub, "held", 4);
  expect(calls).toEqual(["1#1", "2#1", "2#2", "2#3", "3#1", "4#1"]);
  expect(statsOf(hub, "held")).toMatchObject({ received: 4, replayed: 0 });
});

test("at the end a consumer lets go of what a journal has, and handles what none has", async () => {
  await using stage = await Stage.openJournalled();
  const config = testConfig({ endpoints: { other: [anyAddress] } });
  await using other = await connect({ name: "other", config, transport: await createTransport(config) });
  const heard: string[] = [];
  const gate = deferred();
  const consumer = defineConsumer({
    name: "both",
    durable: true,
    async consume(received) {
      await gate.promise;
      heard.push(`${received.name}${numberOf(received)}`);
    },
  });
  const endpoints = { me: [stage.publisher.endpoint as string], other: [other.endpoint as string] };
  const hub = await stage.hub({ consumers: [consumer], config: { endpoints } });
  await withTimeout(other.subscribed(), "the hub at the other publisher");
  await withTimeout(stage.publisher.subscribed("_heartbeat."), "the hub's following");
  await stage.say(1, 1);
  await eventually(() => statsOf(hub, "both").inHand === 1, "one in hand");
  await stage.say(2, 9);
  const inHub = () => statsOf(hub, "both").inHand + statsOf(hub, "both").waiting;
  await eventually(() => inHub() === 9, "what the journal has");
  for (const n of range(1, 150)) await other.publish({ topic: "t", modname: "m", msg: { n } });
  await eventually(() => inHub() === 159, "everything is there");
  const drained = hub.drain(60_000);
  await eventually(() => inHub() === 151, "the journal said what it has");
  gate.resolve();
  await withTimeout(drained, "the end");
  expect(heard).toEqual(["me1", ...range(1, 150).map((n) => `other${n}`)]);
  expect(await stage.deadLetters("both")).toEqual([]);
  const again = await stage.hub({ consumers: [consumer], config: { endpoints } });
  await doneWith(again, "both", 8);
  expect(heard.slice(151)).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((n) => `me${n}`));
});

test("work that breaks a deferred constraint is the message's fault, and makes a dead letter", async () => {
  await using stage = await Stage.open();
  const consumer = defineConsumer({
    name: "constraint",
    durable: true,
    retry,
    consume: (_, { commit }) =>
      commit((db) => {
        db.run("CREATE TABLE IF NOT EXISTS parents (id INTEGER PRIMARY KEY)");
        db.run("CREATE TABLE IF NOT EXISTS parts (of REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)");
        db.run("INSERT INTO parts VALUES (7)");
      }),
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 3);
  await doneWith(hub, "constraint", 3);
  expect((await stage.deadLetters("constraint")).map(({ attempts }) => attempts)).toEqual([2, 2, 2]);
});

test.each(["consume", "work"])("somebody else's FEDMSG_JOURNAL that %s throws counts as an attempt", async (where) => {
  await using stage = await Stage.open();
  const fail = () => {
    throw new FedmsgError("FEDMSG_JOURNAL", "the disk of another is full");
  };
  const consumer = defineConsumer({
    name: "others",
    durable: true,
    retry,
    consume: (_, { commit }) => (where === "work" ? commit(fail) : fail()),
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 1);
  await doneWith(hub, "others", 1);
  expect(await stage.deadLetters("others")).toHaveLength(1);
});

test("work of a second commit is refused and not written, also of a dead letter; commit() alone may be called again", async () => {
  await using stage = await Stage.open();
  const codes: string[] = [];
  let works = false;
  const consumer = defineConsumer({
    name: "twice",
    durable: true,
    retry: { attempts: 1 },
    async consume(_, { commit }) {
      if (!works) throw new Error("not yet");
      const count = await commit((db) => {
        db.run("CREATE TABLE IF NOT EXISTS own (n)");
        db.run("INSERT INTO own VALUES (1)");
        return db.get("SELECT count(*) AS count FROM own")?.count;
      });
      await commit();
      codes.push(String(count), await codeOf(commit((db) => db.run("INSERT INTO own VALUES (2)"))));
    },
  });
  const hub = await stage.hub({ consumers: [consumer] });
  await stage.say(1, 1);
  await doneWith(hub, "twice", 1);
  works = true;
  await stage.say(2, 2);
  await doneWith(hub, "twice", 2);
  await stage.askRetry("twice");
  await doneWith(hub, "twice", 3);
  expect(codes).toEqual(["1", "FEDMSG_UNSUPPORTED", "2", "FEDMSG_UNSUPPORTED"]);
});
