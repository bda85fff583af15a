/** What a relay that confirms says to publishers, honest and others: by a DEALER, frame by frame. */

import { connect as connectTo } from "node:net";
import { anyAddress, eventually, expectNoLeaks, settled, testConfig, withTimeout } from "@fedmsg/testkit";
import { Dealer } from "@fedmsg/zmtp";
import { describe, expect, test } from "vitest";
import { TestJournal } from "../../test/test-journal.ts";
import { FedmsgError } from "../errors.ts";
import { createMemoryTransport } from "../transport/memory/index.ts";
import type { Frames } from "../transport/transport.ts";
import { checkFraming } from "../wire/frames.ts";
import { ConfirmServer } from "./confirm-server.ts";
import { confirmSocket } from "./confirm-socket.ts";
import type { Journal, NewEntry } from "./journal.ts";
import { JournalledPublisher } from "./journalled.ts";
import { createMemoryJournal } from "./memory-journal.ts";

expectNoLeaks();

/** A journal that commits when it is told to, or fails. */
class SlowJournal extends TestJournal {
  appended = 0;
  isHeld = false;
  failure: FedmsgError | undefined;
  #waiting: (() => void)[] = [];

  release(): void {
    this.isHeld = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  override async append(build: (position: number) => NewEntry): Promise<number> {
    this.appended++;
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.failure) throw this.failure;
    return super.append(build);
  }
}

/** A server with a journal in memory. */
async function serve(journal: Journal = createMemoryJournal(), bodyBytesMax = 1000) {
  const sent: string[] = [];
  const warnings: string[] = [];
  const publisher = createMemoryTransport().createPublisher();
  const output = new JournalledPublisher({
    publisher,
    journal,
    reopen: async () => journal,
    encode: () => [Buffer.from("_heartbeat."), Buffer.from("{}")],
    onWarning: () => {},
  });
  const accept = (frames: Frames) => {
    const fault = checkFraming(frames, bodyBytesMax);
    if (!fault) sent.push(String(frames[1]));
    return fault ?? frames;
  };
  const socket = confirmSocket(testConfig({ bodyBytesMax }));
  const server = await ConfirmServer.open({ socket, accept, output, onWarning: (text) => void warnings.push(text) });
  const address = await server.bind(anyAddress);
  const close = async () => {
    await server.close();
    await output.close();
  };
  return { server, address, journal, sent, warnings, [Symbol.asyncDispose]: close };
}

/** Somebody who publishes, right or wrong, and what it is answered. */
class Peer implements AsyncDisposable {
  readonly answers: string[] = [];
  isEnded = false;
  readonly #dealer: Dealer;

  constructor(address: string) {
    this.#dealer = new Dealer({
      lingerMs: 0,
      reconnectMs: 60_000,
      onEvent: ({ type }) => {
        if (type === "disconnected") this.isEnded = true;
      },
    });
    this.#dealer.onBatch((batch) => {
      for (const frames of batch) this.answers.push(frames.map(String).join(" "));
    });
    this.#dealer.connect(address);
  }

  say(...frames: (string | Uint8Array)[]): Promise<void> {
    return this.#dealer.send(frames);
  }

  publish(n: number | string, id: number | string = n, topic = "t"): Promise<void> {
    return this.say("1", "PUB", String(n), topic, `{"msg_id":"${id}","topic":"${topic}"}`);
  }

  async answered(...expected: string[]): Promise<void> {
    await eventually(() => this.answers.length >= expected.length, `${expected.length} answers`);
    expect(this.answers.splice(0)).toEqual(expected);
  }

  ended(): Promise<void> {
    return eventually(() => this.isEnded, "the end of the connection");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#dealer.close();
  }
}

describe("a relay that confirms", () => {
  test("answers each message with its position, in order", async () => {
    await using served = await serve();
    await using peer = new Peer(served.address);
    for (const n of [1, 2, 3]) await peer.publish(n);
    await peer.answered("1 OK 1 1", "1 OK 2 2", "1 OK 3 3");
    expect(served.journal.info.head).toBe(3);
  });

  test("a message that it took is not taken again, whoever sends it, also after a restart", async () => {
    const journal = createMemoryJournal();
    {
      const served = await serve(journal);
      await using peer = new Peer(served.address);
      await using other = new Peer(served.address);
      await peer.publish(1, "a");
      await peer.publish(2, "b");
      await peer.answered("1 OK 1 1", "1 OK 2 2");
      await other.publish(1, "b");
      await other.publish(2, "a");
      await other.publish(3, "c");
      await other.answered("1 OK 1 2", "1 OK 2 1", "1 OK 3 3");
      await served.server.close();
    }
    await using again = await serve(journal);
    await using peer = new Peer(again.address);
    await peer.publish(1, "b");
    await peer.publish(2, "d");
    await peer.answered("1 OK 1 2", "1 OK 2 4");
    expect(journal.info.head).toBe(4);
  });

  test("says nothing before the message is committed; who sends it meanwhile waits for the same commit", async () => {
    const slow = new SlowJournal();
    await using served = await serve(slow);
    slow.isHeld = true;
    const first = new Peer(served.address);
    await first.publish(1, "a");
    await eventually(() => slow.appended === 1, "the message");
    await first[Symbol.asyncDispose]();
    await using second = new Peer(served.address);
    await second.publish(1, "a");
    await second.publish(2, "b");
    await eventually(() => slow.appended === 2, "the other message");
    expect(second.answers).toEqual([]);
    slow.release();
    await second.answered("1 OK 1 1", "1 OK 2 2");
    expect(slow.info.head).toBe(2);
  });

  test("a journal that fails is told once, and what is behind is taken when it comes again", async () => {
    const slow = new SlowJournal();
    await using served = await serve(slow);
    await using peer = new Peer(served.address);
    await peer.publish(1);
    await peer.answered("1 OK 1 1");
    slow.failure = new FedmsgError("FEDMSG_JOURNAL", "database or disk is full");
    for (const n of [2, 3, 4]) await peer.publish(n);
    await peer.answered("1 ERR 2 journal");
    slow.failure = undefined;
    await peer.publish(5); // On its way still: it is passed over.
    for (const n of [2, 3, 4, 5, 6]) await peer.publish(n);
    await peer.answered("1 OK 2 2", "1 OK 3 3", "1 OK 4 4", "1 OK 5 5", "1 OK 6 6");
    expect(served.warnings).toEqual([expect.stringContaining("nothing is confirmed at the moment: database or disk")]);
    expect(slow.info.head).toBe(6);
  });

  test("what is no message is refused, and the next is taken", async () => {
    await using served = await serve();
    await using peer = new Peer(served.address);
    await peer.say("1", "PUB", "1", "t", "{no json}");
    await peer.say("1", "PUB", "2", "t", '{"topic":"another"}');
    await peer.say("1", "PUB", "3", "_heartbeat.x", '{"topic":"_heartbeat.x"}');
    await peer.say("1", "PUB", "4", "t", `{"topic":"t","msg":"${"x".repeat(1000)}"}`);
    await peer.say("1", "PUB", "5", Buffer.from([0xff]), Buffer.from([0xff]));
    await peer.publish(6);
    await peer.answered(
      ...["1 ERR 1 invalid", "1 ERR 2 invalid", "1 ERR 3 invalid", "1 ERR 4 too-large", "1 ERR 5 invalid"],
      "1 OK 6 1",
    );
  });

  test("another version is told, and ends nothing", async () => {
    await using served = await serve();
    await using peer = new Peer(served.address);
    await peer.say("2", "PUB", "7", "t", "{}");
    await peer.say("2", "anything");
    await peer.say("");
    await peer.publish(1);
    await peer.answered("1 ERR 7 version", "1 ERR 0 version", "1 ERR 0 version", "1 OK 1 1");
  });

  test("close() answers what it has", async () => {
    const slow = new SlowJournal();
    await using served = await serve(slow);
    await using peer = new Peer(served.address);
    slow.isHeld = true;
    for (const n of [1, 2, 3]) await peer.publish(n);
    await eventually(() => slow.appended === 3, "the messages");
    const closed = served.server.close();
    slow.release();
    await withTimeout(closed, "the end");
    await peer.answered("1 OK 1 1", "1 OK 2 2", "1 OK 3 3");
  });
});

describe("whoever does not keep to the protocol is ended, and others are not", () => {
  const wrong: [what: string, frames: (string | Uint8Array)[]][] = [
    ["a number that jumps", ["1", "PUB", "3", "t", "{}"]],
    ["a number that is none", ["1", "PUB", "one", "t", "{}"]],
    ["a number with a zero in front", ["1", "PUB", "02", "t", "{}"]],
    ["a number below zero", ["1", "PUB", "-1", "t", "{}"]],
    ["a number that is too large", ["1", "PUB", "9007199254740992", "t", "{}"]],
    ["a long number", ["1", "PUB", "1".repeat(100_000), "t", "{}"]],
    ["no number", ["1", "PUB", "", "t", "{}"]],
    ["too few frames", ["1", "PUB", "2", "t"]],
    ["too many frames", ["1", "PUB", "2", "t", "{}", ""]],
    ["another word", ["1", "SUB", "2", "t", "{}"]],
    ["a version and nothing else", ["1"]],
    ["a thousand frames", ["1", ...new Array(1000).fill("x")]],
    ["a body that is larger than any message", ["1", "PUB", "2", "t", Buffer.alloc(17 * 1024 * 1024)]],
  ];
  test.each(wrong)("%s", async (_, frames) => {
    await using served = await serve();
    await using honest = new Peer(served.address);
    await using peer = new Peer(served.address);
    await peer.publish(1, "x");
    await peer.answered("1 OK 1 1");
    await peer.say(...frames);
    await peer.ended();
    await honest.publish(1);
    await honest.answered("1 OK 1 2");
    expect(served.journal.info.head).toBe(2);
  });

  test("the same number twice", async () => {
    await using served = await serve();
    await using peer = new Peer(served.address);
    await peer.publish(1);
    await peer.publish(1);
    await peer.ended();
    expect(served.warnings).toEqual([expect.stringContaining("number 1 came, and 2 was next")]);
  });

  test("more than a thousand messages without an answer", async () => {
    const slow = new SlowJournal();
    await using served = await serve(slow);
    slow.isHeld = true;
    await using peer = new Peer(served.address);
    for (let n = 1; n <= 1000; n++) await peer.publish(n);
    await eventually(() => slow.appended === 1000, "a thousand");
    expect(peer.isEnded).toBe(false);
    await peer.publish(1001);
    await peer.ended();
    expect(slow.appended).toBe(1000);
    slow.release();
    await eventually(() => slow.info.head === 1000, "what it took");
  });

  test("more than a thousand that lie behind a refusal", async () => {
    const slow = new SlowJournal();
    await using served = await serve(slow);
    slow.failure = new FedmsgError("FEDMSG_JOURNAL", "no");
    await using peer = new Peer(served.address);
    await peer.publish(1);
    await peer.answered("1 ERR 1 journal");
    for (let n = 2; n <= 1001; n++) await peer.publish(n);
    await peer.publish(1002);
    await peer.ended();
  });

  test("who never takes its answers", async () => {
    await using served = await serve();
    const stranger = connectTo(Number(/\d+$/.exec(served.address)?.[0]), "127.0.0.1");
    stranger.on("error", () => {});
    await new Promise((resolve) => stranger.once("connect", resolve));
    stranger.write(greeting());
    await new Promise((resolve) => stranger.once("data", resolve));
    stranger.pause();
    let isEnded = false;
    const closed = new Promise<void>((resolve) => {
      stranger.on("close", () => {
        isEnded = true;
        resolve();
      });
    });
    let written = 0;
    while (!isEnded && written < 200_000_000) {
      const chunk = Buffer.concat(new Array(2000).fill(frame(0, "2")));
      written += chunk.length;
      if (!stranger.write(chunk))
        await Promise.race([new Promise((resolve) => stranger.once("drain", resolve)), closed]);
    }
    expect(isEnded).toBe(true);
    stranger.destroy();
    expect(served.warnings.join()).toContain("it does not take its answers");
  });

  test("messages that are large are read no faster than they are kept", async () => {
    const slow = new SlowJournal();
    await using served = await serve(slow, 1024 * 1024);
    slow.isHeld = true;
    await using peer = new Peer(served.address);
    const text = "x".repeat(500_000);
    for (let n = 1; n <= 60; n++)
      await peer.say("1", "PUB", String(n), "t", `{"msg":"${text}","msg_id":"${n}","topic":"t"}`);
    expect(await settled(() => slow.appended)).toBeLessThan(20);
    slow.release();
    await eventually(() => peer.answers.length === 60, "all answers");
  });
});

/** What a ZMTP 3.0 DEALER says first. */
function greeting(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write("NULL", 12);
  const ready = Buffer.concat([Buffer.from("\x05READY\x0bSocket-Type\0\0\0\x06DEALER", "latin1")]);
  return Buffer.concat([bytes, Buffer.from([4, ready.length]), ready]);
}

function frame(flags: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([flags, text.length]), Buffer.from(text)]);
}
