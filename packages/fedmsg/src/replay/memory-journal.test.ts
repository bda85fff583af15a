import { journalCompliance } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { createMemoryJournal } from "./memory-journal.ts";

journalCompliance("memory", ({ now }) => createMemoryJournal({ now }));

test("a journal in memory keeps so many entries, the newest", async () => {
  const journal = createMemoryJournal({ entriesMax: 1500 });
  for (let n = 1; n <= 10_000; n++) await journal.append(() => ({ topic: "t", msgId: `${n}`, body: Buffer.alloc(9) }));
  expect(journal.info).toMatchObject({ first: 8501, head: 10_000, bytes: 15_000 });
  expect(journal.page({ after: 0, limit: 1, bytesMax: 0 }).entries[0]).toMatchObject({ position: 8501, msgId: "8501" });
});

test("a journal in memory keeps so many bytes, the newest", async () => {
  const journal = createMemoryJournal({ bytesMax: 100 });
  for (let n = 0; n < 50; n++) await journal.append(() => ({ topic: "t", msgId: "", body: Buffer.alloc(9) }));
  expect(journal.info).toMatchObject({ first: 41, head: 50, bytes: 100 });
});
