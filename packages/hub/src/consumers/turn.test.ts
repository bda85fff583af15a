import { expectNoLeaks, range } from "@fedmsg/testkit";
import { defineConsumer } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { doneWith, numberOf, Stage } from "../../test/stage.ts";

expectNoLeaks();

const retry = { attempts: 3, firstMs: 1, mostMs: 2 };

test("moksha.blocking_mode: the next message is taken when all consumers are done with the one before, or one of them waits to try it again", async () => {
  await using stage = await Stage.open();
  const order: string[] = [];
  let now = 0;
  const consumer = (name: string, fails: boolean) =>
    defineConsumer({
      name,
      concurrency: 5,
      retry,
      async consume(received, { attempt }) {
        expect(++now).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        if (fails && attempt === 1) throw new Error("the first time");
        order.push(`${numberOf(received)}${name}`);
      },
    });
  const hub = await stage.hub({
    consumers: [consumer("a", false), consumer("b", false), consumer("c", false), consumer("fails", true)],
    config: { "moksha.blocking_mode": true },
  });
  await stage.say(1, 10);
  for (const name of ["a", "b", "c", "fails"]) await doneWith(hub, name, 10);
  const numbers = (those: readonly string[]) => those.map((entry) => Number.parseInt(entry, 10));
  const others = order.filter((entry) => !entry.endsWith("fails"));
  expect(numbers(others)).toEqual(range(1, 10).flatMap((n) => [n, n, n]));
  expect(numbers(order.filter((entry) => !others.includes(entry)))).toEqual(range(1, 10));
});
