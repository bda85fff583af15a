/** `moksha.blocking_mode`: consumers take turns, and none can keep the turn. */

import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { defineConsumer } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { doneWith, numberOf, Stage, statsOf } from "../../test/stage.ts";

expectNoLeaks();

const config = { "moksha.blocking_mode": true };
const retry = { attempts: 2, firstMs: 1, mostMs: 1 };

/** A consumer that works, and what it heard. */
function healthy() {
  const heard: number[] = [];
  return {
    heard,
    consumer: defineConsumer({ name: "healthy", consume: (message) => void heard.push(numberOf(message)) }),
  };
}

test("one that hangs and does not heed its signal keeps no other from its turn, and its message is a dead letter", async () => {
  await using stage = await Stage.open();
  const { heard, consumer } = healthy();
  const hangs = defineConsumer({ name: "hangs", timeoutMs: 10, retry, consume: () => new Promise(() => {}) });
  const hub = await stage.hub({ consumers: [hangs, consumer], config });
  await stage.say(1, 5);
  await doneWith(hub, "healthy", 5);
  await doneWith(hub, "hangs", 5);
  expect(heard).toEqual([1, 2, 3, 4, 5]);
  expect(await stage.deadLetters("hangs")).toHaveLength(5);
});

test("one that stands still, as too many attempts that were given up still run, waits without the turn", async () => {
  await using stage = await Stage.open();
  const { consumer } = healthy();
  const ends: (() => void)[] = [];
  const hangs = defineConsumer({
    name: "hangs",
    timeoutMs: 1,
    retry: { attempts: 1 },
    consume: () => new Promise<void>((resolve) => ends.push(resolve)),
  });
  const hub = await stage.hub({ consumers: [hangs, consumer], config });
  await stage.say(1, 110);
  await doneWith(hub, "healthy", 110);
  expect(statsOf(hub, "hangs")).toMatchObject({ timeouts: 100, received: 101 });
  expect(stage.log.texts("error")).toEqual([expect.stringMatching(/100 attempts .* stands still/)]);
  for (const end of ends.splice(0)) end();
  await eventually(() => statsOf(hub, "hangs").timeouts === 110, "it goes on");
});

test("while one waits to try again, or for its dead letter to be written, the others go on", async () => {
  await using stage = await Stage.open();
  const { heard, consumer } = healthy();
  const pauses = defineConsumer({
    name: "pauses",
    retry: { attempts: 2, firstMs: 60_000, mostMs: 60_000 },
    consume() {
      throw new Error("not now");
    },
  });
  const full = defineConsumer({ name: "full", retry, consume: () => Promise.reject(new Error("no")) });
  const file = join(stage.folder, "full.db");
  mkdirSync(file); // As good as a disk that takes nothing.
  const hub = await stage.hub({ consumers: [pauses, full, consumer], config });
  await stage.say(1, 3);
  await doneWith(hub, "healthy", 3);
  expect(heard).toEqual([1, 2, 3]);
  expect(statsOf(hub, "pauses")).toMatchObject({ received: 1, retrying: 1 });
  rmdirSync(file);
  await doneWith(hub, "full", 3);
  await hub.drain(10_000);
  expect(await stage.deadLetters("pauses")).toHaveLength(3);
});
