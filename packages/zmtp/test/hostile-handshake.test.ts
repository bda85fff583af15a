/** What comes before, and instead of, a handshake. */

import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { peerTypes } from "../fuzz/targets.mjs";
import {
  encodeCommand,
  encodeError,
  encodeGreeting,
  encodeMessage,
  encodePing,
  encodeReady,
  encodeSubscribe,
} from "../src/codec/index.ts";
import type { CutReason } from "../src/index.ts";
import { Arena, type TargetType } from "./support/arena.ts";
import { hex } from "./support/collect.ts";
import { RawPeer, readyOf } from "./support/raw-peer.ts";

const everyType: readonly TargetType[] = ["PUB", "XPUB", "SUB", "ROUTER", "REP", "DEALER"];
const greeting = encodeGreeting();

expectNoLeaks();

describe.each(everyType)("%s that listens", (type) => {
  const ready = encodeReady(peerTypes[type]);
  const attacks: readonly (readonly [what: string, bytes: Buffer, reason: CutReason])[] = [
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"), "bad-greeting"],
    ["a TLS hello", hex("160301020001 0001fc 0303 00112233445566778899"), "bad-greeting"],
    ["zeros", Buffer.alloc(100), "bad-greeting"],
    ["a greeting of ZMTP 1.0", hex("01 00"), "old-version"],
    ["a greeting of ZMTP 2.0", hex("ff 0000000000000001 7f 01 02 00 00"), "old-version"],
    ["PLAIN", encodeGreeting({ mechanism: "PLAIN" }), "mechanism"],
    ["CURVE as a server", encodeGreeting({ mechanism: "CURVE", asServer: true }), "mechanism"],
    ["no mechanism", encodeGreeting({ mechanism: "" }), "mechanism"],
    ["a READY without a socket type", Buffer.concat([greeting, readyOf(["Identity", "x"])]), "socket-type"],
    ["an empty READY", Buffer.concat([greeting, readyOf()]), "socket-type"],
    ["a socket type that does not fit", Buffer.concat([greeting, encodeReady("PAIR")]), "socket-type"],
    [
      "a socket type of 4000 bytes",
      Buffer.concat([greeting, readyOf(["Socket-Type", "S".repeat(4000)])]),
      "socket-type",
    ],
    ["a READY that is cut short", Buffer.concat([greeting, encodeCommand("READY", hex("0b 536f63"))]), "bad-command"],
    ["a READY of 64 KiB and more", Buffer.concat([greeting, readyOf(["X", "x".repeat(65_536)])]), "bad-command"],
    [
      "an identity of 256 bytes",
      Buffer.concat([greeting, readyOf(["Socket-Type", peerTypes[type]], ["Identity", "i".repeat(256)])]),
      "bad-command",
    ],
    ["a READY that comes twice", Buffer.concat([greeting, ready, ready]), "bad-command"],
    ["a message before READY", Buffer.concat([greeting, encodeMessage([Buffer.from("early")])]), "bad-command"],
    ["a SUBSCRIBE before READY", Buffer.concat([greeting, encodeSubscribe(Buffer.alloc(0))]), "bad-command"],
    ["a PING before READY", Buffer.concat([greeting, encodePing()]), "bad-command"],
    ["an unknown command before READY", Buffer.concat([greeting, encodeCommand("HELLO")]), "bad-command"],
    ["a command without a name", Buffer.concat([greeting, ready, hex("04 00")]), "bad-command"],
    ["a PING without a TTL", Buffer.concat([greeting, ready, encodeCommand("PING")]), "bad-command"],
    ["reserved flags", Buffer.concat([greeting, ready, hex("08 00")]), "bad-frame"],
    ["a command with MORE", Buffer.concat([greeting, ready, hex("05 05 04 50494e47")]), "bad-frame"],
    ["a claim of 2^63 bytes", Buffer.concat([greeting, ready, hex("02 8000000000000000")]), "frame-too-large"],
  ];

  test("cuts each peer that breaks the protocol, for its reason, and its good peer misses nothing", async () => {
    for (const [what, bytes, reason] of attacks) {
      await using arena = await Arena.start(type);
      await using peer = await RawPeer.to(arena.address);
      peer.write(bytes);
      await arena.cut(reason).catch((error: Error) => expect.unreachable(`${what}: ${error.message}`));
      await peer.wasCut();
      await arena.alone();
      expect(arena.cuts, what).toHaveLength(1);
    }
  });

  test("cuts them as well when their bytes come one by one", async () => {
    await using arena = await Arena.start(type);
    for (const [, bytes] of attacks.filter((attack) => attack[1].length < 300)) {
      await using peer = await RawPeer.to(arena.address);
      peer.stream.setNoDelay();
      for (const byte of bytes) {
        if (peer.stream.writable) await new Promise((resolve) => peer.stream.write(Buffer.of(byte), resolve));
      }
      await peer.wasCut();
    }
    await arena.alone();
  });

  test("tells a peer that refuses with ERROR, and goes on", async () => {
    await using arena = await Arena.start(type);
    await using peer = await RawPeer.to(arena.address);
    peer.write(greeting, encodeError("go away"));
    await peer.wasCut();
    await eventually(() => arena.events.some(({ type }) => type === "refused"), "the refusal");
    expect(arena.events.find(({ type }) => type === "refused")).toMatchObject({ detail: "go away" });
    expect(arena.cuts).toEqual([]);
  });

  test("answers a wrong socket type with ERROR before it ends the connection", async () => {
    await using arena = await Arena.start(type);
    await using peer = await RawPeer.to(arena.address);
    peer.write(greeting, encodeReady("PAIR"));
    await peer.wasCut();
    expect(peer.commands).toEqual(["READY", "ERROR"]);
  });

  test("takes a READY in pieces, with unknown, oversized and repeated properties", async () => {
    await using arena = await Arena.start(type);
    await using peer = await RawPeer.to(arena.address);
    const own = ["Socket-Type", peerTypes[type]] as const;
    const bytes = readyOf(["X-Any", "x".repeat(10_000)], ["X-Any", ""], own, own, ["socket-TYPE", peerTypes[type]]);
    peer.stream.setNoDelay();
    peer.write(greeting, bytes.subarray(0, 7));
    await peer.command("READY");
    peer.write(bytes.subarray(7));
    await eventually(() => arena.target.socket.peers === 2, "the handshake");
    expect(arena.cuts).toEqual([]);
  });

  test("passes over unknown commands after the handshake, as libzmq does, and answers PING", async () => {
    await using arena = await Arena.start(type);
    await using peer = await RawPeer.ready(arena.address, peerTypes[type]);
    peer.write(encodeCommand("HELLO", Buffer.alloc(300)), encodeCommand("JOIN", Buffer.from("x")), encodeError("hm"));
    peer.write(encodePing(0, Buffer.from("there?")));
    await peer.command("PONG");
    const pong = peer.received.heard.find((item) => "command" in item && item.command.includes("PONG"));
    expect(pong).toEqual({ command: hex(`04 ${Buffer.from("PONGthere?").toString("hex")}`) });
    expect(arena.cuts).toEqual([]);
  });

  test("cuts peers that do not get on with their greeting or READY", async () => {
    await using arena = await Arena.start(type, { handshakeMs: 300 });
    const starts = [Buffer.alloc(0), Buffer.of(0xff), greeting.subarray(0, 63), greeting];
    starts.push(Buffer.concat([greeting, encodeReady(peerTypes[type]).subarray(0, 12)]));
    const peers = await Promise.all(starts.map(() => RawPeer.to(arena.address)));
    peers.forEach((peer, n) => void peer.write(starts[n] as Buffer));
    await arena.cut("handshake-timeout", peers.length);
    await Promise.all(peers.map((peer) => peer.wasCut()));
    await arena.alone();
  });

  test("is not held up by a peer that sends a byte now and then", async () => {
    await using arena = await Arena.start(type, { handshakeMs: 300 });
    await using peer = await RawPeer.to(arena.address);
    let at = 0;
    const loris = setInterval(() => void (at < 64 && peer.write(greeting.subarray(at, ++at))), 20);
    await arena.cut("handshake-timeout");
    clearInterval(loris);
    await peer.wasCut();
  });
});
