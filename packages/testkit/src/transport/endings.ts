import { expect, test } from "vitest";
import { Sockets, toFrames } from "../sockets.ts";
import { codeOf, withTimeout } from "../waiting.ts";
import type { MakeTransport } from "./traits.ts";

/** `drain()` and `close()`. */
export function endingCases(makeTransport: MakeTransport): void {
  test("drain() delivers everything that was accepted, then the socket is closed", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair();
    const numbers = Array.from({ length: 5000 }, (_, n) => String(n));
    const sent = Promise.all(numbers.map((n) => publisher.send(toFrames("n", n))));
    const drained = Promise.all([publisher.drain(), publisher.drain()]);
    expect(await inbox.bodies(numbers.length)).toEqual(numbers);
    await withTimeout(Promise.all([sent, drained]), "the end");
    expect(await codeOf(publisher.send(toFrames("n", "late")))).toBe("FEDMSG_CLOSED");
    await publisher.drain();
    await publisher.close();
  });

  test("what drain() left on its way arrives, though the subscriber reads it later", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair({ lingerMs: 10_000 });
    // More than libzmq's queue at the reader and the kernel hold together; the rest waits in the publisher's.
    const messages = 1900;
    const body = Buffer.alloc(16 * 1024);
    for (let n = 0; n < messages; n++) await publisher.send([Buffer.from(String(n)), body]);
    await withTimeout(publisher.drain(), "the end");
    const topics = (await inbox.take(messages)).map(([topic]) => String(topic));
    expect(topics).toEqual(Array.from({ length: messages }, (_, n) => String(n)));
  });

  test("drain() keeps what holdMs held until it is due", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening({ holdMs: 300 });
    await publisher.send(toFrames("a", "held"));
    const drained = publisher.drain();
    expect(await sockets.inbox(address).bodies(1)).toEqual(["held"]);
    await drained;
  });

  test("close() sends what holdMs held at once, and may be called twice", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair({ holdMs: 60_000 });
    for (let n = 0; n < 100; n++) await publisher.send(toFrames("n", String(n)));
    await withTimeout(Promise.all([publisher.close(), publisher.close()]), "the end");
    expect(await inbox.bodies(100)).toEqual(Array.from({ length: 100 }, (_, n) => String(n)));
    await publisher.close();
  });

  test("close() rejects what waits for a first subscriber, and what is sent afterwards", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher] = await sockets.listening({ awaitSubscriber: true });
    const waiting = [codeOf(publisher.send(toFrames("a", "1"))), codeOf(publisher.send(toFrames("a", "2")))];
    await withTimeout(publisher.close(), "the end");
    expect(await Promise.all(waiting)).toEqual(["FEDMSG_CLOSED", "FEDMSG_CLOSED"]);
    expect(await codeOf(publisher.send(toFrames("a", "3")))).toBe("FEDMSG_CLOSED");
  });

  test("close() cuts a drain() short", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher] = await sockets.listening({ awaitSubscriber: true });
    const waiting = codeOf(publisher.send(toFrames("a", "1")));
    const drained = publisher.drain();
    await withTimeout(publisher.close(), "the end");
    expect(await waiting).toBe("FEDMSG_CLOSED");
    await withTimeout(drained, "the drain");
  });

  test("a subscriber that is closed answers with nothing, to who waits and to who asks later", async () => {
    await using sockets = new Sockets(makeTransport());
    const [, inbox] = await sockets.pair();
    const waiting = inbox.socket.receive();
    await withTimeout(Promise.all([inbox.socket.close(), inbox.socket.close()]), "the end");
    expect(await withTimeout(waiting, "the pending receive")).toEqual([]);
    expect(await inbox.socket.receive()).toEqual([]);
    await inbox.socket.close();
  });

  test("sockets that were never used can be closed", async () => {
    await using sockets = new Sockets(makeTransport());
    const publisher = sockets.publisher();
    const subscriber = sockets.subscriber();
    await withTimeout(Promise.all([publisher.drain(), subscriber.close()]), "the end");
    expect(await subscriber.receive()).toEqual([]);
  });
}
