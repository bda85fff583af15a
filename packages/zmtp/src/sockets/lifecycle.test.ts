/** How sockets end: by `close()`, by a signal, twice, and what they leave behind. */

import { getEventListeners } from "node:events";
import { codeOf, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { Dealer, Publisher, Reply, Request, Router, Subscriber, XPublisher, XSubscriber } from "../index.ts";

expectNoLeaks();

const types = { Dealer, Publisher, Reply, Request, Router, Subscriber, XPublisher, XSubscriber };

describe.each(Object.entries(types))("a %s", (_, Type) => {
  test("ends with its signal, frees its address, and leaves nothing at the signal", async () => {
    const controller = new AbortController();
    const socket = new Type({ signal: controller.signal });
    const address = await socket.bind("tcp://127.0.0.1:*");
    const events = socket.events({ signal: controller.signal });
    controller.abort();
    expect(socket.closed).toBe(true);
    await socket.close();
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    const other = new Type();
    expect(await other.bind(address)).toBe(address);
    await Promise.all([other.close(), other.close()]);
    expect(await codeOf(other.bind(address))).toBe("ZMTP_CLOSED");
  });

  test("that is made with a signal that has fired is closed", async () => {
    const socket = new Type({ signal: AbortSignal.abort() });
    await withTimeout(socket.close(), "the end");
    expect(() => socket.connect("tcp://127.0.0.1:9")).toThrow("closed");
  });

  test("that is closed by hand leaves nothing at its signal", async () => {
    const { signal } = new AbortController();
    const socket = new Type({ signal });
    await socket.events({ signal }).return?.();
    await socket.close();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

test("whoever waits hears of the end", async () => {
  const [subscriber, dealer, publisher, reply] = [new Subscriber(), new Dealer(), new Publisher(), new Reply()];
  const waiting = [
    codeOf(subscriber.receive()),
    codeOf(dealer.send("x")),
    codeOf(publisher.subscribed()),
    codeOf(reply.receive()),
  ];
  const batch = subscriber.receiveBatch();
  await Promise.all([subscriber, dealer, publisher, reply].map((socket) => socket.close()));
  expect(await Promise.all(waiting)).toEqual(["ZMTP_CLOSED", "ZMTP_CLOSED", "ZMTP_CLOSED", "ZMTP_CLOSED"]);
  expect(await batch).toEqual([]);
});

test("a wait that a signal ended is taken back, and leaves nothing at the signal", async () => {
  const [subscriber, dealer, publisher] = [new Subscriber(), new Dealer(), new Publisher()];
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = [
    codeOf(subscriber.receive({ signal })),
    codeOf(dealer.send("x", { signal })),
    codeOf(publisher.subscribed("a", { signal })),
  ];
  controller.abort();
  expect(await Promise.all(waiting)).toEqual(["ZMTP_ABORTED", "ZMTP_ABORTED", "ZMTP_ABORTED"]);
  const router = new Router();
  dealer.connect(await router.bind("tcp://127.0.0.1:*"));
  await dealer.send("y");
  expect(String((await router.receive())[1])).toBe("y");
  expect(getEventListeners(signal, "abort")).toEqual([]);
  await Promise.all([subscriber, dealer, publisher, router].map((socket) => socket.close()));
});
