/** While another process holds the lock of a consumer's file: what is asked for waits, in order, and keeps nobody from anything. */

import { settled } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { type NewDeadLetter, openCursors, openDeadLetters } from "../src/index.ts";
import { openDatabase } from "../src/sqlite.ts";
import { Child, failure, refusal, tempFile } from "./support.ts";

function letterOf(n: number): NewDeadLetter {
  return {
    ...{ topic: "org.test.locks", msgId: `${n}`, name: "relay", endpoint: "tcp://127.0.0.1:1", trust: "signed" },
    ...{ body: Buffer.from("{}"), error: "no", attempts: 5, failedAtMs: n },
  };
}

/** Holds the lock of a file, from another connection. */
async function lock(file: string) {
  const db = await openDatabase(file, { timeoutMs: 1000 });
  db.exec("BEGIN IMMEDIATE");
  return {
    letGo: () => {
      db.exec("ROLLBACK");
      db.close();
    },
  };
}

test("letters, tries and settlements wait for it, and come in the order in which they were asked for", async () => {
  const file = tempFile();
  const box = await openDeadLetters(file, { create: true });
  await box.add(letterOf(1));
  await box.add(letterOf(2));
  const child = new Child("hold.mjs", [file, "2000"]);
  expect(await child.line()).toBe("held");
  const done: string[] = [];
  const note = (what: string) => () => done.push(what);
  const asked = [
    box.add(letterOf(3)).then(note("add")),
    box.settle(1, (transaction) => transaction.run("CREATE TABLE own (n)")).then(note("settle")),
    box.failAgain(2, failure("still not", 6)).then(note("failAgain")),
    box.addAll([letterOf(4), letterOf(5)]).then(note("addAll")),
  ];
  expect(await settled(() => done.length, 500)).toBe(0);
  expect(box.count()).toBe(3); // Readers wait for nobody: ours, and the one that holds the lock.
  await Promise.all(asked);
  expect(done).toEqual(["add", "settle", "failAgain", "addAll"]);
  expect(box.list({ limit: 10 }).map(({ msgId, error }) => `${msgId} ${error}`)).toEqual([
    "2 still not",
    "3 no",
    "4 no",
    "5 no",
  ]);
  await box.close();
});

test("it is not waited for for ever: after five seconds all that waited for so long is refused, and nothing of it is kept", async () => {
  const file = tempFile();
  const box = await openDeadLetters(file, { create: true });
  const { letGo } = await lock(file);
  const since = performance.now();
  const refusals = await Promise.all([1, 2, 3].map((n) => refusal(box.add(letterOf(n)))));
  expect(performance.now() - since).toBeGreaterThan(4900);
  for (const { message } of refusals) expect(message).toMatch(/another program holds a lock on it/);
  letGo();
  await box.add(letterOf(4));
  expect(box.list({ limit: 10 }).map(({ msgId }) => msgId)).toEqual(["4"]);
  await box.close();
});

test("where no letter is named, nothing is waited for", async () => {
  const file = tempFile();
  const box = await openDeadLetters(file, { create: true });
  const { letGo } = await lock(file);
  const since = performance.now();
  expect([await box.askRetry([]), await box.drop([])]).toEqual([0, 0]);
  expect(performance.now() - since).toBeLessThan(4000);
  letGo();
  await box.close();
});

test("a box that is closed finishes what it was asked for, and takes nothing more", async () => {
  const file = tempFile();
  const box = await openDeadLetters(file, { create: true });
  const { letGo } = await lock(file);
  const adding = box.add(letterOf(1));
  const closing = box.close();
  await expect(box.add(letterOf(2))).rejects.toMatchObject({ code: "FEDMSG_CLOSED" });
  letGo();
  await Promise.all([adding, closing]);
  const again = await openDeadLetters(file);
  expect(again.list({ limit: 10 }).map(({ msgId }) => msgId)).toEqual(["1"]);
  await again.close();
});

test("a box is created, and cursors are opened and closed, once it is free; timers have their turn meanwhile", async () => {
  const file = tempFile();
  await (await openCursors(file)).close();
  const { letGo } = await lock(file);
  let isOpen = 0;
  const opening = openDeadLetters(file, { create: true }).finally(() => isOpen++);
  expect(await settled(() => isOpen, 200)).toBe(0);
  letGo();
  const box = await opening;
  await box.add(letterOf(1));
  const again = await lock(file);
  const cursors = openCursors(file).finally(() => isOpen++);
  expect(await settled(() => isOpen, 200)).toBe(1);
  again.letGo();
  const store = await cursors;
  const last = await lock(file);
  const handling = store.handle("12345678");
  const closing = store.close().finally(() => isOpen++);
  expect(await settled(() => isOpen, 200)).toBe(2);
  last.letGo();
  await Promise.all([handling, closing]);
  await box.close();
});
