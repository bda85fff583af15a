import type { SocketEvent } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { Inbox, Sockets, toFrames } from "../sockets.ts";
import { codeOf, eventually, withTimeout } from "../waiting.ts";
import type { MakeTransport } from "./traits.ts";

/** What a publisher does while nobody is there to hear it. */
export function waitingCases(makeTransport: MakeTransport): void {
  test("subscribed() waits until somebody subscribes, and answers at once from then on", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const order: string[] = [];
    const waiting = publisher.subscribed().then(() => order.push("subscribed"));
    order.push("connecting");
    sockets.inbox(address);
    await withTimeout(waiting, "the subscription");
    expect(order).toEqual(["connecting", "subscribed"]);
    await publisher.subscribed();
    await publisher.subscribed("any.topic");
  });

  test("subscribed(topic) wants a subscription to a prefix of that topic", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const inbox = sockets.inbox(address, { prefixes: ["a.ü"] });
    await Promise.all([publisher.subscribed(), publisher.subscribed("a.ü"), publisher.subscribed("a.über")]);
    expect(await codeOf(publisher.subscribed("a.", AbortSignal.timeout(30)))).toBe("FEDMSG_ABORTED");
    const waiting = publisher.subscribed("b.1");
    inbox.socket.subscribe("b.");
    await withTimeout(waiting, "the second subscription");
    inbox.socket.unsubscribe("b.");
    await eventually(
      async () => (await codeOf(publisher.subscribed("b.1", AbortSignal.timeout(5))).catch(() => "")) !== "",
      "the subscription taken back",
    );
  });

  test("subscribed() ends with the signal or with the socket", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher] = await sockets.listening();
    const controller = new AbortController();
    const aborted = codeOf(publisher.subscribed("a", controller.signal));
    const closed = codeOf(publisher.subscribed());
    controller.abort();
    expect(await aborted).toBe("FEDMSG_ABORTED");
    expect(await codeOf(publisher.subscribed("a", controller.signal))).toBe("FEDMSG_ABORTED");
    await publisher.close();
    expect(await closed).toBe("FEDMSG_CLOSED");
  });

  test("subscribed() of a socket that was closed rejects, even if somebody had subscribed", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher] = await sockets.pair();
    await publisher.close();
    expect(await codeOf(publisher.subscribed())).toBe("FEDMSG_CLOSED");
  });

  test("what nobody has subscribed to is sent and gone", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    for (let n = 0; n < 10; n++) await withTimeout(publisher.send(toFrames("a", `gone ${n}`)), "sending to nobody");
    const inbox = sockets.inbox(address);
    await publisher.subscribed();
    await publisher.send(toFrames("a", "heard"));
    expect(await inbox.bodies(1)).toEqual(["heard"]);
    expect(publisher.dropped).toBe(0);
  });

  test("awaitSubscriber: messages wait for the first subscriber, in order", async () => {
    await using sockets = new Sockets(makeTransport());
    const address = await sockets.freeAddress();
    const publisher = sockets.publisher({ awaitSubscriber: true, sendTimeoutMs: 10_000, reconnectMs: 10 });
    publisher.connect(address);
    const numbers = Array.from({ length: 1500 }, (_, n) => String(n));
    const sent = Promise.all(numbers.map((n) => publisher.send(toFrames("n", n))));
    const inbox = new Inbox(sockets.subscriber());
    inbox.socket.subscribe("");
    await inbox.socket.bind(address);
    expect(await inbox.bodies(numbers.length)).toEqual(numbers);
    await sent;
  });

  test("awaitSubscriber: messages wait again when the only subscriber has gone, until another comes", async () => {
    await using sockets = new Sockets(makeTransport());
    const [first, address] = await sockets.boundInbox();
    const publisher = sockets.publisher({ awaitSubscriber: true, reconnectMs: 10 });
    publisher.connect(address);
    const message = first.bodies(1);
    await withTimeout(publisher.send(toFrames("a", "1")), "the first message");
    expect(await message).toEqual(["1"]);
    await first.socket.close();
    await eventually(
      async () => (await codeOf(publisher.subscribed("", AbortSignal.timeout(5))).catch(() => "")) !== "",
      "the subscriber gone",
    );
    const numbers = Array.from({ length: 1500 }, (_, n) => String(n));
    const sent = Promise.all(numbers.map((n) => publisher.send(toFrames("n", n))));
    const second = new Inbox(sockets.subscriber());
    second.socket.subscribe("");
    await second.socket.bind(address);
    expect(await second.bodies(numbers.length)).toEqual(numbers);
    await sent;
  });

  test("awaitSubscriber: a message that has waited for sendTimeoutMs is given up, later ones are not", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening({ awaitSubscriber: true, sendTimeoutMs: 400 });
    const first = codeOf(publisher.send(toFrames("a", "late")));
    const began = performance.now();
    expect(await first).toBe("FEDMSG_TIMEOUT");
    expect(performance.now() - began).toBeGreaterThan(350);
    const second = publisher.send(toFrames("a", "in time"));
    const inbox = sockets.inbox(address);
    await withTimeout(second, "the second message");
    expect(await inbox.bodies(1)).toEqual(["in time"]);
  });

  test("awaitSubscriber: how long messages have waited is told every second", async () => {
    await using sockets = new Sockets(makeTransport());
    const events: SocketEvent[] = [];
    const [publisher, address] = await sockets.listening({
      awaitSubscriber: true,
      onEvent: (event) => void events.push(event),
    });
    const sent = publisher.send(toFrames("a", "1"));
    await eventually(() => events.length > 0, "a `waiting` event");
    const [event] = events;
    expect(event).toMatchObject({ type: "waiting", address });
    expect(event?.type === "waiting" && event.ms).toBeGreaterThanOrEqual(1000);
    sockets.inbox(address);
    await withTimeout(sent, "the message");
  });

  test("the signal takes back a message that waits, and none but that", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening({ awaitSubscriber: true });
    const controller = new AbortController();
    const first = publisher.send(toFrames("a", "first"));
    const taken = codeOf(publisher.send(toFrames("a", "taken back"), controller.signal));
    const last = publisher.send(toFrames("a", "last"), new AbortController().signal);
    controller.abort();
    expect(await taken).toBe("FEDMSG_ABORTED");
    expect(await codeOf(publisher.send(toFrames("a", "never"), controller.signal))).toBe("FEDMSG_ABORTED");
    const inbox = sockets.inbox(address);
    await withTimeout(Promise.all([first, last]), "the other messages");
    expect(await inbox.bodies(2)).toEqual(["first", "last"]);
  });

  test("queueBytesMax bounds what waits; one message always fits, and messages given up make room", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening({ awaitSubscriber: true, queueBytesMax: 1000 });
    const controller = new AbortController();
    const large = publisher.send(toFrames("a", "L".repeat(5000)));
    expect(await codeOf(publisher.send(toFrames("a", "no room")))).toBe("FEDMSG_QUEUE_FULL");
    let inbox = sockets.inbox(address);
    await withTimeout(large, "the large message");
    expect(await inbox.bodies(1)).toEqual(["L".repeat(5000)]);
    await inbox.socket.close();
    await eventually(
      async () => (await codeOf(publisher.subscribed("", AbortSignal.timeout(5))).catch(() => "")) !== "",
      "the subscriber gone",
    );
    const waits = publisher.send(toFrames("a", "w".repeat(500)));
    const taken = codeOf(publisher.send(toFrames("a", "x".repeat(400)), controller.signal));
    expect(await codeOf(publisher.send(toFrames("a", "y".repeat(400))))).toBe("FEDMSG_QUEUE_FULL");
    controller.abort();
    expect(await taken).toBe("FEDMSG_ABORTED");
    const fits = publisher.send(toFrames("a", "z".repeat(400)));
    inbox = sockets.inbox(address);
    await withTimeout(Promise.all([waits, fits]), "what waits");
    expect(await inbox.bodies(2)).toEqual(["w".repeat(500), "z".repeat(400)]);
  });

  test("holdMs keeps early messages for a subscriber that is just connecting, and holds nobody up", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening({ holdMs: 1000 });
    const began = performance.now();
    for (let n = 0; n < 100; n++) await publisher.send(toFrames("n", String(n)));
    expect(performance.now() - began).toBeLessThan(500);
    const inbox = sockets.inbox(address);
    expect(await inbox.bodies(100)).toEqual(Array.from({ length: 100 }, (_, n) => String(n)));
    expect(performance.now() - began).toBeGreaterThan(900);
  });
}
