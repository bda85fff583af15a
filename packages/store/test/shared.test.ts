/** Consumers of one process: subscriptions that share connections, and those whose messages are committed one by one. */

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import {
  codeOf,
  collect,
  eventually,
  expectNoLeaks,
  range,
  Sockets,
  take,
  takeUntil,
  testConfig,
  withTimeout,
} from "@fedmsg/testkit";
import { type Bus, connect, type DurableReceived, type StatusEvent } from "fedmsg";
import type { ConfigInput } from "fedmsg/config";
import { createTransport } from "fedmsg/plugin";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tempFile } from "./support.ts";

expectNoLeaks();

let journal: string;
let publisher: Bus;
let replay: string;
const open: Bus[] = [];

beforeEach(async () => {
  journal = tempFile();
  const transport = await createTransport(testConfig());
  await using sockets = new Sockets(transport);
  const endpoint = await sockets.freeAddress();
  replay = await sockets.freeAddress();
  await sockets[Symbol.asyncDispose]();
  const endpoints = { me: [endpoint] };
  publisher = await joinAs("me", { endpoints, persistent_store: `sqlite:${journal}` });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close()));
});

async function joinAs(name: string, keys: ConfigInput): Promise<Bus> {
  const replay_endpoints = { me: replay };
  const config = testConfig({ topic_prefix: "org.a", replay_endpoints, ...keys });
  const bus = await connect({ name, config, transport: await createTransport(config), shareConnections: true });
  open.push(bus);
  return bus;
}

/** A bus that listens to the publisher; its subscriptions share connections. */
function listener(keys: ConfigInput = {}): Promise<Bus> {
  const cursor_store = `sqlite:${join(dirname(journal), "{name}.cursors")}`;
  const endpoints = { me: [publisher.endpoint as string] };
  return joinAs("listener", { endpoints, cursor_store, mute: true, ...keys });
}

async function say(from: number, to: number, filler = ""): Promise<void> {
  const saying = range(from, to).map((n) => publisher.publish({ topic: "t", modname: "m", msg: { n, filler } }));
  await Promise.all(saying);
}

const numberOf = ({ message }: DurableReceived) => (message.msg as { n: number }).n;
const numbers = async (of: AsyncIterable<DurableReceived>, n: number) => (await collect(of, n)).map(numberOf);

function isFollowing(event: StatusEvent): event is StatusEvent {
  return event.type === "following";
}

/** Subscribes, and resolves when the journal is followed. */
async function follow(bus: Bus, durable: string, commit: "next" | "explicit" = "next") {
  const status = bus.status();
  const own: StatusEvent[] = [];
  const subscription = bus.subscribe({ durable, commit, onEvent: (event) => own.push(event) });
  const messages = subscription[Symbol.asyncIterator]();
  await takeUntil(status, isFollowing);
  await status.return?.();
  await publisher.subscribed("_heartbeat.");
  return { subscription, messages, own };
}

describe("one that does not read, beside others", () => {
  test("misses what comes, is told so, and gets it from the journal when it reads: each once", async () => {
    const bus = await listener({ queueBytesMax: 100_000 });
    const stuck = await follow(bus, "stuck");
    const others = await Promise.all(["one", "two"].map((name) => follow(bus, name)));
    const heard: StatusEvent[] = [];
    const plain = bus.subscribe({ onEvent: (event) => heard.push(event) });
    await eventually(() => heard.some(isFollowing), "the one without a name follows");
    const all = [...others.map(({ messages }) => numbers(messages, 2000)), numbers(plain as never, 2000)];
    await say(1, 2000, "x".repeat(500));
    for (const got of await Promise.all(all)) expect(got).toEqual(range(1, 2000));
    await eventually(() => stuck.own.some(({ type }) => type === "dropped"), "it is told");
    expect(stuck.own.find(({ type }) => type === "dropped")).toMatchObject({ subscription: "stuck" });
    expect(stuck.subscription.dropped).toBeGreaterThan(500);
    const got = await numbers(stuck.messages, 2000);
    expect(got.toSorted((a, b) => a - b)).toEqual(range(1, 2000));
    await eventually(() => stuck.own.some(({ type }) => type === "replayed"), "it was fetched");
    expect(others.flatMap(({ own }) => own.filter(({ type }) => type === "dropped" || type === "replayed"))).toEqual(
      [],
    );
  });

  test("holds up nobody while it asks a journal that does not answer", async () => {
    const first = await listener();
    const { messages } = await follow(first, "late");
    await say(1, 2);
    expect(await numbers(messages, 2)).toEqual([1, 2]);
    await messages.return?.();
    await first.close();

    const connections = new Set<Socket>();
    const silent = createServer((socket) => void connections.add(socket)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const bus = await listener({ replay_endpoints: { me: `tcp://127.0.0.1:${port}` }, queueBytesMax: 20_000 });
    const late = bus.subscribe({ durable: "late" });
    await eventually(() => connections.size > 0, "the journal is asked");
    const plain = bus.subscribe({ topics: ["org.a"] });
    await publisher.subscribed("org.a");
    await publisher.subscribed("_heartbeat.");
    const startedAt = performance.now();
    const all = numbers(plain as never, 500);
    await say(3, 502, "x".repeat(500));
    expect(await all).toEqual(range(3, 502));
    expect(performance.now() - startedAt, "no second was waited").toBeLessThan(900);
    expect(late.dropped).toBeGreaterThan(0);
    await bus.close();
    for (const socket of connections) socket.destroy();
    await new Promise((done) => silent.close(done));
  });
});

describe('commit: "explicit"', () => {
  test("commits what it is told to, in any order, and nothing else", async () => {
    const bus = await listener();
    const { messages } = await follow(bus, "app", "explicit");
    await say(1, 6);
    const inHand = await collect(messages, 6);
    await Promise.all([5, 1, 3].map((n) => inHand[n - 1]?.commit()));
    await bus.close();
    expect(await codeOf(inHand[1]?.commit() as Promise<unknown>)).toBe("FEDMSG_CLOSED");
    const again = await follow(await listener(), "app", "explicit");
    expect((await numbers(again.messages, 3)).toSorted()).toEqual([2, 4, 6]);
  });

  test("what is released comes again, and may be committed then", async () => {
    const bus = await listener();
    const { messages } = await follow(bus, "app", "explicit");
    await say(1, 3);
    const [one, two, three] = (await collect(messages, 3)) as [DurableReceived, DurableReceived, DurableReceived];
    await one.commit();
    one.release(); // It is committed, and stays so.
    two.release();
    await three.commit();
    const second = await take(messages);
    expect(numberOf(second)).toBe(2);
    await second.commit();
    await say(4, 4);
    expect(await numbers(messages, 1)).toEqual([4]);
    await bus.close();
    const again = await follow(await listener(), "app");
    expect(await numbers(again.messages, 1)).toEqual([4]);
  });

  test("a commit that fails changes nothing: it is in hand, does not come again, and may be committed then", async () => {
    const bus = await listener();
    const { messages, subscription } = await follow(bus, "app", "explicit");
    await say(1, 2);
    const [one, two] = (await collect(messages, 2)) as [DurableReceived, DurableReceived];
    const fail = () => {
      throw Object.assign(new Error("not today"), { code: "MINE" });
    };
    expect(await codeOf(two.commit(fail))).toBe("MINE");
    one.release();
    const again = await take(messages); // The journal was asked for it.
    expect([numberOf(again), subscription.waiting, again.comesAgain]).toEqual([1, 0, true]);
    await bus.drain();
    await again.commit();
    expect(await codeOf(two.commit(fail))).toBe("MINE");
    const both = [two.commit(() => 2), two.commit(), two.commit(() => 3)] as const;
    expect(await codeOf(both[2])).toBe("FEDMSG_UNSUPPORTED");
    expect(await Promise.all(both.slice(0, 2))).toEqual([2, 2]);
    await say(3, 3);
    expect(await firstWhenFree(await listener())).toBe(3);
  });

  test("drained keeps the cursors open until the last that is in hand is committed or released", async () => {
    const bus = await listener();
    const { messages, subscription } = await follow(bus, "app", "explicit");
    await say(1, 4);
    const [one, two] = (await collect(messages, 2)) as [DurableReceived, DurableReceived];
    await eventually(() => subscription.waiting === 2, "the others wait");
    await withTimeout(bus.drain(), "the end of the bus");
    await one.commit();
    const [three, four] = (await collect(messages, 2)) as [DurableReceived, DurableReceived];
    expect([numberOf(three), numberOf(four)]).toEqual([3, 4]);
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    four.release();
    await three.commit();
    await two.commit((transaction) => transaction.run("CREATE TABLE got (n)"));
    expect(await firstWhenFree(await listener())).toBe(4);
  });

  test("what is in hand when the loop is left can be committed; the bus lets go of the rest", async () => {
    const bus = await listener();
    const { messages } = await follow(bus, "app", "explicit");
    await say(1, 3);
    const [one, two, three] = (await collect(messages, 3)) as [DurableReceived, DurableReceived, DurableReceived];
    await messages.return?.();
    await two.commit();
    await bus.close();
    expect(await codeOf(three.commit())).toBe("FEDMSG_CLOSED");
    one.release();
    const again = await follow(await listener(), "app");
    expect((await numbers(again.messages, 2)).toSorted()).toEqual([1, 3]);
  });

  test("a thousand in hand, committed in a random order while others come, are all handled, once", async () => {
    const bus = await listener();
    const { messages } = await follow(bus, "app", "explicit");
    const saying = say(1, 3000);
    const inHand: DurableReceived[] = [];
    const seen: number[] = [];
    const commits: Promise<unknown>[] = [];
    const settle = () =>
      commits.push(...inHand.splice(Math.floor(Math.random() * inHand.length), 1).map((m) => m.commit()));
    while (seen.length < 3000) {
      const received = await take(messages);
      seen.push(numberOf(received));
      if (inHand.push(received) > 1000) settle();
    }
    while (inHand.length > 0) settle();
    await Promise.all([saying, ...commits]);
    expect(seen).toEqual(range(1, 3000));
    await bus.close();
    const again = await follow(await listener(), "app");
    await say(3001, 3001);
    expect(await numbers(again.messages, 1)).toEqual([3001]);
  });
});

test("a released message of a loop is not committed by asking for the next", async () => {
  const { messages } = await follow(await listener(), "app");
  await say(1, 2);
  (await take(messages)).release();
  expect(await numbers(messages, 2)).toEqual([2, 1]);
});

/** The number of the first message for `app`, once its cursors are free. */
async function firstWhenFree(bus: Bus): Promise<number> {
  let first: number | undefined;
  await eventually(async () => {
    const opening = take(bus.subscribe({ durable: "app" })).then(numberOf);
    first = await opening.catch((error: { code?: string }) => {
      if (error.code !== "FEDMSG_JOURNAL") throw error;
      return undefined;
    });
    return first !== undefined;
  }, "the cursors are closed");
  return first as number;
}
