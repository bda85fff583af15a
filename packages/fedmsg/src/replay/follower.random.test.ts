/**
 * A follower in thousands of random histories: messages lost, late and given back, heartbeats lost, repeated and forged, pages on
 * their way meanwhile, restarts. Nothing is lost, nothing is handled twice, and what is sure is never more than what is handled.
 */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf, digestOfAll } from "./beat-log.ts";
import { createMemoryCursors } from "./cursors.ts";
import { Follower } from "./follower.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { Ledger } from "./ledger.ts";

const journal = "0f8fad5b-d9cb-469f-a165-70867728950e";
const isOurs = (position: number) => position % 3 !== 0;
const keyOf = (position: number) => Buffer.from(position.toString(16).padStart(16, "0"), "hex");
const textOf = (position: number) => keyOf(position).toString("latin1");

interface Page {
  readonly after: number;
  readonly through: number;
  readonly head: number;
  readonly askedAt: number;
  readonly positions: readonly number[];
  taken: number;
}

/** A publisher, its journal, a way that loses, and a subscriber. */
class History {
  readonly #store = createMemoryCursors();
  readonly #said = new Map<number, Heartbeat>();
  readonly handled = new Map<number, number>();
  #ledger = new Ledger(this.#store);
  #follower = this.#begin(0);
  #queue: number[] = [];
  #page: Page | undefined;
  #wanted = 0;
  #now = 0;
  head = 0;
  #listed = 0;
  /** What a restart begins with. */
  sure = 0;

  #begin(cursor: number): Follower {
    return new Follower({
      journal,
      cursor,
      ledger: this.#ledger,
      matches: (topic) => topic === "ours",
      onSure: (position) => {
        this.sure = position;
      },
    });
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  publish(arrives: boolean): void {
    this.head++;
    if (arrives) this.#see(this.head);
  }

  #see(position: number): void {
    if (isOurs(position) && this.#ledger.see(textOf(position))) this.#queue.push(position);
  }

  /** A heartbeat lists what was not listed yet, and perhaps gets lost. */
  beat(arrives: boolean): void {
    if (this.#listed === this.head) return;
    const heartbeat = listing(this.#listed, this.head, (position) => position);
    this.#said.set(this.head, heartbeat);
    this.#listed = this.head;
    if (arrives) this.#follower.beat(heartbeat, this.#now);
  }

  repeat(which: number): void {
    const heartbeat = [...this.#said.values()][which % Math.max(1, this.#said.size)];
    if (heartbeat) this.#follower.beat(heartbeat, this.#now);
  }

  idle(): void {
    this.#follower.beat(
      { journal, from: this.#listed, to: this.#listed, topics: new Map(), digest: digestOf("") },
      this.#now,
    );
  }

  /** Somebody lists keys that are not ours, or were handled, or never will be. */
  forge(ahead: number, count: number, kind: number): void {
    const from = Math.max(0, this.#follower.known + ahead);
    const keys = [() => 3, () => 1, (position: number) => position + 1_000_000] as const;
    const heartbeat = listing(from, from + count, keys[kind % 3] as (position: number) => number);
    this.#follower.beat({ ...heartbeat, digest: digestOf(`forged ${from} ${count} ${kind}`) }, this.#now);
  }

  /** The next message in the queue is handled, or cannot be. */
  settle(fails: boolean): void {
    const position = this.#queue.shift();
    if (position === undefined) return;
    if (fails) {
      this.#ledger.release(textOf(position));
      return;
    }
    this.handled.set(position, (this.handled.get(position) ?? 0) + 1);
    void this.#store.handle(textOf(position));
    this.#ledger.handled(textOf(position));
  }

  /** The fetch goes on by a step: it asks, takes some of a page, or is done with it. */
  fetch(most: number): void {
    const missing = this.#page ? undefined : this.#follower.missing(this.#now);
    if (missing) this.#ask(missing.after, missing.through);
    const page = this.#page;
    if (!page || missing) return;
    const next = page.positions.slice(page.taken, page.taken + most);
    page.taken += next.length;
    for (const position of next) this.#see(position);
    if (page.taken < page.positions.length) return;
    this.#page = undefined;
    const { after, through, head, askedAt } = page;
    // The next one is asked for before this one is noted.
    if (through < Math.min(this.#wanted, head) && through > after) this.#ask(through, this.#wanted);
    this.#follower.fetched({ after, through, head, askedAt, keys: page.positions.map(textOf) });
  }

  #ask(after: number, wanted: number): void {
    const through = Math.max(Math.min(this.head, after + 5), Math.min(after, this.head));
    const positions = Array.from({ length: Math.max(0, through - after) }, (_, n) => after + 1 + n).filter(isOurs);
    this.#wanted = wanted;
    this.#page = { after, through, head: this.head, askedAt: this.#now, positions, taken: 0 };
  }

  /** The journal is asked whether it said what was heard. */
  check(): void {
    const { doubt } = this.#follower;
    if (!doubt || this.#page) return;
    const beats = [...this.#said.values()].filter(({ from, to }) => from >= doubt.from && to <= doubt.to);
    const isWhole = beats[0]?.from === doubt.from && beats.at(-1)?.to === doubt.to;
    if (isWhole && digestOfAll(beats) === doubt.digest) this.#follower.assure(doubt.to);
    else {
      this.#follower.distrust();
      if (this.head > this.#follower.seenTo) this.#ask(this.#follower.seenTo, this.head);
    }
  }

  restart(): void {
    this.#page = undefined;
    this.#queue = [];
    this.#ledger = new Ledger(this.#store);
    this.#follower = this.#begin(this.sure);
    if (this.head > this.sure) this.#ask(this.sure, this.head);
  }

  /** Everything that is there has time to come. */
  quiet(): void {
    for (let n = 0; n < 400; n++) {
      this.pass(1000);
      this.beat(true);
      this.idle();
      this.fetch(5);
      this.settle(false);
      if (n % 10 === 0) this.check();
    }
  }
}

function listing(from: number, to: number, keyAt: (position: number) => number): Heartbeat {
  const topics = new Map<string, Buffer[]>();
  for (let position = from + 1; position <= to; position++) {
    const key = keyAt(position);
    const topic = isOurs(key) ? "ours" : "other";
    topics.set(topic, [...(topics.get(topic) ?? []), keyOf(key)]);
  }
  return { journal, from, to, topics, digest: digestOf(`${from} ${to}`) };
}

const step = fc.oneof(
  { weight: 25, arbitrary: fc.boolean().map((arrives) => (history: History) => history.publish(arrives)) },
  { weight: 12, arbitrary: fc.boolean().map((arrives) => (history: History) => history.beat(arrives)) },
  { weight: 4, arbitrary: fc.nat(20).map((which) => (history: History) => history.repeat(which)) },
  { weight: 20, arbitrary: fc.nat(3).map((n) => (history: History) => history.settle(n === 0)) },
  { weight: 25, arbitrary: fc.nat(5).map((most) => (history: History) => history.fetch(most + 1)) },
  { weight: 15, arbitrary: fc.nat(800).map((ms) => (history: History) => history.pass(ms)) },
  { weight: 3, arbitrary: fc.constant((history: History) => history.idle()) },
  { weight: 3, arbitrary: fc.constant((history: History) => history.check()) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: 1, max: 6 }), fc.nat(2)).map(
      ([ahead, count, kind]) =>
        (history: History) =>
          history.forge(ahead, count, kind),
    ),
  },
  { weight: 1, arbitrary: fc.constant((history: History) => history.restart()) },
);

test("every message for us is handled once, and nothing is sure that is not", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), (steps) => {
      const history = new History();
      for (const run of steps) {
        run(history);
        for (let position = 1; position <= history.sure; position++) {
          if (isOurs(position)) expect(history.handled.get(position)).toBe(1);
        }
      }
      history.quiet();
      for (let position = 1; position <= history.head; position++) {
        if (isOurs(position)) expect(history.handled.get(position)).toBe(1);
      }
      expect(history.sure).toBe(history.head);
    }),
    { numRuns: 1000 },
  );
});
