/** How much is asked for at a time where a line is slow. */

import { expectNoLeaks } from "@fedmsg/testkit";
import { Router } from "@fedmsg/zmtp";
import { expect, test } from "vitest";
import { fetchPages } from "./fetch.ts";

expectNoLeaks();

const any = "tcp://127.0.0.1:*";
const uuid = "11111111-2222-4333-8444-555555555555";

/** What is asked for of a server that has so many entries, and answers where it is said. */
async function askedOf(head: number, answers: (limit: number, n: number) => boolean): Promise<number[]> {
  const asked: number[] = [];
  await using router = new Router({ lingerMs: 0 });
  const address = await router.bind(any);
  router.onBatch((batch) => {
    for (const [name, , query] of batch.keep()) {
      const { after, limit } = JSON.parse(String(query)) as { after: number; limit: number };
      if (!answers(limit, asked.push(limit))) continue;
      const through = Math.min(head, after + limit);
      const header = JSON.stringify({ journal: uuid, first: 1, head, through });
      router.trySend([name as Buffer, "", header, ...Array.from({ length: through - after }, () => "{}")]);
    }
  });
  await finish(fetchPages(address, { after: 0, limit: 100, retryMs: 1, timeoutMs: 300 }));
  return asked;
}

async function finish(pages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pages);
}

test("a time-out asks for less, over a new connection", async () => {
  const asked: unknown[] = [];
  const names = new Set<string>();
  await using router = new Router({ lingerMs: 0 });
  const address = await router.bind(any);
  router.onBatch((batch) => {
    for (const [name, , query] of batch.keep()) {
      const value = JSON.parse(String(query));
      asked.push(value);
      names.add(String(name?.toString("hex")));
      const header = JSON.stringify({ journal: uuid, first: 1, head: 0, through: 0 });
      if (value.limit < 10) router.trySend([name as Buffer, "", header]);
    }
  });
  await finish(fetchPages(address, { after: 0, limit: 100, retryMs: 1, timeoutMs: 100 }));
  expect(asked).toEqual([
    { after: 0, limit: 100 },
    { after: 0, limit: 25 },
    { after: 0, limit: 7 },
  ]);
  expect(names.size).toBe(3);
});

test("after a time-out each answer asks for more again, and in the end for as much as timed out, too", async () => {
  const asked = await askedOf(600, (_, n) => n > 2);
  expect(asked).toEqual([100, 25, 7, ...Array(15).fill(14), 28, 56, 100, 100, 100]);
});

test("of a line that is slow for good, so much that is too slow is asked for once in a while only", async () => {
  const asked = await askedOf(2000, (limit) => limit <= 30);
  expect(asked.filter((limit) => limit > 30).length).toBeLessThan(asked.length / 10);
  expect(asked.filter((limit) => limit > 20).length).toBeGreaterThan(asked.length * 0.85);
});
