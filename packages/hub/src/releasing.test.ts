/** What a durable consumer lets go of at the end: messages that a journal has by its own word, and no others. */

import { expectNoLeaks, range, withTimeout } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { bodyOf, hasTaken, holds, Liars } from "../test/liars.ts";
import { deferred } from "../test/stage.ts";

expectNoLeaks();

const bodies = (from: number, to: number) => range(from, to).map((n) => bodyOf(n));
const sorted = (done: readonly string[]) => done.map(Number).toSorted((a, b) => a - b);
const hang = () => new Promise<void>(() => {});

test("a stranger's heartbeat that lists messages that are in no journal has none of them let go", async () => {
  await using liars = await Liars.open();
  const gate = deferred();
  const hub = await liars.hub(() => gate.promise);
  for (const body of bodies(1, 20)) await liars.send(liars.stranger, body);
  await liars.beat(liars.stranger, 0, bodies(1, 20));
  await liars.send(liars.stranger, bodyOf(21)); // When this is there, the heartbeat was heard.
  await hasTaken(hub, 21);
  const ended = hub.drain(10_000);
  gate.resolve();
  await withTimeout(ended, "the end");
  expect(sorted(liars.done)).toEqual(range(1, 21));
});

test("nor does who sent it count: what comes from the address of a journal's publisher, and is not in there, is not let go", async () => {
  await using liars = await Liars.open();
  const gate = deferred();
  const hub = await liars.hub(() => gate.promise);
  for (const body of bodies(1, 20)) await liars.send(liars.me, body);
  await hasTaken(hub, 20);
  const ended = hub.drain(10_000);
  gate.resolve();
  await withTimeout(ended, "the end");
  expect(sorted(liars.done)).toEqual(range(1, 20));
});

test("what the journal gives when it is asked is let go at once, listed or not, and comes again", async () => {
  await using liars = await Liars.open();
  const first = await liars.hub((n) => (n === 1 ? hang() : undefined));
  for (const body of bodies(1, 20)) await liars.keep(body);
  for (const body of bodies(1, 20)) await liars.send(liars.me, body);
  await liars.beat(liars.me, 0, bodies(1, 10));
  await hasTaken(first, 20);
  const ended = first.drain(60_000);
  await holds(first, 1); // What is worked on.
  expect(liars.done).toEqual([]);
  await withTimeout(Promise.all([first.close(), ended]), "the end");
  expect(await liars.deadLetters()).toEqual([]);
  await liars.hub(() => undefined);
  await liars.isDoneWith(20);
  expect(sorted(liars.done)).toEqual(range(1, 20));
});

test("heartbeats that say that there was nothing for anybody hide no message from the question", async () => {
  await using liars = await Liars.open();
  const hub = await liars.hub(hang);
  await liars.beat(liars.stranger, 0, bodies(1, 500), "nobody.asks.for.it");
  await liars.send(liars.stranger, bodyOf(1));
  await hasTaken(hub, 1); // The heartbeat was heard.
  for (const body of bodies(2, 20)) await liars.keep(body);
  for (const body of bodies(2, 20)) await liars.send(liars.me, body);
  await hasTaken(hub, 20);
  const ended = hub.drain(60_000);
  await holds(hub, 1);
  await withTimeout(Promise.all([hub.close(), ended]), "the end");
  expect(await liars.deadLetters()).toEqual([1]);
});

test("a journal that has something else under a message's id does not have the message", async () => {
  await using liars = await Liars.open();
  const gate = deferred();
  const hub = await liars.hub(() => gate.promise);
  for (const n of range(1, 3)) await liars.send(liars.stranger, bodyOf(n));
  await liars.keep(bodyOf(2, "something else"));
  await liars.keep(Buffer.from(JSON.stringify(JSON.parse(String(bodyOf(3))), null, 1))); // Spaced otherwise: the same.
  await hasTaken(hub, 3);
  const ended = hub.drain(10_000);
  await holds(hub, 2);
  gate.resolve();
  await withTimeout(ended, "the end");
  expect(sorted(liars.done)).toEqual([1, 2]);
});

test("a journal that is another one by now vouches for nothing, not even for what was fetched from it", async () => {
  await using liars = await Liars.open();
  const gate = deferred();
  const hub = await liars.hub(() => gate.promise);
  for (const body of bodies(1, 20)) await liars.keep(body);
  await liars.beat(liars.me, 0, bodies(1, 20));
  await hasTaken(hub, 20); // They were fetched.
  liars.replaceJournal();
  const ended = hub.drain(10_000);
  gate.resolve();
  await withTimeout(ended, "the end");
  expect(sorted(liars.done)).toEqual(range(1, 20));
});

test.each([
  ["all", 20],
  ["some", 12],
])("of what was fetched, nothing is let go that the journal has pruned meanwhile: %s of it", async (_, through) => {
  await using liars = await Liars.open();
  const gate = deferred();
  const hub = await liars.hub(() => gate.promise);
  for (const body of bodies(1, 20)) await liars.keep(body);
  await liars.beat(liars.me, 0, bodies(1, 20));
  await hasTaken(hub, 20);
  await liars.journal.prune({ through });
  await liars.keep(bodyOf(21));
  await liars.send(liars.me, bodyOf(21)); // When this is let go, the journal has answered.
  await hasTaken(hub, 21);
  const ended = hub.drain(60_000);
  await holds(hub, through);
  gate.resolve();
  await withTimeout(ended, "the end");
  expect(sorted(liars.done)).toEqual(range(1, through));
  await liars.hub(() => undefined);
  await liars.isDoneWith(21);
  expect(sorted(liars.done)).toEqual(range(1, 21));
});

test("what a journal gave at the end is not let go where it turns out to be another one before it gave everything", async () => {
  await using liars = await Liars.open({ pageEntriesMax: 5 });
  const hub = await liars.hub(hang);
  for (const body of bodies(1, 20)) await liars.send(liars.me, body);
  await hasTaken(hub, 20);
  for (const body of bodies(1, 10)) await liars.keep(body);
  liars.replaceJournalAfter(1);
  await withTimeout(hub.drain(1000), "the end");
  expect(await liars.deadLetters()).toEqual(range(1, 20));
});

test("where the journal does not answer, what waits is worked on, and is a dead letter at the deadline", async () => {
  await using liars = await Liars.open();
  const hub = await liars.hub((n) => (n > 3 ? hang() : undefined));
  for (const body of bodies(1, 6)) await liars.keep(body);
  await liars.closeReplay();
  for (const body of bodies(1, 6)) await liars.send(liars.me, body);
  await hasTaken(hub, 6);
  await withTimeout(hub.drain(500), "the end");
  expect(liars.done).toEqual(["1", "2", "3"]);
  expect(await liars.deadLetters()).toEqual([4, 5, 6]);
});

test("nor is what was fetched from it a dead letter then: that comes again by its own word, as long as it says nothing else", async () => {
  await using liars = await Liars.open();
  const hub = await liars.hub(hang);
  for (const body of bodies(1, 6)) await liars.keep(body);
  await liars.beat(liars.me, 0, bodies(1, 6));
  await hasTaken(hub, 6);
  await liars.closeReplay();
  await withTimeout(hub.drain(500), "the end");
  expect(liars.done).toEqual([]);
  expect(await liars.deadLetters()).toEqual([]);
});
