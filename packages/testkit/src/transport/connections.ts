import type { SocketEvent } from "fedmsg/plugin";
import { describe, expect, test } from "vitest";
import { Inbox, Sockets, sayUntilHeard, toFrames } from "../sockets.ts";
import { anyAddress } from "../test-config.ts";
import { codeOf, eventually, withTimeout } from "../waiting.ts";
import type { MakeTransport, TransportTraits } from "./traits.ts";

/** Addresses that no socket may take, and what only a socket that listens may take. */
const invalidAddresses = [
  "",
  "127.0.0.1:2003",
  "http://127.0.0.1:2003",
  "tcp://",
  "tcp://127.0.0.1",
  "tcp://127.0.0.1:",
  "tcp://127.0.0.1:99999",
  "tcp://127.0.0.1:-1",
  "tcp://127.0.0.1:http",
  "tcp://two words:2003",
  "tcp://::1:2003",
  "ipc://",
];
const bindAddresses = ["tcp://*:2003", "tcp://127.0.0.1:*", "tcp://127.0.0.1:0"];

/** Finding each other, losing each other, and addresses. */
export function connectionCases(makeTransport: MakeTransport, traits: TransportTraits): void {
  test("a subscriber may connect before anybody listens", async () => {
    await using sockets = new Sockets(makeTransport());
    const address = await sockets.freeAddress();
    const inbox = sockets.inbox(address, { reconnectMs: 10 });
    const publisher = sockets.publisher();
    expect(await publisher.bind(address)).toBe(address);
    await withTimeout(publisher.subscribed(), "the subscription");
    await publisher.send(toFrames("a", "1"));
    expect(await inbox.bodies(1)).toEqual(["1"]);
  });

  test("a wildcard port is told as the port that was taken", async () => {
    await using sockets = new Sockets(makeTransport());
    const publisher = sockets.publisher();
    const one = await publisher.bind(anyAddress);
    const two = await publisher.bind("tcp://127.0.0.1:0");
    const [, three] = await sockets.boundInbox();
    for (const address of [one, two, three]) expect(address).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d{3,4}$/);
    expect(new Set([one, two, three]).size).toBe(3);
    const inbox = sockets.inbox(two);
    await withTimeout(publisher.subscribed(), "the subscription");
    await publisher.send(toFrames("a", "through the second"));
    expect(await inbox.bodies(1)).toEqual(["through the second"]);
  });

  test("a subscriber comes back to an address that was closed and is bound again", async () => {
    await using sockets = new Sockets(makeTransport());
    const [first, address] = await sockets.listening();
    const inbox = sockets.inbox(address, { reconnectMs: 10 });
    for (const publisher of [first, sockets.publisher(), sockets.publisher()]) {
      const message = inbox.bodies(1);
      if (publisher !== first) await publisher.bind(address);
      await withTimeout(publisher.subscribed(), "the subscription");
      await publisher.send(toFrames("a", "heard"));
      expect(await message).toEqual(["heard"]);
      await publisher.close();
    }
  });

  test("a publisher comes back to a subscriber that was closed and listens again", async () => {
    await using sockets = new Sockets(makeTransport());
    const [first, address] = await sockets.boundInbox();
    const publisher = sockets.publisher({ reconnectMs: 10, awaitSubscriber: true });
    publisher.connect(address);
    const message = first.bodies(1);
    await withTimeout(publisher.send(toFrames("a", "1")), "the first message");
    expect(await message).toEqual(["1"]);
    await first.socket.close();
    const second = new Inbox(sockets.subscriber());
    second.socket.subscribe("");
    await second.socket.bind(address);
    await sayUntilHeard(publisher, second);
  });

  test("a subscriber tells of each connection and each loss, naming the address", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const events: SocketEvent[] = [];
    sockets.inbox(address, { reconnectMs: 10, onEvent: (event) => void events.push(event) });
    const count = (type: string) => events.filter((event) => event.type === type && event.address === address).length;
    await eventually(() => count("connected") === 1, "connected");
    await publisher.close();
    await eventually(() => count("disconnected") === 1, "disconnected");
    await sockets.publisher().bind(address);
    await eventually(() => count("connected") === 2, "connected again");
    expect(events).toHaveLength(3);
  });

  test("a subscriber that listens tells who came and went, too", async () => {
    await using sockets = new Sockets(makeTransport());
    const events: SocketEvent[] = [];
    const [, address] = await sockets.boundInbox({ onEvent: (event) => void events.push(event) });
    const publisher = sockets.publisher();
    publisher.connect(address);
    await eventually(() => events.length === 1, "connected");
    await publisher.close();
    await eventually(() => events.length === 2, "disconnected");
    expect(events).toEqual([
      { type: "connected", address },
      { type: "disconnected", address },
    ]);
  });

  describe("an address that is wrong is refused before use", () => {
    test.each([...invalidAddresses, ...bindAddresses])("to connect: %j", async (address) => {
      await using sockets = new Sockets(makeTransport());
      for (const socket of [sockets.publisher(), sockets.subscriber()]) {
        expect(await codeOf((async () => socket.connect(address))())).toBe("FEDMSG_ADDRESS_INVALID");
      }
    });

    test.each(invalidAddresses)("to listen: %j", async (address) => {
      await using sockets = new Sockets(makeTransport());
      for (const socket of [sockets.publisher(), sockets.subscriber()]) {
        expect(await codeOf(socket.bind(address))).toBe("FEDMSG_ADDRESS_INVALID");
      }
    });
  });

  test("an address that is in use is refused, and is free again when its socket is closed", async () => {
    await using sockets = new Sockets(makeTransport());
    const [first, address] = await sockets.listening();
    const second = sockets.publisher();
    expect(await codeOf(second.bind(address))).toBe("FEDMSG_ADDRESS_IN_USE");
    expect(await codeOf(sockets.subscriber().bind(address))).toBe("FEDMSG_ADDRESS_IN_USE");
    await first.close();
    expect(await second.bind(address)).toBe(address);
  });

  // In memory every host is the same place.
  if (traits.resolvesHosts) unresolvedCases(makeTransport);
}

function unresolvedCases(makeTransport: MakeTransport): void {
  const nowhere = "tcp://no-such-host.invalid:2003";

  test("a host that does not resolve is told and asked for again, and disturbs no other connection", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const events: SocketEvent[] = [];
    const onEvent = (event: SocketEvent) => void (event.type === "unresolved" && events.push(event));
    const inbox = sockets.inbox([nowhere, address], { reconnectMs: 5, onEvent });
    await withTimeout(publisher.subscribed(), "the subscription");
    await publisher.send(toFrames("a", "1"));
    expect(await inbox.bodies(1)).toEqual(["1"]);
    await eventually(() => events.length >= 3, "three events");
    expect(events[0]).toMatchObject({ type: "unresolved", address: nowhere });
    expect(events[0]).toHaveProperty("detail", expect.stringContaining("no-such-host.invalid"));
    await publisher.send(toFrames("a", "2"));
    expect(await inbox.bodies(1)).toEqual(["2"]);
    inbox.socket.disconnect(nowhere);
  });

  test("a name that resolves is connected to, and can be disconnected from", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const named = address.replace("127.0.0.1", "localhost");
    const inbox = sockets.inbox(named);
    await withTimeout(publisher.subscribed(), "the subscription");
    await publisher.send(toFrames("a", "1"));
    expect(await inbox.bodies(1)).toEqual(["1"]);
    inbox.socket.disconnect(named);
    const none = inbox.socket.receive();
    await eventually(
      async () => (await codeOf(publisher.subscribed("", AbortSignal.timeout(5))).catch(() => "")) !== "",
      "the subscription gone",
    );
    await inbox.socket.close();
    expect(await none).toEqual([]);
  });
}
