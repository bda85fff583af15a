import { expect, test } from "vitest";
import { createMemoryJournal } from "../replay/memory-journal.ts";
import { OutboxSpace } from "./outbox-space.ts";

test("the error names the bound that was hit, and how much of it there is", async () => {
  const journal = createMemoryJournal();
  const unbounded = new OutboxSpace(0);
  for (let n = 0; n < 100_000; n++) unbounded.enter(10);
  expect(unbounded.hasRoom(journal, 10)).toBe(false);
  expect(unbounded.fullError(journal, 0, 10).message).toBe(
    "100000 messages wait to be written to the outbox, as many as may; publish again when some are",
  );
  const bounded = new OutboxSpace(100);
  await journal.append(() => ({ topic: "t", msgId: "", body: Buffer.alloc(49) }));
  bounded.enter(40);
  expect(bounded.hasRoom(journal, 20)).toBe(false);
  expect(bounded.fullError(journal, 1, 20).message).toMatch(
    /^2 messages of 90 bytes wait in the outbox, 100 are allowed/,
  );
  expect(bounded.fullError(journal, 1, 101).message).toMatch(
    /^the message takes 101 bytes, and outbox_max_bytes is 100/,
  );
});
