import { expect, test } from "vitest";
import { Sockets, sayUntilHeard, toFrames } from "../sockets.ts";
import { anyAddress } from "../test-config.ts";
import { withTimeout } from "../waiting.ts";
import type { MakeTransport } from "./traits.ts";

const MiB = 1024 * 1024;

/** What is sent arrives: to whom, in which order, and unchanged. */
export function deliveryCases(makeTransport: MakeTransport): void {
  test("a publisher listens, a subscriber connects", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair();
    await publisher.send(toFrames("a", "1"));
    expect(await inbox.next()).toEqual(toFrames("a", "1"));
  });

  test("a subscriber listens, a publisher connects", async () => {
    await using sockets = new Sockets(makeTransport());
    const [inbox, address] = await sockets.boundInbox();
    const message = inbox.next();
    const publisher = sockets.publisher();
    publisher.connect(address);
    await withTimeout(publisher.subscribed(), "the subscription");
    await publisher.send(toFrames("a", "1"));
    expect(await message).toEqual(toFrames("a", "1"));
  });

  test("a subscriber gets what begins with its prefixes, each message once, and an empty prefix is everything", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const inbox = sockets.inbox(address, { prefixes: ["git.", "git.push", "ü", "end"] });
    const everything = sockets.inbox(address);
    const topics = ["git.push", "git", "", "GIT.push", "koji.git.", "git.pull", "über", "git.", "u", "end"];
    await Promise.all(["git.push", "über", "end", ""].map((topic) => publisher.subscribed(topic)));
    for (const topic of topics) await publisher.send(toFrames(topic, topic));
    expect(await inbox.bodies(5)).toEqual(["git.push", "git.pull", "über", "git.", "end"]);
    expect(await everything.bodies(topics.length)).toEqual(topics);
  });

  test("prefixes are compared by bytes, whether or not the topic is a text", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const inbox = sockets.inbox(address, { prefixes: ["a"] });
    await publisher.subscribed("a");
    const topics = [Buffer.from([0x61, 0xff, 0x00]), Buffer.from([0xff, 0x61]), Buffer.from([0x61, 0xc3])];
    for (const topic of topics) await publisher.send([topic, Buffer.alloc(0)]);
    expect((await inbox.take(2)).map(([topic]) => topic)).toEqual([topics[0], topics[2]]);
  });

  test("unsubscribe takes back one subscribe", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const inbox = sockets.inbox(address, { prefixes: ["a", "a", "b", "end"] });
    await Promise.all(["a", "b", "end"].map((topic) => publisher.subscribed(topic)));
    const say = async (n: number) => {
      for (const topic of ["a", "b", "end"]) await publisher.send(toFrames(topic, `${topic}${n}`));
    };
    await say(1);
    expect(await inbox.bodies(3)).toEqual(["a1", "b1", "end1"]);
    inbox.socket.unsubscribe("a");
    inbox.socket.unsubscribe("b");
    await say(2);
    expect(await inbox.bodies(2)).toEqual(["a2", "end2"]);
    inbox.socket.unsubscribe("a");
    await say(3);
    expect(await inbox.bodies(1)).toEqual(["end3"]);
  });

  test("20,000 messages keep their order", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair();
    const numbers = Array.from({ length: 20_000 }, (_, n) => String(n));
    const sent = Promise.all(numbers.map((n) => publisher.send(toFrames("n", n))));
    expect(await inbox.bodies(numbers.length)).toEqual(numbers);
    await sent;
    expect(publisher.dropped).toBe(0);
  });

  test("a message may have any number of frames, and frames may be empty", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair();
    const messages = [[""], ["a"], ["", ""], ["a", ""], ["", "b"], ["a", "b", ""], ["a", "", "", "d"], [..."abcde"]];
    for (const parts of messages) await publisher.send(toFrames(...parts));
    expect(await inbox.take(messages.length)).toEqual(messages.map((parts) => toFrames(...parts)));
  });

  test("bodies of 0 bytes to 8 MiB arrive byte for byte, and so do topics that are no text", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, inbox] = await sockets.pair();
    const sizes = [0, 1, 127, 128, 129, 255, 256, 257, 8191, 8192, 8193, 65_535, 65_536, MiB, 8 * MiB];
    const messages = sizes.map((size) => [Buffer.from([0xff, 0x00, 0xfe, size & 0xff]), patterned(size)]);
    const sent = Promise.all(messages.map((frames) => publisher.send(frames)));
    for (const [topic, body] of messages) {
      const [gotTopic, gotBody] = await inbox.next();
      expect(gotTopic).toEqual(topic);
      expect(Buffer.compare(gotBody as Uint8Array, body as Buffer), `${body?.length} bytes`).toBe(0);
    }
    await sent;
  });

  test("each of several subscribers gets everything", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const inboxes = ["one", "two", "three"].map((own) => sockets.inbox(address, { prefixes: ["n", own] }));
    await Promise.all(["one", "two", "three"].map((own) => publisher.subscribed(own)));
    const numbers = Array.from({ length: 500 }, (_, n) => String(n));
    const sent = Promise.all(numbers.map((n) => publisher.send(toFrames("n", n))));
    for (const inbox of inboxes) expect(await inbox.bodies(numbers.length)).toEqual(numbers);
    await sent;
  });

  test("a subscriber that listens hears several publishers, each in order", async () => {
    await using sockets = new Sockets(makeTransport());
    const [inbox, address] = await sockets.boundInbox();
    const names = ["one", "two", "three"];
    const received = inbox.take(names.length * 300);
    const numbers = Array.from({ length: 300 }, (_, n) => String(n));
    await Promise.all(
      names.map(async (name) => {
        const publisher = sockets.publisher({ awaitSubscriber: true });
        publisher.connect(address);
        await Promise.all(numbers.map((n) => publisher.send(toFrames(name, n))));
      }),
    );
    for (const name of names) {
      const own = (await received).filter(([topic]) => String(topic) === name);
      expect(own.map(([, body]) => String(body))).toEqual(numbers);
    }
  });

  test("a subscriber hears every publisher it connects to, until it disconnects from one", async () => {
    await using sockets = new Sockets(makeTransport());
    const [one, oneAddress] = await sockets.listening();
    const [two, twoAddress] = await sockets.listening();
    const inbox = sockets.inbox([oneAddress, twoAddress]);
    await Promise.all([one.subscribed(), two.subscribed()]);
    await one.send(toFrames("t", "one"));
    await two.send(toFrames("t", "two"));
    expect((await inbox.bodies(2)).sort()).toEqual(["one", "two"]);
    inbox.socket.disconnect(oneAddress);
    inbox.socket.disconnect("tcp://127.0.0.1:9"); // Never connected: nothing happens.
    await one.send(toFrames("t", "not heard"));
    await two.send(toFrames("t", "heard"));
    expect(await inbox.bodies(1)).toEqual(["heard"]);
  });

  test("a publisher may listen and connect at the same time", async () => {
    await using sockets = new Sockets(makeTransport());
    const [bound, boundAddress] = await sockets.boundInbox();
    const publisher = sockets.publisher();
    publisher.connect(boundAddress);
    const connected = sockets.inbox(await publisher.bind(anyAddress));
    await Promise.all([sayUntilHeard(publisher, bound), sayUntilHeard(publisher, connected)]);
  });

  test("a message over messageBytesMax never arrives, those behind it do: from a publisher that connects", async () => {
    await using sockets = new Sockets(makeTransport());
    const [inbox, address] = await sockets.boundInbox({ messageBytesMax: 1000 });
    const publisher = sockets.publisher({ awaitSubscriber: true, reconnectMs: 10 });
    publisher.connect(address);
    const received = inbox.next();
    await publisher.send(toFrames("a", "1"));
    expect(await received).toEqual(toFrames("a", "1"));
    await publisher.send([Buffer.from("big"), Buffer.alloc(5000)]);
    expect(await sayUntilHeard(publisher, inbox)).toEqual([]);
  });

  test("a message over messageBytesMax never arrives, those behind it do: from a publisher that listens", async () => {
    await using sockets = new Sockets(makeTransport());
    const [publisher, address] = await sockets.listening();
    const inbox = sockets.inbox(address, { messageBytesMax: 1000, reconnectMs: 10, reconnectMaxMs: 50 });
    await publisher.subscribed();
    await publisher.send([Buffer.from("big"), Buffer.alloc(5000)]);
    expect(await sayUntilHeard(publisher, inbox)).toEqual([]);
  });
}

function patterned(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) + (at >> 16)) & 0xff;
  return bytes;
}
