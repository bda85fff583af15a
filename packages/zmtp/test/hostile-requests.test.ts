/** Requests and replies that are none. */

import { eventually, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { encodeGreeting, encodeMessage, encodePing, encodeReady } from "../src/codec/index.ts";
import { Router } from "../src/index.ts";
import { Arena } from "./support/arena.ts";
import { everyByte } from "./support/collect.ts";
import { RawPeer } from "./support/raw-peer.ts";

expectNoLeaks();

const message = (...parts: string[]) => encodeMessage(parts.map((part) => Buffer.from(part)));

describe("REP", () => {
  const pieces = [
    message("", "first"),
    encodePing(),
    message("no delimiter"),
    message("a", "b", "c"),
    message(""),
    message("x", ""),
    encodePing(),
    message("way", "back", "", "second", "", "more"),
    message("", ""),
  ];
  const stream = Buffer.concat(pieces);
  const replies = [
    ["", "first"],
    ["way", "back", "", "second", "", "more"],
    ["", ""],
  ];

  test("drops what has no empty frame with something behind it, and answers the rest with its way back", async () => {
    await using arena = await Arena.start("REP");
    await using peer = await RawPeer.ready(arena.address, "REQ");
    peer.write(stream);
    await eventually(() => peer.received.texts.length === replies.length, "the replies");
    expect(peer.received.texts).toEqual(replies);
    expect(arena.cuts).toEqual([]);
  });

  test("does so wherever the stream is cut", async () => {
    await using arena = await Arena.start("REP");
    await using peer = await RawPeer.ready(arena.address, "REQ");
    peer.stream.setNoDelay();
    let due = 0;
    for (const cut of everyByte(stream)) {
      due += replies.length;
      await new Promise((resolve) => peer.stream.write(stream.subarray(0, cut), resolve));
      peer.write(stream.subarray(cut));
      await eventually(() => peer.received.texts.length >= due, `the replies when it is cut at ${cut}`);
      expect(peer.received.texts.slice(-replies.length)).toEqual(replies);
    }
  });

  test("goes on when those it owes a reply are gone", async () => {
    await using arena = await Arena.start("REP");
    for (let n = 0; n < 20; n++) {
      await using peer = await RawPeer.ready(arena.address, "REQ");
      peer.write(stream, stream);
      peer.reset();
    }
    await arena.alone();
  });
});

describe("ROUTER", () => {
  test("sends nothing to a peer that claims the name of another, and the other keeps it", async () => {
    await using arena = await Arena.start("ROUTER");
    const identity = Buffer.from("me");
    await using first = await RawPeer.ready(arena.address, "DEALER", { identity });
    for (let n = 0; n < 5; n++) {
      await using thief = await RawPeer.ready(arena.address, "DEALER", { identity });
      thief.write(message("stolen"));
      await thief.wasCut();
      expect(thief.received.texts).toEqual([]);
    }
    first.write(message("mine"));
    await eventually(() => first.received.texts.length === 1, "the echo");
    expect(first.received.texts).toEqual([["mine"]]);
    await arena.cut("identity-taken", 5);
  });

  test("tells every message by its own peer, though commands stand between them", async () => {
    await using arena = await Arena.start("ROUTER");
    await using peer = await RawPeer.ready(arena.address, "DEALER");
    await using other = await RawPeer.ready(arena.address, "DEALER", { identity: Buffer.from("other") });
    for (const [from, name] of [
      [peer, "peer"],
      [other, "other"],
    ] as const) {
      from.write(message(name, "1"), message(name), encodePing(), message(name, "2"), message(name, ""));
    }
    for (const [from, name] of [
      [peer, "peer"],
      [other, "other"],
    ] as const) {
      await eventually(() => from.received.texts.length === 4, "the echoes");
      expect(from.received.texts).toEqual([[name, "1"], [name], [name, "2"], [name, ""]]);
    }
  });

  test("makes up names that nobody can take before, though identities that begin with 0 are claimed", async () => {
    await using router = new Router({ lingerMs: 0 });
    const address = await router.bind("tcp://127.0.0.1:*");
    const speak = async (identity?: Buffer) => {
      const peer = await RawPeer.ready(address, "DEALER", identity && { identity });
      peer.write(message("hello"));
      return peer;
    };
    await using first = await speak();
    const [name] = await withTimeout(router.receive(), "the first one's name");
    expect(name?.length).toBe(5);
    const claimed = Buffer.from(name as Buffer);
    claimed.writeUInt32BE((claimed.readUInt32BE(1) + 1) >>> 0, 1);
    const identity = claimed;
    await using thief = await RawPeer.to(address);
    thief.write(encodeGreeting(), encodeReady("DEALER", identity), encodePing());
    await Promise.race([thief.command("PONG").catch(() => {}), thief.closed]);
    await using good = await speak();
    const [goodName] = await withTimeout(router.receive(), "a further one's name");
    await router.send([goodName as Buffer, "for the good one"]);
    await eventually(() => good.received.texts.length === 1, "what was sent to the good one");
    expect([first.received.texts, thief.received.texts]).toEqual([[], []]);
  });
});
