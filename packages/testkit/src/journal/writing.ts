/** Cases for journals: what is appended and pruned, and how it ends. */

import type { EntryQuery } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { range } from "../range.ts";
import { codeOf } from "../waiting.ts";
import { type Bench, entry, everything, fill, fillAt, positionsOf, sizeOf, startMs } from "./bench.ts";

/** Positions, bytes and times of what is appended. */
export function appendingCases(bench: Bench): void {
  test("begins empty, with a UUID of its own", () => {
    const { uuid, ...rest } = bench.journal.info;
    expect(bench.journal.page(everything)).toEqual({ entries: [], through: 0 });
    expect(rest).toEqual({ first: 1, head: 0, earlier: [], bytes: 0 });
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(bench.journal.isInPlace()).toBe(true);
  });

  test("gives out positions 1, 2, 3, … in the order of the calls, across turns and groups", async () => {
    const before = bench.journal.info.uuid;
    expect(await fill(bench, 2500)).toEqual(range(1, 2500));
    expect(await bench.journal.append(entry)).toBe(2501);
    expect(bench.journal.info).toMatchObject({ uuid: before, first: 1, head: 2501 });
  });

  test("keeps exactly what was built, and when", async () => {
    const body = Uint8Array.from({ length: 256 }, (_, n) => n);
    const texts = ["org.test.größe.🎉", "", "a\0b", " \n", "half \ud83c of a pair", "\udf89\0"];
    for (const text of texts) await bench.journal.append(() => ({ topic: text, msgId: `id ${text}`, body }));
    await bench.journal.append(() => ({ topic: "t", msgId: "", body: new Uint8Array() }));
    const { entries } = bench.journal.page(everything);
    expect(entries.map(({ topic, msgId }) => [topic, msgId])).toEqual([
      ...texts.map((text) => [text, `id ${text}`]),
      ["t", ""],
    ]);
    for (const { body: kept, timeMs } of entries.slice(0, -1)) {
      expect([Buffer.from(kept).equals(body), timeMs]).toEqual([true, startMs]);
    }
    expect(entries.at(-1)?.body.byteLength).toBe(0);
    expect(bench.journal.info.bytes).toBe(sizeOf(entries));
    for (const text of texts) expect(bench.journal.count({ msgIds: [`id ${text}`] }, 10)).toBe(1);
  });

  test("what a caller does with its bytes afterwards changes nothing", async () => {
    const body = Buffer.from("kept");
    await bench.journal.append(() => ({ topic: "t", msgId: "", body }));
    body.fill("x");
    expect(String(Buffer.from(bench.journal.page(everything).entries[0]?.body as Uint8Array))).toBe("kept");
  });

  test("a build that throws is left out alone, and its position goes to the next", async () => {
    const failure = new Error("no signature");
    const seen: number[] = [];
    const build = (position: number) => {
      seen.push(position);
      if (seen.length === 2) throw failure;
      return entry(position);
    };
    const settled = await Promise.allSettled([1, 2, 3].map(() => bench.journal.append(build)));
    expect(settled).toEqual([
      { status: "fulfilled", value: 1 },
      { status: "rejected", reason: failure },
      { status: "fulfilled", value: 2 },
    ]);
    expect(seen).toEqual([1, 2, 2]);
    await expect(bench.journal.append(() => undefined as never)).rejects.toThrow(TypeError);
    expect(bench.journal.info.head).toBe(2);
  });

  test("a build may append; what it appends comes later", async () => {
    let inner: Promise<number> | undefined;
    const outer = bench.journal.append((position) => {
      inner = bench.journal.append((at) => entry(`inner ${at}`));
      return entry(`outer ${position}`);
    });
    expect([await outer, await inner]).toEqual([1, 2]);
    const bodies = bench.journal.page(everything).entries.map(({ body }) => Buffer.from(body).toString());
    expect(bodies).toEqual(['{"i":"outer 1"}', '{"i":"inner 2"}']);
  });

  test("shows an entry once it is committed, not while it is built", async () => {
    await fill(bench, 1);
    let seen: unknown;
    await Promise.all([
      bench.journal.append(entry),
      bench.journal.append((position) => {
        const { entries, through } = bench.journal.page(everything);
        seen = { head: bench.journal.info.head, through, positions: positionsOf(entries) };
        return entry(position);
      }),
    ]);
    const { head, positions, through } = seen as { head: number; through: number; positions: number[] };
    expect({ through, last: positions.at(-1) }).toEqual({ through: head, last: head });
    expect(bench.journal.info.head).toBe(3);
  });
}

/** The oldest entries go. */
export function pruningCases(bench: Bench): void {
  test("what is older; `first` moves, positions stay", async () => {
    const { journal } = bench;
    await fillAt(bench, range(1, 10));
    const before = journal.info.bytes;
    const removed = journal.page({ ...everything, limit: 4 }).entries;
    expect(journal.prune({ olderThanMs: 5 })).toEqual({ removed: 4 });
    expect(journal.info).toMatchObject({ first: 5, head: 10, bytes: before - sizeOf(removed) });
    expect(journal.prune({ olderThanMs: 5 })).toEqual({ removed: 0 });
    expect(journal.page({ after: 1, limit: 2, bytesMax: 1e9 })).toMatchObject({ through: 6 });
    expect(positionsOf(journal.page(everything).entries)).toEqual(range(5, 10));
    const gone: EntryQuery = { positions: [1, 4], msgIds: ["2026-2"], timeRangeMs: [0, 4] };
    expect([journal.find(gone, 10), journal.count(gone, 10)]).toEqual([[], 0]);
    expect(journal.positionAt(4)).toBe(0);
    expect(await journal.append(entry)).toBe(11);
  });

  test("what is at a position and before it", async () => {
    const { journal } = bench;
    await fill(bench, 1000);
    expect(journal.prune({ through: 700 })).toEqual({ removed: 700 });
    expect(journal.info).toMatchObject({ first: 701, head: 1000 });
    expect(journal.prune({ through: 700 })).toEqual({ removed: 0 });
    expect(journal.prune({ through: 5000 })).toEqual({ removed: 300 });
    expect(journal.info).toMatchObject({ first: 1001, head: 1000, bytes: 0 });
  });

  test("as many of the oldest as the bytes demand", async () => {
    const { journal } = bench;
    await fill(bench, 100);
    const last = journal.page({ after: 90, limit: 10, bytesMax: 1e9 }).entries;
    expect(journal.prune({ bytesMax: sizeOf(last) })).toEqual({ removed: 90 });
    expect(journal.info).toMatchObject({ first: 91, head: 100, bytes: sizeOf(last) });
    expect(journal.prune({})).toEqual({ removed: 0 });
  });

  test("everything, over thousands; the next position is still the next", async () => {
    const { journal } = bench;
    await fill(bench, 9000);
    expect(journal.prune({ bytesMax: 0 })).toEqual({ removed: 9000 });
    expect(journal.info).toMatchObject({ first: 9001, head: 9000, bytes: 0, earlier: [] });
    expect(journal.page({ ...everything, after: 10 })).toEqual({ entries: [], through: 9000 });
    expect([journal.find({ all: true }, 10), journal.count({ all: true }, 10)]).toEqual([[], 0]);
    expect(journal.prune({ bytesMax: 0 })).toEqual({ removed: 0 });
    expect(await fill(bench, 5000)).toEqual(range(9001, 14_000));
    expect(positionsOf(journal.find({ msgIds: ["2026-9001", "2026-13000"] }, 10))).toEqual([9001, 13_000]);
    expect(journal.info).toMatchObject({ first: 9001, head: 14_000 });
  });

  test("only up to the first that is not older, where the clock went back", async () => {
    await fillAt(bench, [1, 2, 9, 3, 10]);
    expect(bench.journal.prune({ olderThanMs: 5 })).toEqual({ removed: 2 });
    expect(bench.journal.info.first).toBe(3);
  });
}

/** What comes before and after `close()`. */
export function endingCases(bench: Bench): void {
  test("close() commits what was appended, and may be called twice", async () => {
    const appended = fill(bench, 3000);
    await Promise.all([bench.journal.close(), bench.journal.close()]);
    expect(await appended).toEqual(range(1, 3000));
    await bench.journal.close();
    expect(bench.journal.info.head).toBe(3000);
  });

  test("what comes after close() is refused", async () => {
    const closed = bench.journal.close();
    expect(await codeOf(bench.journal.append(entry))).toBe("FEDMSG_CLOSED");
    await closed;
    expect(await codeOf(bench.journal.append(entry))).toBe("FEDMSG_CLOSED");
    const ask = async () => bench.journal.page(everything);
    expect(await codeOf(ask())).toBe("FEDMSG_CLOSED");
    expect(bench.journal.info.head).toBe(0);
  });
}
