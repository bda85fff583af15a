import { eventually, range } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { BoundedQueue } from "./bounded-queue.ts";
import { DurableIterator } from "./durable-iterator.ts";
import { CommittableMessage, WeighedMessage } from "./received.ts";

const KiB = 1024;
const bounds = { itemsMax: 1e6, weightMax: 1e12 };

test("what is under way to a slow disk weighs no more than 16 MiB, but for the last, also as small ones end one by one", async () => {
  const ends: (() => void)[] = [];
  let weight = 0;
  let most = 0;
  const queue = new BoundedQueue<CommittableMessage>(bounds, () => {});
  const iterator = new DurableIterator(
    queue,
    async () => {},
    () => {},
  );
  for (const n of range(1, 400)) {
    const bytes = n <= 200 ? 84 * KiB : 1024 * KiB; // 200 of the small ones weigh 16.4 MiB.
    const committer = {
      commit: () => {
        weight += bytes;
        most = Math.max(most, weight);
        return new Promise<undefined>((resolve) => {
          ends.push(() => {
            weight -= bytes;
            resolve(undefined);
          });
        });
      },
      release: () => {},
      isKept: () => false,
    };
    const received = {
      name: "n",
      endpoint: "e",
      topic: "t",
      message: { topic: "t" },
      body: Buffer.alloc(0),
      trust: "signed",
    } as const;
    queue.push(
      new CommittableMessage(new WeighedMessage(received, bytes), { key: "k", journal: undefined }, committer),
      bytes,
    );
  }
  queue.end();
  let isOver = false;
  const reading = (async () => {
    for await (const _ of iterator);
    isOver = true;
  })();
  await eventually(() => weight >= 16 * 1024 * KiB, "it waits for the disk");
  while (!isOver) {
    ends.shift()?.();
    await new Promise(setImmediate);
  }
  await reading;
  expect(most).toBeLessThan(17 * 1024 * KiB);
  for (const end of ends) end();
});
