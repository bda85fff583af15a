import { eventually, expectNoLeaks, settled, toFrames } from "@fedmsg/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Arrival } from "./arrival.ts";
import type { Taker } from "./feed.ts";
import { holdUpMs, Inlet, type InletBounds, Patience } from "./inlet.ts";

expectNoLeaks();

const origin = { name: "app", endpoint: "tcp://127.0.0.1:3000" };

function arrival(n: number, topic = "t"): Arrival {
  return new Arrival(toFrames(topic, `{"topic":"${topic}","i":${n}}`), origin, 1000);
}

function numberOf({ decoded }: Arrival): number {
  return decoded.valid ? (decoded.message.i as number) : Number.NaN;
}

/** A subscription that takes one message each time that it is told to read. */
class Reader implements Taker {
  readonly prefixes = [""];
  readonly taken: number[] = [];
  readonly told: number[] = [];
  readonly failures: unknown[] = [];
  isCatchingUp = false;
  #release: (() => void) | undefined;
  #isReading = true;

  wants(): boolean {
    return true;
  }

  take(message: Arrival): Promise<void> | undefined {
    this.taken.push(numberOf(message));
    if (this.#isReading) return undefined;
    return new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** From the next message on it is full each time, until it reads. */
  stop(): void {
    this.#isReading = false;
  }

  readOne(): void {
    this.#release?.();
    this.#release = undefined;
  }

  readOn(): void {
    this.#isReading = true;
    this.readOne();
  }

  connected(): void {}

  missed(count: number): void {
    this.told.push(count);
  }

  fail(error: unknown): void {
    this.failures.push(error);
  }
}

function open(bounds: Partial<InletBounds> = {}): [inlet: Inlet, reader: Reader] {
  const reader = new Reader();
  return [new Inlet(reader, { messagesMax: 10, weightMax: 1_000_000, patience: new Patience(), ...bounds }), reader];
}

describe("an inlet", () => {
  test("passes messages on at once while there is room", () => {
    const [inlet, reader] = open();
    for (let n = 0; n < 50; n++) expect(inlet.offer(arrival(n))).toBeUndefined();
    expect(reader.taken).toEqual(Array.from({ length: 50 }, (_, n) => n));
    inlet.close();
  });

  test.each([
    ["messages", { messagesMax: 3 }],
    ["bytes", { weightMax: 3 * arrival(0).weight }],
  ])("has whoever reads the sockets wait where there are too many %s, until half is free", async (_, bounds) => {
    const [inlet, reader] = open(bounds);
    reader.stop();
    expect([0, 1, 2].map((n) => inlet.offer(arrival(n)))).toEqual([undefined, undefined, undefined]);
    let hasRoom = false;
    const room = inlet.offer(arrival(3))?.then(() => {
      hasRoom = true;
    });
    await new Promise(setImmediate);
    expect(hasRoom).toBe(false);
    reader.readOne();
    await new Promise(setImmediate);
    expect(hasRoom, "half of it must be free").toBe(false);
    reader.readOn();
    await room;
    await inlet.emptied();
    expect(reader.taken).toEqual([0, 1, 2, 3]);
    expect(inlet.dropped).toBe(0);
    inlet.close();
  });

  test("holds up for half a second in all, misses what comes then, and nothing any more once half is free", async () => {
    const [inlet, reader] = open();
    reader.stop();
    let next = 0;
    const startedAt = performance.now();
    // It reads one message now and then, which must not begin it anew.
    const reading = setInterval(() => reader.readOne(), 150);
    while (performance.now() - startedAt < 3 * holdUpMs && inlet.dropped === 0) await inlet.offer(arrival(next++));
    clearInterval(reading);
    const ms = performance.now() - startedAt;
    expect(ms).toBeGreaterThan(holdUpMs * 0.9);
    expect(ms).toBeLessThan(holdUpMs * 1.8);
    for (let n = 0; n < 5; n++) expect(inlet.offer(arrival(next++)), "nobody waits").toBeUndefined();
    expect(inlet.dropped).toBe(6);
    while (inlet.waiting > 6) {
      reader.readOne();
      await new Promise(setImmediate);
    }
    inlet.offer(arrival(next++));
    expect(inlet.dropped, "still").toBe(7);
    reader.readOne();
    await eventually(() => inlet.waiting === 5, "half is free");
    expect(inlet.offer(arrival(1000))).toBeUndefined();
    reader.readOn();
    await inlet.emptied();
    expect(inlet.dropped).toBe(7);
    expect(reader.taken.at(-1)).toBe(1000);
    await eventually(() => reader.told.length > 0, "it is told");
    inlet.close();
    expect(reader.told.reduce((sum, count) => sum + count, 0)).toBe(7);
  });

  test("holds up no longer where another one did, so that a publisher does not give us up", async () => {
    const patience = new Patience();
    const all = [0, 1, 2].map(() => open({ messagesMax: 1, patience }));
    const startedAt = performance.now();
    for (const [inlet, reader] of all) {
      reader.stop();
      for (let n = 0; n < 3; n++) await inlet.offer(arrival(n));
      expect(inlet.dropped).toBe(1);
      inlet.close();
    }
    expect(performance.now() - startedAt).toBeLessThan(holdUpMs * 1.8);
  });

  test("waits for a reader that is at work, however long that takes", async () => {
    const [inlet, reader] = open({ messagesMax: 4 });
    reader.stop();
    for (let n = 0; n < 4; n++) inlet.offer(arrival(n));
    const room = inlet.offer(arrival(4));
    const busyUntil = performance.now() + 1.5 * holdUpMs;
    while (performance.now() < busyUntil) {
      const turnEnd = performance.now() + 20;
      while (performance.now() < turnEnd);
      await new Promise(setImmediate);
    }
    reader.readOn();
    await room;
    for (let n = 5; n < 100; n++) await inlet.offer(arrival(n));
    await inlet.emptied();
    expect(inlet.dropped).toBe(0);
    expect(reader.taken).toHaveLength(100);
    inlet.close();
  });

  test("of a subscription that catches up holds up nobody", async () => {
    const [inlet, reader] = open();
    reader.isCatchingUp = true;
    reader.stop();
    for (let n = 0; n < 30; n++) expect(inlet.offer(arrival(n))).toBeUndefined();
    reader.readOn();
    await inlet.emptied();
    expect(reader.taken).toEqual(Array.from({ length: 11 }, (_, n) => n));
    expect(inlet.dropped).toBe(19);
    inlet.close();
  });

  test("does not count heartbeats that were missed", () => {
    const [inlet, reader] = open({ messagesMax: 1 });
    reader.isCatchingUp = true;
    reader.stop();
    for (let n = 0; n < 3; n++) inlet.offer(arrival(n));
    for (let n = 0; n < 3; n++) inlet.offer(arrival(n, "_heartbeat.x"));
    expect(inlet.dropped).toBe(1);
    inlet.close();
  });

  test("lets go of who waits when it is closed, and forgets what waits", async () => {
    const [inlet, reader] = open({ messagesMax: 1 });
    reader.stop();
    inlet.offer(arrival(0));
    const room = inlet.offer(arrival(1));
    inlet.close();
    await room;
    reader.readOn();
    await inlet.emptied();
    inlet.offer(arrival(2));
    expect(reader.taken).toEqual([0]);
  });

  test("of a subscription that throws says so to it, and to nobody else", async () => {
    const [inlet, reader] = open();
    const error = new Error("not today");
    reader.take = () => Promise.reject(error);
    expect(inlet.offer(arrival(0))).toBeUndefined();
    await eventually(() => reader.failures.length > 0, "it is told");
    const [other, throwing] = open();
    throwing.take = () => {
      throw error;
    };
    expect(other.offer(arrival(0))).toBeUndefined();
    expect([reader.failures, throwing.failures]).toEqual([[error], [error]]);
  });

  test("gives in order, each once, and has counted whatever it did not give, whenever there is room", async () => {
    const step = fc.constantFrom("offer", "offer", "offer", "read", "stop", "turn", "go on");
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 1, max: 8 }),
        async (steps, messagesMax) => {
          const [inlet, reader] = open({ messagesMax });
          reader.isCatchingUp = true; // No test of seconds.
          let offered = 0;
          for (const what of steps) {
            if (what === "offer") inlet.offer(arrival(offered++));
            else if (what === "read") reader.readOne();
            else if (what === "stop") reader.stop();
            else if (what === "turn") await new Promise(setImmediate);
            else reader.readOn();
            expect(inlet.waiting).toBeLessThanOrEqual(messagesMax);
          }
          reader.readOn();
          await inlet.emptied();
          expect(await settled(() => reader.taken.length, 0)).toBe(offered - inlet.dropped);
          expect(reader.taken).toEqual([...new Set(reader.taken)].sort((a, b) => a - b));
          inlet.close();
        },
      ),
      { numRuns: 200 },
    );
  });
});
