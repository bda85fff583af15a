import { bufferBytes, collect, expectBuffersAtMost } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { BoundedQueue } from "./bounded-queue.ts";

const bounds = { itemsMax: 3, weightMax: 100 };

function open(): BoundedQueue<number> {
  return new BoundedQueue<number>(bounds, () => {});
}

test("a queue gives what it got in order, and ends behind the last", async () => {
  const queue = open();
  const early = [queue.next(), queue.next()];
  queue.push(1, 0);
  queue.push(2, 0);
  queue.push(3, 0);
  queue.end();
  queue.push(4, 0);
  const steps = [...(await Promise.all(early)), await queue.next(), await queue.next(), await queue.next()];
  expect(steps.map(({ value }) => value)).toEqual([1, 2, 3, undefined, undefined]);
  expect(steps.map(({ done }) => done)).toEqual([false, false, false, true, true]);
});

test("a writer waits while there are too many items or bytes, and no longer", async () => {
  const queue = open();
  expect(queue.push(1, 99)).toBeUndefined();
  const released: string[] = [];
  const full = queue.push(2, 1)?.then(() => released.push("room for bytes"));
  await new Promise(setImmediate);
  expect(released).toEqual([]);
  await collect(queue, 1);
  await full;
  expect(queue.push(3, 0)).toBeUndefined();
  const tooMany = queue.push(4, 0)?.then(() => released.push("room for items"));
  await new Promise(setImmediate);
  expect(released).toEqual(["room for bytes"]);
  await collect(queue, 1);
  await tooMany;
});

test("an item larger than all the room is taken, and read before others", async () => {
  const queue = open();
  const waiting = queue.push(1, 1_000_000);
  expect(await collect(queue, 1)).toEqual([1]);
  await waiting;
});

test.each(["end", "clear", "lift", "return"] as const)("%s() lets every writer go on", async (how) => {
  const queue = open();
  const writers = [queue.push(1, 100), queue.push(2, 100)];
  await queue[how]();
  await Promise.all(writers);
  expect(queue.push(3, 100)).toBeUndefined();
});

test("an error comes behind what is queued, once", async () => {
  const queue = open();
  queue.push(1, 0);
  queue.end(new Error("broken"));
  queue.end(new Error("too late"));
  expect(await queue.next()).toEqual({ done: false, value: 1 });
  await expect(queue.next()).rejects.toThrow("broken");
  expect(await queue.next()).toEqual({ done: true, value: undefined });
});

test("what was read is not kept, even while more is always there", async () => {
  const queue = new BoundedQueue<Buffer>({ itemsMax: 1000, weightMax: 1e9 }, () => {});
  const before = bufferBytes();
  const push = (n: number) => queue.push(Buffer.alloc(1024 * 1024, n), 1024 * 1024);
  push(0);
  for (let n = 1; n < 100; n++) {
    push(n);
    await queue.next();
  }
  await expectBuffersAtMost(before + 30 * 1024 * 1024);
  expect((await queue.next()).value).toHaveLength(1024 * 1024);
});
