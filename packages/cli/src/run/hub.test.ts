import { expect, test } from "vitest";
import { formatDone } from "./hub.ts";

/** A consumer with these counts. */
function counts(known: Readonly<Record<string, number>>) {
  return { received: 0, done: 0, released: 0, deadLetters: 0, failures: 0, ...known };
}

function lineOf(...consumers: readonly ReturnType<typeof counts>[]): string {
  return formatDone({ consumers, published: 7, invalid: { malformed: 1 } } as unknown as Parameters<
    typeof formatDone
  >[0]);
}

test("the last line of a hub counts what comes again, where something does", () => {
  expect(lineOf(counts({ received: 120, done: 116, released: 4, deadLetters: 2, failures: 3 }))).toBe(
    "120 messages received, 116 done, 4 come again, 2 dead letters, 3 failed attempts, 7 published, 1 refused",
  );
  expect(lineOf(counts({ received: 1, released: 1 }), counts({ failures: 1, deadLetters: 1 }))).toBe(
    "1 message received, 0 done, 1 comes again, 1 dead letter, 1 failed attempt, 7 published, 1 refused",
  );
  expect(lineOf()).toBe("0 messages received, 0 done, 0 dead letters, 0 failed attempts, 7 published, 1 refused");
});
