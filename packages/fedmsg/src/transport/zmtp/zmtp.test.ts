import { once } from "node:events";
import { connect } from "node:net";
import { eventually, Sockets, toFrames, transportCompliance } from "@fedmsg/testkit";
import { expect, test } from "vitest";
import { parseAddress } from "../address.ts";
import type { SocketEvent } from "../transport.ts";
import { createZmtpTransport } from "./index.ts";

transportCompliance("zmtp", () => createZmtpTransport(), {
  resolvesHosts: true,
  boundsPeersByBytes: true,
  buffersBetween: true,
  countsEveryLoss: true,
});

test("strangers that speak something else are told of, not each one by itself, and harm nobody", async () => {
  const events: SocketEvent[] = [];
  await using sockets = new Sockets(createZmtpTransport());
  const [publisher, address] = await sockets.listening({ onEvent: (event) => void events.push(event) });
  const inbox = sockets.inbox(address);
  await publisher.subscribed();
  const { host, port } = parseAddress(address, "connect") as { host: string; port: number };
  for (let n = 0; n < 5; n++) {
    const stranger = connect({ host, port });
    stranger.write("GET / HTTP/1.1\r\n\r\n");
    await once(stranger.resume(), "close");
  }
  await publisher.send(toFrames("a", "still here"));
  expect(await inbox.bodies(1)).toEqual(["still here"]);
  const told = events.filter((event) => event.type === "cut");
  expect(told.length).toBeLessThan(5);
  expect(told[0]).toMatchObject({ address, count: 1, detail: expect.stringContaining("bad-greeting") });
});

test("peersMax and subscriptionsMax bound what others may cost", async () => {
  const events: SocketEvent[] = [];
  await using sockets = new Sockets(createZmtpTransport());
  const [publisher, address] = await sockets.listening({
    peersMax: 1,
    subscriptionsMax: 2,
    onEvent: (event) => void events.push(event),
  });
  const inbox = sockets.inbox(address, { prefixes: ["a", "b"] });
  await publisher.subscribed("b");
  const { host, port } = parseAddress(address, "connect") as { host: string; port: number };
  await once(connect({ host, port }).resume(), "close");
  expect(events).toContainEqual(
    expect.objectContaining({ type: "cut", detail: expect.stringContaining("too-many-peers") }),
  );
  await publisher.send(toFrames("a", "still here"));
  expect(await inbox.bodies(1)).toEqual(["still here"]);
  inbox.socket.subscribe("c");
  await eventually(() => events.some(({ type }) => type === "disconnected"), "the greedy one is cut");
});
