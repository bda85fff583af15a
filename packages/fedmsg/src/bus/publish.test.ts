import { anyAddress, codeOf, everyTransport, expectNoLeaks, type Inbox, Sockets, testConfig } from "@fedmsg/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import { loginName } from "../config/environment.ts";
import type { ConfigInput } from "../config/index.ts";
import { createMemoryTransport } from "../transport/memory/index.ts";
import type { Transport } from "../transport/transport.ts";
import type { Message } from "../wire/envelope.ts";
import { type Bus, connect } from "./bus.ts";

expectNoLeaks();

const uuid4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

/** A bus that listens, and what a socket hears of it. */
class Listened implements AsyncDisposable {
  readonly bus: Bus;
  readonly inbox: Inbox;
  readonly #sockets: Sockets;

  private constructor(bus: Bus, inbox: Inbox, sockets: Sockets) {
    this.bus = bus;
    this.inbox = inbox;
    this.#sockets = sockets;
  }

  static async open(transport: Transport, overrides: ConfigInput = {}): Promise<Listened> {
    const config = testConfig({ endpoints: { app: [anyAddress] }, ...overrides });
    const bus = await connect({ name: "app", config, transport });
    const sockets = new Sockets(transport);
    const inbox = sockets.inbox(bus.endpoint as string);
    await bus.subscribed();
    return new Listened(bus, inbox, sockets);
  }

  /** The body of the next message. */
  async message(): Promise<Message> {
    return JSON.parse(await this.inbox.text(1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus.drain();
    await this.#sockets[Symbol.asyncDispose]();
  }
}

describe.each(everyTransport)("publish over %s", (_, makeTransport) => {
  test("sends the topic and one line of canonical JSON, and tells what it sent", async () => {
    await using app = await Listened.open(await makeTransport());
    const before = Math.floor(Date.now() / 1000);
    const receipt = await app.bus.publish({ topic: "push", modname: "git", msg: { b: "ü", a: [1, 2.5] } });
    const [topic, body] = (await app.inbox.next()).map(String) as [string, string];
    expect(topic).toBe("org.fedoraproject.dev.git.push");
    const { timestamp, msg_id, username } = JSON.parse(body);
    expect(body).toBe(
      `{"i":1,"msg":{"a":[1,2.5],"b":"\\u00fc"},"msg_id":"${msg_id}","timestamp":${timestamp},` +
        `"topic":"${topic}","username":"${username}"}`,
    );
    expect(receipt).toEqual({ topic, msg_id, i: 1 });
    expect(msg_id).toMatch(new RegExp(`^${new Date().getFullYear()}-${uuid4}$`));
    expect(username).toBe(loginName());
    expect(timestamp).toBeGreaterThanOrEqual(before);
    expect(timestamp).toBeLessThanOrEqual(Date.now() / 1000);
  });

  test("keeps the order of the calls, and numbers them from 1", async () => {
    await using app = await Listened.open(await makeTransport());
    const numbers = Array.from({ length: 500 }, (_, n) => n + 1);
    const receipts = await Promise.all(numbers.map((n) => app.bus.publish({ topic: "n", modname: "t", msg: { n } })));
    expect(receipts.map(({ i }) => i)).toEqual(numbers);
    const messages = (await app.inbox.bodies(numbers.length)).map((body) => JSON.parse(body));
    expect(messages.map(({ i, msg }) => [i, msg.n])).toEqual(numbers.map((n) => [n, n]));
    expect(new Set(messages.map(({ msg_id }) => msg_id)).size).toBe(numbers.length);
    expect(app.bus.counts.published).toBe(500);
  });
});

describe("what publish is told", () => {
  let transport: Transport;
  beforeEach(() => {
    transport = createMemoryTransport();
  });

  test("topic, modname, prefix and environment make the topic", async () => {
    await using app = await Listened.open(transport, { topic_prefix: "com.example", environment: "prod" });
    const topics = [
      (await app.bus.publish({ topic: "push", modname: "git", msg: {} })).topic,
      (await app.bus.publish({ msg: {} })).topic, // modname: the package that called connect().
      (await app.bus.publish({ topic: "stg.git.push", modname: "com.example", msg: {} })).topic,
    ];
    expect(topics).toEqual([
      "com.example.prod.git.push",
      "com.example.prod.fedmsg.unspecified",
      "com.example.stg.git.push",
    ]);
    for (const topic of topics) expect((await app.message()).topic).toBe(topic);
  });

  test.each([
    ["an empty topic", { topic: "" }, "topic: found an empty text"],
    ["a topic that is no text", { topic: 7 as never }, "topic: found number"],
    ["a modname that is no text", { modname: 7 as never }, "modname: found number"],
    ["an empty modname", { modname: "" }, "modname: found an empty text"],
    ["half a surrogate pair", { topic: "a\ud800" }, "topic: contains half of a surrogate pair"],
    ["a topic beyond 4096 bytes", { topic: "é".repeat(2049) }, "bytes long, at most 4096"],
    ["a function", { msg: { a: [1, () => {}] } }, "msg.a[1]"],
    ["NaN", { msg: Number.NaN }, "msg"],
    ["NaN inside", { msg: { a: [{ "b c": Number.NaN }] } }, 'msg.a[0]["b c"]'],
    ["Infinity", { msg: { a: Number.NEGATIVE_INFINITY } }, "msg.a"],
  ])("%s is refused with FEDMSG_ENCODE, by its path, and not counted", async (_, options, why) => {
    await using app = await Listened.open(transport);
    const refused = app.bus.publish({ topic: "t", modname: "m", msg: {}, ...options });
    expect(await codeOf(refused)).toBe("FEDMSG_ENCODE");
    await expect(refused).rejects.toThrow(why);
    expect((await app.bus.publish({ topic: "next", modname: "m", msg: {} })).i).toBe(1);
    expect(app.bus.counts.published).toBe(1);
    expect((await app.message()).topic).toBe("org.fedoraproject.dev.m.next");
  });

  test.each([[undefined], [null], [0], [""], [false], [[]], [{}], [new Map()], [new Set()]])(
    "an empty msg becomes {}: %j",
    async (msg) => {
      await using app = await Listened.open(transport);
      await app.bus.publish({ topic: "t", msg });
      expect((await app.message()).msg).toEqual({});
    },
  );

  test.each([[1], ["text"], [[0]], [true], [{ a: null }]])("any other msg is sent as it is: %j", async (msg) => {
    await using app = await Listened.open(transport);
    await app.bus.publish({ topic: "t", msg });
    expect((await app.message()).msg).toEqual(msg);
  });

  test("pre_fire_hook may change the message, its topic included", async () => {
    await using app = await Listened.open(transport);
    const receipt = await app.bus.publish({
      topic: "t",
      modname: "m",
      msg: { a: 1 },
      pre_fire_hook: (message) => {
        message.topic = message.topic.replace(".dev.", ".stg.");
        message.agent = "hook";
        (message.msg as { b?: number }).b = 2;
      },
    });
    expect(receipt.topic).toBe("org.fedoraproject.stg.m.t");
    const [topic, body] = (await app.inbox.next()).map(String) as [string, string];
    expect(topic).toBe(receipt.topic);
    expect(JSON.parse(body)).toMatchObject({ topic, agent: "hook", msg: { a: 1, b: 2 }, i: 1 });
  });

  test("a pre_fire_hook that throws, or breaks the topic, keeps its message from being sent", async () => {
    await using app = await Listened.open(transport);
    const broken = new Error("hook");
    const throws = app.bus.publish({
      topic: "t",
      pre_fire_hook: () => {
        throw broken;
      },
    });
    await expect(throws).rejects.toBe(broken);
    const noTopic = app.bus.publish({
      topic: "t",
      pre_fire_hook: (message) => {
        message.topic = undefined as never;
      },
    });
    expect(await codeOf(noTopic)).toBe("FEDMSG_ENCODE");
    expect((await app.bus.publish({ topic: "t" })).i).toBe(1);
  });

  test("a body over bodyBytesMax is refused with both sizes", async () => {
    await using app = await Listened.open(transport, { bodyBytesMax: 1000 });
    const refused = app.bus.publish({ topic: "t", modname: "m", msg: { a: "x".repeat(2000) } });
    expect(await codeOf(refused)).toBe("FEDMSG_TOO_LARGE");
    await expect(refused).rejects.toThrow(/org\.fedoraproject\.dev\.m\.t is 2\d\d\d bytes long, bodyBytesMax is 1000/);
    await app.bus.publish({ topic: "t", msg: { a: "x".repeat(700) } });
  });

  test("a signal that has fired: nothing is sent", async () => {
    await using app = await Listened.open(transport);
    expect(await codeOf(app.bus.publish({ topic: "t", signal: AbortSignal.abort() }))).toBe("FEDMSG_ABORTED");
    expect(app.bus.counts.published).toBe(0);
  });
});
