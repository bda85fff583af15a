/** Connections that end, stall or vanish at a bad moment. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { bufferBytes, eventually, expectBuffersAtMost, expectNoLeaks, settled } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { peerTypes } from "../fuzz/targets.mjs";
import { encodeGreeting, encodeMessage, encodeReady, encodeSubscribe } from "../src/codec/index.ts";
import { Publisher, Subscriber } from "../src/index.ts";
import { Arena, type TargetType } from "./support/arena.ts";
import { RawPeer } from "./support/raw-peer.ts";

const everyType: readonly TargetType[] = ["PUB", "XPUB", "SUB", "ROUTER", "REP", "DEALER"];
const everything = encodeSubscribe(Buffer.alloc(0));
const mebibyte = 2 ** 20;

expectNoLeaks();

/** What a peer of a target says, from its first byte on. */
function conversation(type: TargetType): Buffer {
  const traffic =
    type === "PUB" || type === "XPUB" ? everything : encodeMessage([Buffer.alloc(0), Buffer.alloc(3000, 1)]);
  return Buffer.concat([encodeGreeting(), encodeReady(peerTypes[type]), traffic, traffic]);
}

/** The same numbers each time, from 0 to 1. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe.each(everyType)("%s that listens", (type) => {
  test.each(["tcp", "ipc"])(
    "goes on after 200 connections that end at any moment (%s)",
    { timeout: 60_000 },
    async (scheme) => {
      const path = `ipc:///tmp/zmtp-hostile-${process.pid}-${type}`;
      await using arena = await Arena.start(type, {}, scheme === "ipc" ? path : undefined);
      const bytes = conversation(type);
      const dice = random(42);
      const roll = () => dice.next().value;
      const one = async () => {
        await using peer = await RawPeer.to(arena.address);
        peer.write(bytes.subarray(0, Math.floor(roll() * (bytes.length + 1))));
        if (roll() < 0.3) await new Promise((resolve) => peer.stream.write("", resolve));
        const how = roll();
        if (how < 0.3) peer.reset();
        else if (how < 0.6) peer.stream.destroy();
        else peer.stream.end();
        await peer.closed;
      };
      const many = async () => {
        for (let n = 0; n < 20; n++) await one();
      };
      await Promise.all(Array.from({ length: 10 }, many));
      await arena.alone();
    },
  );

  test("goes on after a RST in the midst of a message", async () => {
    await using arena = await Arena.start(type);
    await using peer = await RawPeer.to(arena.address);
    peer.write(conversation(type).subarray(0, -1));
    await eventually(() => arena.target.socket.peers === 2, "the handshake");
    peer.reset();
    await arena.alone();
    await eventually(() => arena.events.some(({ type }) => type === "disconnected"), "the loss");
    expect(arena.cuts).toEqual([]);
  });

  test("lets a peer go that has ended its side in the midst of a message", async () => {
    await using arena = await Arena.start(type);
    await using peer = await RawPeer.to(arena.address, { allowHalfOpen: true });
    peer.write(conversation(type).subarray(0, -1));
    await eventually(() => arena.target.socket.peers === 2, "the handshake");
    peer.stream.end();
    await arena.alone();
    await eventually(() => peer.stream.readableEnded, "the other end");
  });

  test("lets a peer go that has ended its side before its greeting was whole", async () => {
    await using arena = await Arena.start(type, { limits: { handshakesMax: 2 } });
    for (let n = 0; n < 10; n++) {
      await using peer = await RawPeer.to(arena.address, { allowHalfOpen: true });
      peer.write(conversation(type).subarray(0, 6 * n));
      peer.stream.end();
      await eventually(() => peer.stream.readableEnded || peer.stream.destroyed, "the other end");
    }
    expect(arena.cuts).toEqual([]);
  });
});

describe("a subscriber that never reads", () => {
  const sendBytesMax = 4 * mebibyte;
  const body = Buffer.alloc(64 * 1024, 1);

  /** Publishes so many MiB, and counts what a good subscriber gets. */
  async function publish(publisher: Publisher, good: Subscriber, messages: number): Promise<number> {
    let got = 0;
    const reading = (async () => {
      while (got < messages) got += (await good.receiveBatch()).length;
    })();
    for (let n = 0; n < messages; n++) await publisher.send(["t", String(n), body]);
    await reading;
    return got;
  }

  test.each([0, 50])(
    "loses what does not fit, counted; others get all; memory stays (stallMs %i)",
    { timeout: 60_000 },
    async (stallMs) => {
      await using publisher = new Publisher({ sendBytesMax, stallMs, lingerMs: 0 });
      const address = await publisher.bind("tcp://127.0.0.1:*");
      await using good = new Subscriber();
      good.subscribe("t");
      good.connect(address);
      await publisher.subscribed("t");
      await using deaf = await RawPeer.to(address, { deaf: true });
      deaf.write(encodeGreeting(), encodeReady("SUB"), encodeSubscribe(Buffer.from("t")));
      await eventually(() => publisher.peers === 2, "the deaf one");
      await publish(publisher, good, 16);
      const before = bufferBytes();
      const messages = 3000;
      expect(await publish(publisher, good, messages)).toBe(messages);
      expect(publisher.dropped).toBeGreaterThan(messages / 2);
      await expectBuffersAtMost(before + sendBytesMax + 32 * mebibyte);
      expect(publisher.peers).toBe(2);
    },
  );

  test("small messages that it does not read do not keep large buffers", { timeout: 60_000 }, async () => {
    await using publisher = new Publisher({ sendBytesMax, stallMs: 0, lingerMs: 0 });
    const address = await publisher.bind("tcp://127.0.0.1:*");
    await using good = new Subscriber();
    good.subscribe("");
    good.connect(address);
    await publisher.subscribed("");
    const deaf = await Promise.all(Array.from({ length: 20 }, () => RawPeer.to(address, { deaf: true })));
    for (const [n, peer] of deaf.entries()) {
      peer.write(encodeGreeting(), encodeReady("SUB"), encodeSubscribe(Buffer.from(`t${n}.`)));
    }
    await eventually(() => deaf.every((_, n) => publisher.covers(`t${n}.`)), "the deaf ones");
    const before = bufferBytes();
    const messages = 4000;
    let got = 0;
    const reading = (async () => {
      while (got < messages) got += (await good.receiveBatch()).length;
    })();
    const small = Buffer.alloc(16 * 1024);
    for (let n = 0; n < messages; n++) await publisher.send([`t${n % 20}.`, small]);
    await reading;
    await expectBuffersAtMost(before + 20 * sendBytesMax + 32 * mebibyte);
    await Promise.all(deaf.map((peer) => peer[Symbol.asyncDispose]()));
  });

  test("corrupts nobody else's messages", { timeout: 60_000 }, async () => {
    await using publisher = new Publisher({ sendBytesMax: 64 * mebibyte, stallMs: 0, lingerMs: 0 });
    const address = await publisher.bind("tcp://127.0.0.1:*");
    await using good = new Subscriber();
    good.subscribe("y", "both");
    good.connect(address);
    await using deaf = await RawPeer.to(address, { deaf: true });
    const wishes = ["deaf", "both"].map((prefix) => encodeSubscribe(Buffer.from(prefix)));
    deaf.write(encodeGreeting(), encodeReady("SUB"), ...wishes);
    await Promise.all([publisher.subscribed("y"), publisher.subscribed("deaf")]);
    for (let n = 0; n < 8; n++) publisher.trySend(["deaf", Buffer.alloc(2 * mebibyte, 1)]); // Its write is under way from here on.
    const [small, large] = [Buffer.alloc(100, "y"), Buffer.alloc(1000, "y")];
    const rounds = 320;
    const taken = (async () => {
      for (let both = 0; both < rounds; ) {
        for (const [topic, body] of await good.receiveBatch()) {
          expect(
            body?.every((byte) => byte === body[0]),
            String(topic),
          ).toBe(true);
          if (String(topic) === "both") both++;
        }
      }
    })();
    for (let n = 0; n < rounds; n++) {
      publisher.trySend(["deaf", small]);
      publisher.trySend(["y", small]);
      await nextTurn();
      publisher.trySend(["both", Buffer.alloc(100, "b")]);
      for (let k = 0; k < 200; k++) publisher.trySend(["y", large]);
      await nextTurn();
    }
    await taken;
  });

  test("that has ended its side is let go, though much waits for it", { timeout: 60_000 }, async () => {
    await using publisher = new Publisher({ sendBytesMax, stallMs: 0, lingerMs: 0 });
    const address = await publisher.bind("tcp://127.0.0.1:*");
    await using deaf = await RawPeer.to(address, { deaf: true, allowHalfOpen: true });
    deaf.write(encodeGreeting(), encodeReady("SUB"), everything);
    await publisher.subscribed();
    while (publisher.dropped === 0) await publisher.send(["t", body]);
    await settled(() => deaf.stream.bytesRead);
    deaf.stream.end();
    await eventually(() => publisher.peers === 0, "that it is let go");
  });

  test("does not keep close() from ending", async () => {
    const publisher = new Publisher({ sendBytesMax, stallMs: 0, lingerMs: 200 });
    const address = await publisher.bind("tcp://127.0.0.1:*");
    await using deaf = await RawPeer.to(address, { deaf: true });
    deaf.write(encodeGreeting(), encodeReady("SUB"), everything);
    await publisher.subscribed();
    while (publisher.dropped === 0) await publisher.send(["t", body]);
    const from = performance.now();
    await publisher.close();
    expect(performance.now() - from).toBeLessThan(2000);
  });
});
