/** Following a journal: whatever is lost, repeated or late on the way, everything is handled once. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestOf, digestOfAll } from "./beat-log.ts";
import { createMemoryCursors } from "./cursors.ts";
import { Follower } from "./follower.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { Ledger } from "./ledger.ts";

const journal = "0f8fad5b-d9cb-469f-a165-70867728950e";
const patienceMs = 1000;
const keyOf = (position: number) => Buffer.from(position.toString(16).padStart(16, "0"), "hex");
const textOf = (position: number) => keyOf(position).toString("latin1");

/** A follower, and what became of its messages. */
class Bench {
  readonly #store = createMemoryCursors();
  readonly ledger = new Ledger(this.#store);
  readonly follower: Follower;

  constructor(cursor: number, matches: (topic: string) => boolean) {
    this.follower = new Follower({ journal, cursor, ledger: this.ledger, matches, patienceMs });
  }

  /** A message comes. Answers false where it came before. */
  see(position: number): boolean {
    return this.ledger.see(textOf(position));
  }

  /** A message that came is handled. */
  settle(position: number): void {
    void this.#store.handle(textOf(position));
    this.ledger.handled(textOf(position));
  }

  /** A message comes, and is handled at once. */
  handle(position: number): boolean {
    const isNew = this.see(position);
    if (isNew) this.settle(position);
    return isNew;
  }

  /** A page comes, of which everything is for us. */
  fetched(from: number, through: number, head: number, askedAt = 1e12): void {
    const keys = Array.from({ length: through - from }, (_, n) => textOf(from + 1 + n));
    this.follower.fetched({ after: from, through, head, keys, askedAt });
  }
}

const open = (cursor = 0, matches: (topic: string) => boolean = () => true) => new Bench(cursor, matches);

/** A heartbeat that lists the entries behind `from` up to `to`; even positions have the topic `even`, others `odd`. */
function beat(from: number, to: number): Heartbeat {
  const topics = new Map<string, Buffer[]>();
  for (let position = from + 1; position <= to; position++) {
    const topic = position % 2 === 0 ? "even" : "odd";
    topics.set(topic, [...(topics.get(topic) ?? []), keyOf(position)]);
  }
  return { journal, from, to, topics, digest: digestOf({ from, to }) };
}

describe("the cursor", () => {
  test("moves over what was seen, whether the heartbeat came before or after it", () => {
    const bench = open();
    bench.handle(1);
    bench.follower.beat(beat(0, 2), 0);
    expect(bench.follower.cursor).toBe(0);
    expect(bench.handle(2)).toBe(true);
    expect(bench.follower.cursor).toBe(2);
    expect(bench.follower.missing(1e9)).toBeUndefined();
  });

  test("moves over topics that are not for us", () => {
    const bench = open(0, (topic) => topic === "even");
    bench.handle(2);
    bench.follower.beat(beat(0, 3), 0);
    expect(bench.follower.cursor).toBe(3);
  });

  test("does not move past a heartbeat that never came", () => {
    const bench = open();
    for (const position of [1, 2, 3, 4]) bench.handle(position);
    bench.follower.beat(beat(2, 4), 0);
    expect(bench.follower.cursor).toBe(0);
    expect(bench.follower.missing(0)).toEqual({ after: 0, through: 2 });
    bench.fetched(0, 2, 4);
    expect(bench.follower.cursor).toBe(4);
  });

  test("takes no notice of heartbeats that came by another path before, nor of idle ones", () => {
    const bench = open(4);
    bench.follower.beat(beat(0, 4), 0);
    bench.follower.beat(beat(4, 4), 0);
    expect(bench.follower.cursor).toBe(4);
    expect(bench.follower.missing(1e9)).toBeUndefined();
  });
});

describe("what is missing", () => {
  test("is fetched when a heartbeat's patience is over, and not before", () => {
    const bench = open();
    bench.handle(1);
    bench.follower.beat(beat(0, 3), 500);
    expect(bench.follower.missing(500 + patienceMs - 1)).toBeUndefined();
    expect(bench.follower.missing(500 + patienceMs)).toEqual({ after: 0, through: 3 });
  });

  test("is everything behind the cursor where a restart went by unseen", () => {
    const bench = open(10);
    bench.follower.beat(beat(50, 50), 0);
    expect(bench.follower.missing(0)).toEqual({ after: 10, through: 50 });
  });

  test("is handled once, though it arrives late as well", () => {
    const bench = open();
    bench.follower.beat(beat(0, 2), 0);
    expect(bench.handle(1)).toBe(true); // Fetched,
    expect(bench.handle(2)).toBe(true);
    bench.fetched(0, 2, 4);
    expect(bench.handle(1)).toBe(false); // and now by the slow path.
    expect(bench.follower.cursor).toBe(2);
  });
});

describe("what was given back", () => {
  test("while its page was taken is fetched again", () => {
    const bench = open();
    bench.see(1);
    bench.ledger.release(textOf(1));
    bench.see(2);
    bench.settle(2);
    bench.fetched(0, 2, 2, 5);
    expect(bench.follower.cursor).toBe(0);
    expect(bench.follower.missing(5)).toEqual({ after: 0, through: 2 });
  });

  test("before a page that is on its way is not taken for handled by it", () => {
    const bench = open();
    for (const position of [1, 2]) bench.see(position);
    bench.follower.beat(beat(0, 2), 0); // Both came;
    bench.ledger.release(textOf(1)); // the first was given back while (2, 4] was asked for.
    for (const position of [3, 4]) bench.handle(position);
    bench.fetched(2, 4, 4);
    expect(bench.follower.cursor).toBe(0);
    expect(bench.follower.missing(1e9)).toEqual({ after: 0, through: 2 });
    bench.handle(1);
    expect(bench.follower.cursor).toBe(0); // The second is not handled yet.
    bench.settle(2);
    expect(bench.follower.cursor).toBe(4);
  });
});

describe("what is sure", () => {
  test("are pages, and heartbeats when the journal says that it said them", () => {
    const bench = open();
    for (let position = 1; position <= 6; position++) bench.handle(position);
    bench.follower.beat(beat(0, 2), 0);
    bench.follower.beat(beat(2, 3), 0);
    bench.fetched(3, 4, 6);
    bench.follower.beat(beat(4, 6), 0);
    expect([bench.follower.cursor, bench.follower.sure]).toEqual([6, 0]);
    expect(bench.follower.doubt).toEqual({ from: 0, to: 3, digest: digestOfAll([beat(0, 2), beat(2, 3)]) });
    bench.follower.assure(3);
    expect([bench.follower.sure, bench.follower.doubt?.from]).toEqual([4, 4]);
    bench.follower.assure(6);
    expect([bench.follower.sure, bench.follower.doubt]).toEqual([6, undefined]);
  });
});

describe("a forged heartbeat", () => {
  test("costs a question, and moves nothing", () => {
    const bench = open();
    bench.follower.beat(beat(1_000_000, 1_000_000), 0);
    expect(bench.follower.missing(0)).toEqual({ after: 0, through: 1_000_000 });
    bench.handle(1);
    bench.fetched(0, 1, 1); // So much there is.
    expect(bench.follower.cursor).toBe(1);
    expect(bench.follower.missing(1e9)).toBeUndefined();
    bench.follower.beat(beat(1, 2), 0);
    expect(bench.follower.missing(1e9)).toEqual({ after: 1, through: 2 });
  });

  test("that claims that there was nothing for us is found out when the journal is asked", () => {
    const bench = open(0, (topic) => topic === "mine");
    const forged: Heartbeat = {
      ...beat(0, 2),
      topics: new Map([["other", [keyOf(98), keyOf(99)]]]),
      digest: digestOf("x"),
    };
    bench.follower.beat(forged, 0);
    expect(bench.follower.cursor).toBe(2);
    expect(bench.follower.sure).toBe(0);
    const said = digestOfAll([beat(0, 2)]);
    expect(bench.follower.doubt).toMatchObject({ from: 0, to: 2 });
    expect(bench.follower.doubt?.digest).not.toBe(said);
    bench.follower.distrust();
    expect(bench.follower.seenTo).toBe(0);
    for (const position of [1, 2]) bench.handle(position);
    bench.fetched(0, 2, 2);
    expect(bench.follower.sure).toBe(2);
  });

  test("that lists what never was is forgotten with the journal's answer", () => {
    const bench = open(5);
    bench.follower.beat(beat(5, 9), 0);
    expect(bench.follower.missing(1e9)).toEqual({ after: 5, through: 9 });
    bench.fetched(5, 5, 5);
    expect(bench.follower.missing(1e9)).toBeUndefined();
    expect(bench.follower.cursor).toBe(5);
  });
});

test("with losses, repetitions and delays of messages and heartbeats, each entry is handled exactly once", () => {
  const entries = 60;
  const fates = fc.array(
    fc.record({ lost: fc.boolean(), copies: fc.integer({ min: 1, max: 3 }), late: fc.nat({ max: 80 }) }),
    {
      minLength: entries,
      maxLength: entries,
    },
  );
  const ends = fc.uniqueArray(fc.integer({ min: 1, max: entries - 1 }), { maxLength: 10 });
  fc.assert(
    fc.property(fates, ends, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (messages, cuts, beatsLost) => {
      const bench = open();
      const handled: number[] = [];
      const take = (position: number) => {
        if (bench.handle(position)) handled.push(position);
      };
      type Step = { at: number; run: (now: number) => void };
      const steps: Step[] = [];
      messages.forEach(({ lost, copies, late }, n) => {
        for (let copy = 0; !lost && copy < copies; copy++)
          steps.push({ at: n + 1 + late * copy, run: () => take(n + 1) });
      });
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), entries];
      bounds.slice(1).forEach((to, n) => {
        const isLast = to === entries; // A later, idle one says as much.
        if (isLast || !beatsLost[n])
          steps.push({ at: to + 0.5, run: (now) => bench.follower.beat(beat(bounds[n] as number, to), now) });
      });
      for (const { at, run } of steps.toSorted((a, b) => a.at - b.at)) {
        const now = at * 100;
        run(now);
        const wanted = bench.follower.missing(now);
        if (!wanted) continue;
        for (let position = wanted.after + 1; position <= wanted.through; position++) take(position);
        bench.fetched(wanted.after, wanted.through, entries);
      }
      const rest = bench.follower.missing(1e9);
      for (let position = (rest?.after ?? 0) + 1; rest && position <= rest.through; position++) take(position);
      if (rest) bench.fetched(rest.after, rest.through, entries);
      expect(handled.toSorted((a, b) => a - b)).toEqual(Array.from({ length: entries }, (_, n) => n + 1));
      expect(bench.follower.cursor).toBe(entries);
    }),
    { numRuns: 500 },
  );
});
