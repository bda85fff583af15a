/** Peers that come, send what they may, go, and come again, while nobody takes what they sent. */

import { once } from "node:events";
import { eventually, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { encodeGreeting, encodeMessage, encodePing, encodeReady } from "../src/codec/index.ts";
import { Dealer, type MonitorEvent, type ReceivingSocket, Router, Subscriber } from "../src/index.ts";
import { RawPeer } from "./support/raw-peer.ts";

expectNoLeaks();

const receiveBytesMax = 16 * 1024;
/** What one visitor sends: as much as one may leave. */
const messages = Array.from({ length: 16 }, (_, n) => encodeMessage([Buffer.alloc(1024, n)]));
const types = { Dealer, Router, Subscriber };
const asTheOther = { Dealer: "DEALER", Router: "DEALER", Subscriber: "PUB" };

/** Takes so many messages. */
async function taken(socket: ReceivingSocket, count: number): Promise<number> {
  let got = 0;
  while (got < count) got += (await withTimeout(socket.receiveBatch(), `message ${got} of ${count}`)).length;
  return got;
}

describe.each(["Dealer", "Router", "Subscriber"] as const)("a %s that nobody reads", (name) => {
  test("keeps what four visitors left at most; others wait at the door, and nothing is lost", async () => {
    const events: MonitorEvent[] = [];
    const count = (type: MonitorEvent["type"]) => events.filter((event) => event.type === type).length;
    await using socket = new types[name]({ receiveBytesMax, lingerMs: 0, onEvent: (event) => void events.push(event) });
    if (socket instanceof Subscriber) socket.subscribe("");
    const address = await socket.bind("tcp://127.0.0.1:*");
    await using resident = await RawPeer.ready(address, asTheOther[name]);
    const visit = async () => {
      const peer = await RawPeer.to(address);
      peer.write(encodeGreeting(), encodeReady(asTheOther[name]), ...messages);
      peer.stream.end();
      return peer;
    };
    for (let n = 1; n <= 4; n++) {
      await (await visit()).wasCut();
      await eventually(() => count("disconnected") === n, "that it is gone");
    }
    const visitors = [];
    for (let n = 0; n < 20; n++) visitors.push(await visit());
    resident.write(encodePing());
    await resident.command("PONG");
    expect(count("connected"), "the resident, and the first four").toBe(5);
    expect(await taken(socket, 24 * 16)).toBe(24 * 16);
    for (const visitor of visitors) await visitor.wasCut();
    await eventually(() => socket.peers === 1, "that they are gone");
    expect(count("connected")).toBe(25);
    expect(count("cut")).toBe(0);
  });
});

test("a socket that connects waits likewise, and goes on when something was taken", async () => {
  const events: MonitorEvent[] = [];
  const count = (type: MonitorEvent["type"]) => events.filter((event) => event.type === type).length;
  const body = Buffer.alloc(receiveBytesMax / 2, 1); // One that has left all it may is not read from: nor is its end.
  await using dealer = new Dealer({ receiveBytesMax, lingerMs: 0, onEvent: (event) => void events.push(event) });
  const closing: Promise<void>[] = [];
  for (let n = 0; n < 10; n++) {
    const other = new Dealer({ lingerMs: 10_000 });
    const address = await other.bind("tcp://127.0.0.1:*");
    closing.push(other.send([String(n), body]).then(() => other.close()));
    dealer.connect(address);
    if (n < 8) await eventually(() => count("disconnected") === n + 1, "that it is gone");
    if (n < 8) dealer.disconnect(address);
  }
  await using incoming = await RawPeer.to(await dealer.bind("tcp://127.0.0.1:*"));
  await once(incoming.stream, "data"); // By now the last two could be there as well.
  expect(count("connected"), "those that are gone").toBe(8);
  const came: string[] = [];
  while (came.length < 10) came.push(String((await withTimeout(dealer.receive(), "a message"))[0]));
  expect(came.sort()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  await withTimeout(Promise.all(closing), "the others");
});

test("a handshake that waited at the door is given its time from then on", async () => {
  const handshakeMs = 300;
  const events: MonitorEvent[] = [];
  const onEvent = (event: MonitorEvent) => void events.push(event);
  await using dealer = new Dealer({ receiveBytesMax: 1, handshakeMs, onEvent });
  const address = await dealer.bind("tcp://127.0.0.1:*");
  await using leaving = await RawPeer.ready(address, "DEALER");
  leaving.write(encodeMessage([Buffer.from("left")]));
  leaving.stream.end();
  await leaving.wasCut();
  await eventually(() => events.some(({ type }) => type === "disconnected"), "that it is gone");
  await using waiting = await RawPeer.to(address);
  await using resident = await RawPeer.to(address);
  const from = performance.now();
  await eventually(() => performance.now() - from > 2 * handshakeMs, "the time of a handshake to be over");
  expect([waiting, resident].some(({ stream }) => stream.destroyed)).toBe(false);
  waiting.write(encodeGreeting(), encodeReady("DEALER"));
  expect(String((await dealer.receive())[0])).toBe("left");
  await waiting.command("READY");
  await resident.wasCut();
  expect(events.filter(({ type }) => type === "cut")).toMatchObject([{ reason: "handshake-timeout" }]);
});
