/** Dead letters are bounded in number and bytes, also in files of before, and very many of them are changed a few at a time. */

import type { CursorStore } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { addDeadLetter, type DeadLetterBox, type NewDeadLetter, openCursors, openDeadLetters } from "../src/index.ts";
import { openDatabase } from "../src/sqlite.ts";
import { Child, failure, tempFile } from "./support.ts";

const kibibyte = 1024;

function letterOf(n: number, changes: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    ...{ topic: "org.test.bounds", msgId: `${n}`, name: "relay", endpoint: "tcp://127.0.0.1:1", trust: "signed" },
    ...{ body: Buffer.alloc(10 * kibibyte), error: "no", attempts: 5, failedAtMs: n },
    ...changes,
  };
}

/** What SQLite itself says. */
async function valueIn(file: string, sql: string): Promise<unknown> {
  const db = await openDatabase(file, { timeoutMs: 1000 });
  try {
    return Object.values(db.prepare(sql).get() as object)[0];
  } finally {
    db.close();
  }
}

async function execIn(file: string, sql: string): Promise<void> {
  const db = await openDatabase(file, { timeoutMs: 1000 });
  db.exec(sql);
  db.close();
}

/** A box with `count` letters of a few bytes. */
async function filled(file: string, count: number, options: { bytesMax?: number } = {}): Promise<DeadLetterBox> {
  const box = await openDeadLetters(file, { create: true, ...options });
  await box.addAll(Array.from({ length: count }, (_, n) => letterOf(n + 1, { body: Buffer.from("{}") })));
  return box;
}

/** All of them at a box; the codes of those that were refused. */
async function addTo(box: DeadLetterBox, letters: readonly NewDeadLetter[]): Promise<unknown[]> {
  const errors = await box.addAll(letters);
  return errors.map((error) => (error as { code?: string } | undefined)?.code);
}

const full = "FEDMSG_DEAD_LETTERS_FULL";

describe("bytes", () => {
  test("are bounded: one more letter is refused, alone, until others are gone", async () => {
    const file = tempFile();
    const box = await openDeadLetters(file, { create: true, bytesMax: 30 * kibibyte });
    expect(
      await addTo(
        box,
        [1, 2, 3, 4].map((n) => letterOf(n)),
      ),
    ).toEqual([undefined, undefined, undefined, full]);
    await expect(box.add(letterOf(5))).rejects.toMatchObject({
      code: full,
      message: expect.stringMatching(
        /the 3 dead letters have 3\d{4} bytes, and 30720 are allowed \(dead_letters_max_bytes\)/,
      ),
    });
    await box.settle(2);
    await box.add(letterOf(6));
    await expect(box.add(letterOf(7))).rejects.toMatchObject({ code: full });
    await execIn(file, "DELETE FROM fedmsg_dead_letters WHERE id = 1"); // Whoever does it.
    await box.add(letterOf(8));
    expect(await box.drop("all")).toBe(3);
    expect(await valueIn(file, "SELECT letters + bytes FROM fedmsg_dead_letter_totals")).toBe(0);
    await box.close();
  });

  test("are those of texts, too, and of the newest error", async () => {
    const file = tempFile();
    const box = await openDeadLetters(file, { create: true });
    const texts = {
      topic: "ü".repeat(10),
      msgId: "12345",
      name: "n",
      endpoint: "e",
      signer: "four",
      body: Buffer.alloc(100),
    };
    await box.add(letterOf(1, { ...texts, error: "no" }));
    const bytes = () => valueIn(file, "SELECT bytes FROM fedmsg_dead_letter_totals");
    expect(await bytes()).toBe(20 + 5 + 1 + 1 + 4 + 100 + 2);
    await box.failAgain(1, failure("not at all", 6));
    await box.askRetry([1]);
    expect(await bytes()).toBe(20 + 5 + 1 + 1 + 4 + 100 + 10);
    await box.close();
  });

  test("of a durable consumer are bounded: its message is not handled, and its neighbours in the commit are", async () => {
    const file = tempFile();
    const store: CursorStore = await openCursors(file);
    const keep = (n: number) =>
      store.handle(String(n).padStart(8, "0"), (transaction) =>
        addDeadLetter(transaction, letterOf(n), { bytesMax: 1 }),
      );
    const [first, second, third] = await Promise.allSettled([keep(1), keep(2), store.handle("00000003")]);
    expect([first?.status, third?.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(second).toMatchObject({ status: "rejected", reason: { code: full } });
    expect([store.has("00000001"), store.has("00000002"), store.has("00000003")]).toEqual([true, false, true]);
    await store.close();
  });

  test("may be any number with a bound of 0; where there are none, a letter of any size fits", async () => {
    const unbounded = await openDeadLetters(tempFile(), { create: true, bytesMax: 0 });
    expect(await addTo(unbounded, [letterOf(1), letterOf(2)])).toEqual([undefined, undefined]);
    await unbounded.close();
    const small = await openDeadLetters(tempFile(), { create: true, bytesMax: 1 });
    expect(await addTo(small, [letterOf(1), letterOf(2)])).toEqual([undefined, full]);
    await small.close();
  });

  test("in a file of before there was a bound are counted with its next letter", async () => {
    const file = tempFile();
    const old = await filled(file, 10);
    await old.close();
    await execIn(file, "DROP TABLE fedmsg_dead_letter_totals");
    for (const name of ["added", "deleted", "changed"]) await execIn(file, `DROP TRIGGER fedmsg_dead_letters_${name}`);
    const box = await openDeadLetters(file, { bytesMax: 100 });
    expect(await box.drop([1])).toBe(1);
    await expect(box.add(letterOf(11))).rejects.toMatchObject({ code: full });
    const roomy = await openDeadLetters(file, { bytesMax: 100 * kibibyte });
    await roomy.add(letterOf(12));
    expect(await valueIn(file, "SELECT letters FROM fedmsg_dead_letter_totals")).toBe(10);
    await box.close();
    await roomy.close();
  });

  test.each(["fedmsg_dead_letters", "fedmsg_dead_letter_totals"])(
    "are counted anew where somebody dropped the table %s",
    async (table) => {
      const file = tempFile();
      const box = await filled(file, 3);
      expect(await box.askRetry([1])).toBe(1);
      await execIn(file, `DROP TABLE ${table}`);
      const left = table === "fedmsg_dead_letters" ? 0 : 3;
      expect([box.count(), box.takeAsked(10).length]).toEqual([left, Math.sign(left)]);
      await box.add(letterOf(4));
      expect(await valueIn(file, "SELECT letters FROM fedmsg_dead_letter_totals")).toBe(left + 1);
      expect(await box.drop("all")).toBe(left + 1);
      expect(await valueIn(file, "SELECT letters + bytes FROM fedmsg_dead_letter_totals")).toBe(0);
      await box.close();
    },
  );
});

describe("very many letters", () => {
  test.each(["askRetry", "drop"] as const)(
    "%s of all leaves another process its turn between a few of them",
    async (change) => {
      const file = tempFile();
      const box = await filled(file, 20_000);
      const child = new Child("letters.mjs", [file]);
      expect(await child.line()).toBe("1");
      let others = 0;
      let isOver = false;
      const counting = (async () => {
        while (!isOver) others = Number(await child.line());
      })();
      const changed = await box[change]("all");
      isOver = true;
      await counting;
      await child.kill();
      expect(changed).toBeGreaterThanOrEqual(20_001);
      expect(others).toBeGreaterThan(5);
      await box.close();
    },
  );

  test("are changed by their bytes, too: large ones one by one", async () => {
    const box = await openDeadLetters(tempFile(), { create: true });
    const body = Buffer.alloc(3 * kibibyte * kibibyte);
    await box.addAll([1, 2, 3].map((n) => letterOf(n, { body })));
    const asking = box.askRetry("all");
    const between = box.add(letterOf(4)); // Asked for behind the first of the three, and done before the others.
    await between;
    const isDone = box.list({ limit: 10 }).map(({ isAsked }) => isAsked);
    expect(isDone).toEqual([true, false, false, false].slice(0, isDone.length));
    expect(await asking).toBe(3);
    expect(box.count()).toBe(4);
    await box.close();
  });

  test("by id: those that are not there are passed over, and none is changed twice", async () => {
    const box = await filled(tempFile(), 2500);
    const wanted = Array.from({ length: 3000 }, (_, n) => 3000 - n);
    expect(await box.askRetry([...wanted, 7, 7])).toBe(2500);
    expect(await box.drop(wanted)).toBe(2500);
    await box.close();
  });

  test.each(["askRetry", "drop"] as const)(
    "%s of all is finished by a box that is closed meanwhile",
    async (change) => {
      const file = tempFile();
      const box = await filled(file, 3000);
      const changing = box[change]("all");
      await box.close();
      expect(await changing).toBe(3000);
      const left = change === "drop" ? "count(*)" : "count(*) - count(nullif(asked, 0))";
      expect(await valueIn(file, `SELECT ${left} FROM fedmsg_dead_letters`)).toBe(0);
      await expect(box[change]("all")).rejects.toMatchObject({ code: "FEDMSG_CLOSED" });
    },
  );
});
