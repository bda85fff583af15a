/** Whom we connect to may be hostile as well. */

import { once } from "node:events";
import { createServer, type Server, type Socket as Stream } from "node:net";
import { eventually, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import {
  encodeError,
  encodeGreeting,
  encodeMessage,
  encodePing,
  encodeReady,
  encodeSubscribe,
} from "../src/codec/index.ts";
import { type CutReason, type MonitorEvent, Publisher, type Socket, Subscriber } from "../src/index.ts";
import { hex } from "./support/collect.ts";

expectNoLeaks();

const text = (body: string) => Buffer.from(body);

/** Listens, and says to everybody who connects what it is told to. */
class Listener implements AsyncDisposable {
  readonly #server: Server;
  readonly #streams = new Set<Stream>();
  came = 0;

  private constructor(say: (stream: Stream, n: number) => void) {
    this.#server = createServer((stream) => {
      this.#streams.add(stream);
      stream.on("close", () => this.#streams.delete(stream));
      stream.on("error", () => {});
      stream.resume();
      say(stream, this.came++);
    });
  }

  static async start(say: (stream: Stream, n: number) => void): Promise<Listener> {
    const listener = new Listener(say);
    listener.#server.listen(0, "127.0.0.1");
    await once(listener.#server, "listening");
    return listener;
  }

  get address(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const quick = { reconnectMs: 5, reconnectMaxMs: 20, lingerMs: 0 };

describe("a socket that connects", () => {
  test.each<[string, Buffer, CutReason]>([
    ["HTTP", text("HTTP/1.1 400 Bad Request\r\n\r\n"), "bad-greeting"],
    ["ZMTP 2.0", hex("ff 0000000000000001 7f 01 01 00 00"), "old-version"],
    ["CURVE", encodeGreeting({ mechanism: "CURVE", asServer: true }), "mechanism"],
    ["another SUB", Buffer.concat([encodeGreeting(), encodeReady("SUB")]), "socket-type"],
    [
      "a claim of 2^63 bytes",
      Buffer.concat([encodeGreeting(), encodeReady("PUB"), hex("02 8000000000000000")]),
      "frame-too-large",
    ],
  ])("cuts a listener that says %s, tries again, and hears others all the while", async (_, bytes, reason) => {
    const events: MonitorEvent[] = [];
    await using bad = await Listener.start((stream) => void stream.write(bytes));
    await using publisher = new Publisher();
    await using subscriber = new Subscriber({ ...quick, onEvent: (event) => void events.push(event) });
    subscriber.subscribe("");
    subscriber.connect(bad.address);
    subscriber.connect(await publisher.bind("tcp://127.0.0.1:*"));
    await publisher.subscribed();
    await eventually(() => bad.came >= 5, "five tries");
    for (let n = 0; n < 20; n++) {
      await publisher.send(`${n}`);
      expect(String((await withTimeout(subscriber.receive(), "a message"))[0])).toBe(`${n}`);
    }
    const cuts = events.filter((event) => event.type === "cut");
    expect(new Set(cuts.map((event) => event.reason))).toEqual(new Set([reason]));
    expect(events.some(({ type }) => type === "retry")).toBe(true);
  });

  test("tells a refusal and tries again", async () => {
    const events: MonitorEvent[] = [];
    await using bad = await Listener.start(
      (stream) => void stream.write(Buffer.concat([encodeGreeting(), encodeError("no")])),
    );
    await using subscriber = new Subscriber({ ...quick, onEvent: (event) => void events.push(event) });
    subscriber.connect(bad.address);
    await eventually(() => bad.came >= 3, "three tries");
    expect(events.find(({ type }) => type === "refused")).toMatchObject({ detail: "no" });
  });

  test("does not wait longer for a greeting or READY than handshakeMs", async () => {
    for (const bytes of [Buffer.alloc(0), encodeGreeting()]) {
      const events: MonitorEvent[] = [];
      await using silent = await Listener.start((stream) => void stream.write(bytes));
      await using subscriber = new Subscriber({
        ...quick,
        handshakeMs: 200,
        onEvent: (event) => void events.push(event),
      });
      subscriber.connect(silent.address);
      await eventually(() => silent.came >= 2, "a second try");
      expect(events.find(({ type }) => type === "cut")).toMatchObject({ reason: "handshake-timeout" });
    }
  });

  test("survives a listener that resets each connection", async () => {
    await using bad = await Listener.start((stream, n) => {
      if (n % 2 === 0) stream.resetAndDestroy();
      else stream.write(encodeGreeting().subarray(0, 40), () => stream.resetAndDestroy());
    });
    await using socket: Socket = new Publisher(quick);
    socket.connect(bad.address);
    await eventually(() => bad.came >= 20, "twenty tries");
    expect(socket.peers).toBe(0);
  });

  test("keeps nothing of the buffer that all its connections are read into", async () => {
    const prefixes = ["org.one", "org.two", "com"];
    const greeted = Buffer.concat([encodeGreeting(), encodeReady("SUB")]);
    await using wanting = await Listener.start((stream) => {
      stream.write(Buffer.concat([greeted, ...prefixes.map((prefix) => encodeSubscribe(text(prefix)))]));
    });
    await using other = await Listener.start((stream) => {
      stream.write(
        Buffer.concat([greeted, ...Array.from({ length: 50 }, () => encodePing(0, Buffer.alloc(16, 0xaa)))]),
      );
    });
    await using publisher = new Publisher(quick);
    publisher.connect(wanting.address);
    await withTimeout(Promise.all(prefixes.map((prefix) => publisher.subscribed(prefix))), "the subscriptions");
    publisher.connect(other.address);
    await eventually(() => publisher.peers === 2, "the other one");
    expect(prefixes.map((prefix) => publisher.covers(`${prefix}.x`))).toEqual([true, true, true]);
    expect(publisher.covers("net")).toBe(false);
  });

  test("assembles messages of several connections in pieces without mixing them", async () => {
    const bodies = ["a", "b", "c"].map((letter) => text(letter.repeat(300_000)));
    const listeners = await Promise.all(
      bodies.map((body) =>
        Listener.start(async (stream) => {
          stream.write(Buffer.concat([encodeGreeting(), encodeReady("PUB")]));
          const bytes = encodeMessage([body.subarray(0, 5), body]);
          for (let at = 0; at < bytes.length; at += 10_000) {
            await new Promise((resolve) => stream.write(bytes.subarray(at, at + 10_000), resolve));
          }
        }),
      ),
    );
    await using subscriber = new Subscriber(quick);
    subscriber.subscribe("");
    for (const { address } of listeners) subscriber.connect(address);
    const got = [];
    while (got.length < 3) got.push(await withTimeout(subscriber.receive(), "a message"));
    got.sort((a, b) => String(a[0]).localeCompare(String(b[0])));
    got.forEach((message, n) => {
      expect(message[1]?.equals(bodies[n] as Buffer)).toBe(true);
    });
    await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()));
  });
});
