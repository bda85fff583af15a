import { eventually, expectNoLeaks } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { encodeMessage } from "../../src/codec/index.ts";
import { hex } from "../support/collect.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { meet, show, texts } from "./pairs.ts";
import { carriers, Room } from "./room.ts";

const impls = ["ours", "libzmq"] as const;
/** ZMTP 3.0, of libzmq 4.0 and 4.1: subscriptions are messages. */
const minor = { minor: 0 };
const subscribe = (prefix: string) => encodeMessage([Buffer.from(`\x01${prefix}`)]);
const cancel = (prefix: string) => encodeMessage([Buffer.from(`\x00${prefix}`)]);

describe.each(impls)("ZMTP 3.0 with %s", (impl) => {
  expectNoLeaks();

  test.each(["PUB", "XPUB"] as const)("a %s takes subscriptions that come as messages", async (type) => {
    await using room = new Room();
    const a = room.socket(impl, type);
    const address = await a.bind(room.address());
    await using old = await RawPeer.ready(address, "SUB", minor);
    const witness = room.socket(impl, "SUB");
    await witness.subscribe("");
    witness.connect(address);
    await meet(a, witness);
    const say = async (topic: string) => {
      await a.send([topic, "body"]);
      expect(texts(await witness.receive())).toEqual([topic, "body"]);
    };
    const count = () => old.received.texts.length;
    const until = (n: number, topic: string) =>
      eventually(async () => {
        if (count() < n) await say(topic);
        return count() >= n;
      }, `a message of ${topic}`);
    old.write(subscribe("a"), subscribe("b"));
    await until(1, "b1");
    const heard = count();
    for (const topic of ["a1", "c1", "a2"]) await say(topic);
    await eventually(() => count() === heard + 2, "both messages");
    expect(old.received.texts.slice(heard)).toEqual([
      ["a1", "body"],
      ["a2", "body"],
    ]);
    old.write(cancel("a"), subscribe("end"));
    await until(count() + 1, "end");
    const before = count();
    for (const topic of ["a3", "b2"]) await say(topic);
    await eventually(() => count() === before + 1, "one message");
    expect(old.received.texts.at(-1)).toEqual(["b2", "body"]);
    expect(old.commands).toEqual(["READY"]);
  });

  test.each(["SUB", "XSUB"] as const)("a %s asks with messages, and hears", async (type) => {
    await using room = new Room();
    const b = room.socket(impl, type);
    await b.subscribe("early");
    const address = await b.bind(room.address());
    await using old = await RawPeer.ready(address, "PUB", minor);
    const asked = (count: number) =>
      eventually(() => b.peers === 1 && old.received.texts.length === count, `${count} changes of subscriptions`);
    await asked(1);
    await b.subscribe("late");
    await b.unsubscribe("early");
    await asked(3);
    expect(old.received.texts.map((frames) => show(frames))).toEqual([["\x01early"], ["\x01late"], ["\x00early"]]);
    expect(old.commands).toEqual(["READY"]);
    old.write(encodeMessage([Buffer.from("late 1"), Buffer.from("body")]));
    old.write(encodeMessage([Buffer.from("late 2"), Buffer.alloc(300, "x")]));
    expect(texts(await b.receive())).toEqual(["late 1", "body"]);
    expect((await b.receive())[1]?.length).toBe(300);
  });

  test("an XPUB tells of what a peer asked for with messages", async () => {
    await using room = new Room();
    const a = room.socket(impl, "XPUB");
    await using old = await RawPeer.ready(await a.bind(room.address()), "SUB", minor);
    old.write(subscribe("a"), subscribe("a"), subscribe("b"), cancel("a"));
    const told: string[] = [];
    while (told.length < 3) told.push(...show(await a.receive()));
    expect(told).toEqual(["\x01a", "\x01b", "\x00a"]);
  });

  test("a DEALER of 3.0 and a ROUTER talk", async () => {
    await using room = new Room();
    const b = room.socket(impl, "ROUTER");
    const identity = Buffer.from("old");
    await using old = await RawPeer.ready(await b.bind(room.address()), "DEALER", { ...minor, identity });
    old.write(encodeMessage([Buffer.from("hello"), Buffer.alloc(0)]));
    expect(texts(await b.receive())).toEqual(["old", "hello", ""]);
    await b.send(["old", "welcome"]);
    await eventually(() => old.received.texts.length === 1, "the answer");
    expect(old.received.texts).toEqual([["welcome"]]);
  });
});

/** What peers of before ZMTP 3 send first, with what else they would send without waiting. */
const greetings = {
  "ZMTP 2.0 of a SUB (libzmq 3.2)": "ff 00 00 00 00 00 00 00 01 7f 01 02 00 00",
  "ZMTP 2.0 of a PUB with an identity": "ff 00 00 00 00 00 00 00 03 7f 01 01 00 02 69 64",
  "ZMTP 1.0 without an identity (libzmq 2.1)": "01 00 02 01 61",
  "ZMTP 1.0 with an identity": "03 00 69 64 02 01 61",
  "ZMTP 1.0 in the long form": "ff 00 00 00 00 00 00 00 01 00",
};

describe.each(Object.entries(greetings))("%s", (_, greeting) => {
  expectNoLeaks();

  test.each(carriers)("is cut as an old version over %s, and the others are served", async (carrier) => {
    await using room = new Room();
    const a = room.socket("ours", "PUB");
    const address = await a.bind(room.address(carrier));
    await using old = await RawPeer.to(address);
    old.write(hex(greeting));
    await old.wasCut();
    expect(a.happened.slice(1)).toEqual(["cut: old-version"]);
    const b = room.socket("libzmq", "SUB");
    await b.subscribe("");
    b.connect(address);
    await meet(a, b);
  });
});
