import type { SocketEvent } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { Sockets, sayUntilHeard, toFrames, toTexts } from "../sockets.ts";
import { codeOf, settled, withTimeout } from "../waiting.ts";
import type { MakeTransport, TransportTraits } from "./traits.ts";

const stallMs = 300;

/** What a subscriber that does not read does to the others (DESIGN.md, decision 6). */
export function pressureCases(makeTransport: MakeTransport, traits: TransportTraits): void {
  /** With a mark of 10 messages, so many of these are more than whatever lies between publisher and subscriber holds. */
  const bodyBytes = traits.buffersBetween ? 100_000 : 1000;
  const messages = 300;
  const highWaterMark = 10;
  const bodyOf = (n: number) => String(n).padStart(bodyBytes, "0");
  const numbered = (n: number) => toFrames("n", bodyOf(n));

  test("a full subscriber holds everybody up for stallMs, then loses alone, counted and told", async () => {
    await using sockets = new Sockets(makeTransport());
    const events: SocketEvent[] = [];
    const [publisher, address] = await sockets.listening({
      highWaterMark,
      stallMs,
      onEvent: (event) => void events.push(event),
    });
    const idle = sockets.inbox(address, { highWaterMark, prefixes: ["n", "idle"] });
    const reading = sockets.inbox(address, { prefixes: ["n", "reading"] });
    await Promise.all([publisher.subscribed("idle"), publisher.subscribed("reading")]);

    const pauses: number[] = [];
    for (let n = 0; n < messages; n++) {
      const began = performance.now();
      await withTimeout(publisher.send(numbered(n)), `sending message ${n}`);
      pauses.push(performance.now() - began);
      expect(await reading.bodies(1), "the subscriber that reads gets everything").toEqual([bodyOf(n)]);
    }
    const heldUp = pauses.filter((ms) => ms > stallMs * 0.9);
    expect(heldUp, "held up once, and not again while the subscriber is behind").toHaveLength(1);
    expect(publisher.dropped).toBeGreaterThan(0);

    expect(publisher.dropped).toBeLessThan(messages);
    const lost = publisher.dropped;
    const kept = await sayUntilHeard(publisher, idle, "idle"); // It reads again, and gets what is new.
    expect(kept.map(toTexts), "what it had room for, in order").toEqual(kept.map((_, n) => ["n", bodyOf(n)]));
    if (traits.countsEveryLoss) expect(kept).toHaveLength(messages - lost);
    await publisher.drain();
    const told = events.filter((event) => event.type === "dropped");
    expect(told.every((event) => event.address === address)).toBe(true);
    expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(publisher.dropped);
  });

  test("stallMs Infinity: a full subscriber is waited for, and nothing is lost", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair({ highWaterMark, stallMs: Number.POSITIVE_INFINITY });
    let sent = 0;
    const all = Array.from({ length: messages }, async (_, n) => {
      await publisher.send(numbered(n));
      sent++;
    });
    const heldUpAt = await settled(() => sent, stallMs * 2);
    expect(heldUpAt).toBeGreaterThanOrEqual(highWaterMark);
    expect(heldUpAt).toBeLessThan(messages);
    expect(await inbox.bodies(messages)).toEqual(Array.from({ length: messages }, (_, n) => bodyOf(n)));
    await Promise.all(all);
    expect(publisher.dropped).toBe(0);
  });

  test("sendTimeoutMs ends the wait for room, too; messages behind it are sent when there is room again", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair({
      highWaterMark,
      stallMs: Number.POSITIVE_INFINITY,
      sendTimeoutMs: 200,
    });
    const outcomes = await Promise.allSettled(Array.from({ length: messages }, (_, n) => publisher.send(numbered(n))));
    const sent = outcomes.filter(({ status }) => status === "fulfilled").length;
    expect(sent).toBeLessThan(messages);
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
    expect(new Set(refused)).toEqual(new Set(["FEDMSG_TIMEOUT"]));
    expect(await inbox.bodies(sent)).toEqual(Array.from({ length: sent }, (_, n) => bodyOf(n)));
    expect(await sayUntilHeard(publisher, inbox)).toEqual([]);
  });

  test("close() rejects what waits for a full subscriber", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher] = await sockets.pair({ highWaterMark, stallMs: Number.POSITIVE_INFINITY, lingerMs: 0 });
    let sent = 0;
    const codes = Array.from({ length: messages }, (_, n) =>
      publisher.send(numbered(n)).then(
        () => `sent ${sent++}`,
        (error: { code: string }) => error.code,
      ),
    );
    await settled(() => sent);
    await publisher.close();
    expect(await codes.at(-1)).toBe("FEDMSG_CLOSED");
    await Promise.all(codes);
  });

  if (traits.boundsPeersByBytes) {
    test("a subscriber is full at queueBytesMax, whatever the count; one message always fits", async () => {
      await using sockets = new Sockets(makeTransport());
      const size = traits.buffersBetween ? 30_000_000 : 5000;
      const queueBytesMax = 1000;
      const [publisher, address] = await sockets.listening({
        stallMs: Number.POSITIVE_INFINITY,
        ...(traits.buffersBetween && { queueBytesMax }), // In memory there is one queue, the subscriber's.
      });
      const inbox = sockets.inbox(address, { queueBytesMax });
      await publisher.subscribed();
      await publisher.send([Buffer.from("a"), Buffer.alloc(size)]);
      const waiting = publisher.send(toFrames("a", "small"));
      const controller = new AbortController();
      const aborted = codeOf(publisher.send(toFrames("a", "x"), controller.signal));
      controller.abort();
      expect(await aborted).toBe("FEDMSG_ABORTED");
      expect((await inbox.next())[1]).toHaveLength(size);
      await withTimeout(waiting, "the small message");
      expect(await inbox.bodies(1)).toEqual(["small"]);
    });
  }
}
