/** Crashes at random moments, generation after generation: what a file says is enough to go on. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type Noted, Progress } from "./progress.ts";
import type { LoadedStatus } from "./status-file.ts";

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All that was ever sent, and how often each was done. */
class World {
  readonly sent: Noted[] = [];
  readonly done = new Map<string, number>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  send(): Noted {
    const n = this.sent.length;
    const timestamp = Math.floor(Date.now() / 1000) - Math.floor(this.#random() * 40);
    const message = { i: n, msg: {}, msg_id: `id-${n}`, timestamp, topic: "org.test.x" } as Noted["message"];
    const noted = { topic: message.topic, message, body: Buffer.from(JSON.stringify(message)) };
    this.sent.push(noted);
    return noted;
  }

  finish(progress: Progress, noted: Noted): void {
    progress.done(noted);
    const id = String(noted.message.msg_id);
    this.done.set(id, (this.done.get(id) ?? 0) + 1);
  }

  /** What history gives a progress that was just opened, the oldest first. */
  missedBy(progress: Progress, loaded: LoadedStatus): Noted[] {
    const copies = this.sent.map((noted) => ({ ...noted, message: { ...noted.message } }));
    return copies
      .filter(({ message }) => (message.timestamp as number) >= loaded.since)
      .sort((a, b) => (a.message.timestamp as number) - (b.message.timestamp as number))
      .filter((noted) => !progress.isKnown(noted));
  }
}

test("no message that began is lost by a crash, and none is done twice", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = randomOf(seed);
    const world = new World(random);
    let loaded: LoadedStatus | undefined;
    for (let generation = 0; generation < 6; generation++) {
      const progress = new Progress(loaded);
      const missed = loaded ? world.missedBy(progress, loaded) : [];
      if (missed.length === 0) progress.fetched();
      const inHand: Noted[] = [];
      const isLast = generation === 5;
      for (let step = 0; step < 60 || (isLast && (missed.length > 0 || inHand.length > 0)); step++) {
        const [next] = missed;
        if (next && random() < 0.4) {
          missed.shift();
          progress.gave(next);
          progress.began(next);
          inHand.push(next);
          if (missed.length === 0) progress.fetched();
        } else if (step < 60 && random() < 0.4) {
          const noted = world.send();
          progress.began(noted);
          inHand.push(noted);
        } else if (inHand.length > 0) {
          const [noted] = inHand.splice(Math.floor(random() * inHand.length), 1);
          world.finish(progress, noted as Noted);
        }
      }
      const status = progress.describe();
      loaded = status && { ...status, msgId: undefined };
    }
    const counts = world.sent.map(({ message }) => world.done.get(String(message.msg_id)) ?? 0);
    expect(
      counts.filter((count) => count !== 1),
      `seed ${seed}`,
    ).toEqual([]);
  }
});

test("what is done behind one that is in hand is not kept in memory, whatever its order", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const world = new World(randomOf(7));
  const progress = new Progress(undefined);
  const first = world.send();
  progress.began(first);
  const count = 2000;
  const kept = Array.from({ length: count }, () => {
    const noted = world.send();
    progress.began(noted);
    return new WeakRef(noted.message);
  });
  const random = randomOf(8);
  for (const noted of world.sent.slice(1).toSorted(() => random() - 0.5)) progress.done(noted);
  const last = world.sent.at(-1) as Noted;
  world.sent.length = 0;
  expect(progress.describe()).toMatchObject({ status: "pre", inHand: 1, message: { body: String(first.body) } });
  return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    collectGarbage();
    expect(kept.filter((message) => message.deref() !== undefined).length).toBeLessThan(5);
    progress.done(first);
    expect(progress.describe()).toMatchObject({ status: "post", inHand: 0, message: { body: String(last.body) } });
  });
});
