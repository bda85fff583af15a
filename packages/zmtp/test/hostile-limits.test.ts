/** Each of `Limits`, and what floods cost. */

import { once } from "node:events";
import { bufferBytes, eventually, expectBuffersAtMost, expectNoLeaks, settled } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import {
  encodeCancel,
  encodeGreeting,
  encodeMessage,
  encodePing,
  encodeReady,
  encodeSubscribe,
} from "../src/codec/index.ts";
import { type CutReason, Dealer, type Limits, type Publisher, Router, Subscriber } from "../src/index.ts";
import { Arena, type TargetType } from "./support/arena.ts";
import { RawPeer } from "./support/raw-peer.ts";

expectNoLeaks();

const sized = (...sizes: number[]) => encodeMessage(sizes.map((size) => Buffer.alloc(size, 0x61)));
const subscribe = (text: string) => encodeSubscribe(Buffer.from(text));
/** SUBSCRIBE as ZMTP 3.0 has it. */
const subscribe30 = (text: string) => encodeMessage([Buffer.from(`\x01${text}`)]);
const numbered = (count: number, make: (text: string) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, n) => make(`topic.${n}`)));

interface Attack {
  readonly target: TargetType;
  readonly as: string;
  readonly limits: Partial<Limits>;
  /** What is allowed, to the last byte. */
  readonly fits: Buffer;
  /** What is too much after that. */
  readonly over: Buffer;
  readonly reason: CutReason;
}

const attacks: readonly (readonly [what: string, attack: Attack])[] = [
  ...(["SUB", "ROUTER", "DEALER"] as const).flatMap((target): [string, Attack][] => {
    const as = target === "SUB" ? "PUB" : "DEALER";
    const limits = { frameBytesMax: 1000, messageBytesMax: 1500, framesMax: 4 };
    const [fits, base] = [sized(1000, 500), { target, as, limits }];
    return [
      [`a frame (${target})`, { ...base, fits, over: sized(1001), reason: "frame-too-large" }],
      [`a message (${target})`, { ...base, fits, over: sized(1000, 501), reason: "message-too-large" }],
      [
        `frames (${target})`,
        { ...base, fits: sized(1, 0, 0, 0), over: sized(1, 0, 0, 0, 0), reason: "too-many-frames" },
      ],
    ];
  }),
  ...(["PUB", "XPUB"] as const).flatMap((target): [string, Attack][] => {
    const base = { target, as: "SUB" };
    const few = { ...base, limits: { subscriptionsMax: 10 }, reason: "too-many-subscriptions" } as const;
    const short = { ...base, limits: { subscriptionBytesMax: 100 }, reason: "subscription-too-long" } as const;
    const slow = {
      ...base,
      limits: { subscriptionsMax: 100, commandsPerSecondMax: 1 },
      reason: "too-many-commands",
    } as const;
    const again = (make: (text: string) => Buffer, count: number) => numbered(count, () => make("same"));
    return [
      [`subscriptions (${target})`, { ...few, fits: numbered(10, subscribe), over: subscribe("more") }],
      [`subscriptions as messages (${target})`, { ...few, fits: numbered(10, subscribe30), over: subscribe30("more") }],
      [
        `a subscription's bytes (${target})`,
        { ...short, fits: subscribe("x".repeat(100)), over: subscribe("x".repeat(101)) },
      ],
      [
        `a subscription's bytes in a message (${target})`,
        { ...short, fits: subscribe30("x".repeat(100)), over: subscribe30("x".repeat(101)) },
      ],
      [`SUBSCRIBEs a second (${target})`, { ...slow, fits: again(subscribe, 10_000), over: again(subscribe, 1000) }],
      [
        `such messages a second (${target})`,
        { ...slow, fits: again(subscribe30, 10_000), over: again(subscribe30, 1000) },
      ],
    ];
  }),
  [
    "PINGs a second",
    {
      target: "ROUTER",
      as: "DEALER",
      limits: { subscriptionsMax: 1, commandsPerSecondMax: 1 },
      fits: numbered(9000, () => encodePing()),
      over: numbered(2000, () => encodePing()),
      reason: "too-many-commands",
    },
  ],
];

describe("a peer over a limit is cut, and no other peer notices", () => {
  test.each(attacks)("%s", async (_, { target, as, limits, fits, over, reason }) => {
    await using arena = await Arena.start(target, { limits });
    await using peer = await RawPeer.ready(arena.address, as);
    peer.write(fits, encodePing(0, Buffer.from("still here?")));
    await peer.command("PONG");
    expect(arena.cuts).toEqual([]);
    peer.write(over);
    await arena.cut(reason);
    await peer.wasCut();
    await arena.alone();
  });

  test("peers: those that are too many are refused, until one goes", async () => {
    await using arena = await Arena.start("PUB", { limits: { peersMax: 3 } });
    await using first = await RawPeer.ready(arena.address, "SUB");
    await using second = await RawPeer.ready(arena.address, "SUB");
    for (let n = 1; n <= 5; n++) {
      await using third = await RawPeer.to(arena.address);
      await third.wasCut();
      await arena.cut("too-many-peers", n);
    }
    first.reset();
    await eventually(() => arena.target.socket.peers === 2, "the end of the first");
    await using fourth = await RawPeer.ready(arena.address, "SUB");
    expect(arena.target.socket.peers).toBe(3);
    expect([second, fourth].some(({ stream }) => stream.destroyed)).toBe(false);
  });

  test("half-open handshakes: those that are too many are refused, until one is done or gone", async () => {
    await using arena = await Arena.start("SUB", { limits: { handshakesMax: 3 } });
    const half = await Promise.all([0, 1, 2].map(() => RawPeer.to(arena.address)));
    for (const peer of half) await eventually(() => peer.stream.bytesRead === 64, "its greeting");
    await using refused = await RawPeer.to(arena.address);
    await refused.wasCut();
    await arena.cut("too-many-handshakes");
    half[0]?.write(encodeGreeting(), encodeReady("PUB"));
    await half[0]?.command("READY");
    await eventually(() => arena.target.socket.peers === 2, "the handshake");
    half[1]?.reset();
    await eventually(async () => {
      const peer = await RawPeer.to(arena.address);
      await Promise.race([peer.closed, eventually(() => peer.stream.bytesRead === 64, "a greeting").catch(() => {})]);
      half.push(peer);
      return peer.stream.bytesRead === 64;
    }, "a further one");
    await Promise.all(half.map((peer) => peer[Symbol.asyncDispose]()));
  });

  test("an identity that is taken", async () => {
    await using arena = await Arena.start("ROUTER");
    const identity = Buffer.from("me");
    await using first = await RawPeer.ready(arena.address, "DEALER", { identity });
    await using second = await RawPeer.ready(arena.address, "DEALER", { identity });
    await arena.cut("identity-taken");
    await second.wasCut();
    await eventually(() => arena.target.socket.peers === 2, "that the second is gone");
    first.write(encodeMessage([Buffer.from("echo")]));
    await eventually(() => first.received.texts.length === 1, "the answer to the first");
    const ofTaken = arena.events.filter(({ type }) => type === "connected" || type === "disconnected").slice(2);
    expect(ofTaken, "told as disconnected, but never as connected").toEqual([]);
  });
});

describe("floods", () => {
  test("SUBSCRIBE and CANCEL in turns leave nothing behind", async () => {
    await using arena = await Arena.start("PUB");
    await using peer = await RawPeer.ready(arena.address, "SUB");
    const turn = Buffer.concat([subscribe("flood"), encodeCancel(Buffer.from("flood"))]);
    for (let n = 0; n < 40; n++) peer.write(Buffer.concat(Array(1000).fill(turn)));
    peer.write(encodePing());
    await peer.command("PONG");
    const publisher = arena.target.socket as Publisher;
    expect(publisher.covers("flood")).toBe(false);
    await arena.goesOn();
  });

  test("PINGs of a peer that does not read its PONGs cost nothing, and do not get it cut", async () => {
    await using arena = await Arena.start("ROUTER", {
      sendBytesMax: 64 * 1024,
      limits: { commandsPerSecondMax: 1e9, subscriptionsMax: 1e9 },
    });
    await using peer = await RawPeer.to(arena.address, { deaf: true });
    peer.write(encodeGreeting(), encodeReady("DEALER"));
    const before = bufferBytes();
    const pings = Buffer.concat(Array(10_000).fill(encodePing(0, Buffer.alloc(16))));
    for (let n = 0; n < 100; n++) if (!peer.stream.write(pings)) await once(peer.stream, "drain");
    await arena.goesOn();
    expect(arena.cuts).toEqual([]);
    await expectBuffersAtMost(before + 8 * 1024 * 1024);
  });

  test.each(["SUB", "DEALER", "ROUTER"] as const)(
    "empty messages that nobody takes hold up their sender, as others do (%s)",
    { timeout: 60_000 },
    async (type) => {
      await using socket = type === "SUB" ? new Subscriber({ receiveBytesMax: 65_536, lingerMs: 0 }) : untaken(type);
      if (socket instanceof Subscriber) socket.subscribe("");
      const address = await socket.bind("tcp://127.0.0.1:*");
      await using peer = await RawPeer.ready(address, type === "SUB" ? "PUB" : "DEALER");
      await eventually(() => socket.peers === 1, "the handshake");
      const empties = Buffer.alloc(64 * 1024);
      for (let n = 0; n < 64; n++) peer.write(empties);
      await settled(() => peer.stream.writableLength, 300);
      peer.reset(); // What the kernel holds is gone with it.
      expect(await countTaken(socket)).toBeLessThan(200_000);
    },
  );

  /** How many messages wait in a socket. */
  async function countTaken(socket: Subscriber | Router | Dealer): Promise<number> {
    for (let count = 0; ; ) {
      const nothing = new AbortController();
      const batch = socket.receiveBatch({ signal: nothing.signal }).catch(() => []);
      setImmediate(() => nothing.abort());
      const { length } = await batch;
      if (length === 0) return count;
      count += length;
    }
  }

  const untaken = (type: TargetType) => {
    const options = { receiveBytesMax: 65_536, lingerMs: 0 };
    return type === "ROUTER" ? new Router(options) : new Dealer(options);
  };
});

describe("a PING with a TTL", () => {
  test("and then silence: the peer is cut after the TTL", async () => {
    await using arena = await Arena.start("PUB");
    await using peer = await RawPeer.ready(arena.address, "SUB");
    await arena.goesOn(100); // The handshake is long past: nothing else looks at the clock.
    peer.write(encodePing(300));
    await peer.command("PONG");
    const from = performance.now();
    await arena.cut("heartbeat-timeout");
    await peer.wasCut();
    expect(performance.now() - from).toBeGreaterThan(150);
    expect(performance.now() - from).toBeLessThan(2000);
  });

  test("whatever else comes in time keeps the connection, and a later PING with 0 lifts the TTL", async () => {
    await using arena = await Arena.start("PUB");
    await using peer = await RawPeer.ready(arena.address, "SUB");
    peer.write(encodePing(500));
    const keep = setInterval(() => peer.write(subscribe("again")), 100);
    await arena.goesOn(400);
    clearInterval(keep);
    peer.write(encodePing(0));
    await arena.goesOn(400);
    expect(arena.cuts).toEqual([]);
  });

  test("a peer that does not answer our PINGs is cut", async () => {
    await using arena = await Arena.start("PUB", { heartbeatMs: 100, heartbeatTimeoutMs: 300 });
    await using peer = await RawPeer.ready(arena.address, "SUB");
    await peer.command("PING");
    await arena.cut("heartbeat-timeout");
    await peer.wasCut();
    await arena.goesOn();
  });
});
