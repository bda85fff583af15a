/** Sources as daemons use them: batches, a choice of addresses, errors that say which address, changes while they run. */

import {
  anyAddress,
  codeOf,
  eventually,
  everyTransport,
  expectNoLeaks,
  Sockets,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { describe, expect, test } from "vitest";
import { FedmsgError } from "../errors.ts";
import { createMemoryTransport } from "../transport/memory/index.ts";
import type { Publisher, Transport } from "../transport/transport.ts";
import type { SourcesOptions } from "./source.ts";
import { Sources } from "./sources.ts";
import type { StatusEvent } from "./status.ts";

expectNoLeaks();

/** Sources that keep what comes. */
function open(transport: Transport, options: Partial<SourcesOptions> = {}) {
  const got: string[] = [];
  const events: StatusEvent[] = [];
  const errors: unknown[] = [];
  const sources = new Sources(Promise.resolve(transport), {
    config: testConfig(),
    status: { emit: (event) => void events.push(event) },
    prefixes: [""],
    take: (batch, { name }) => {
      for (const [topic] of batch) got.push(`${name} ${topic}`);
      return undefined;
    },
    onError: (error) => errors.push(error),
    ...options,
  });
  return { sources, got, events, errors, [Symbol.asyncDispose]: () => sources.close() };
}

async function say(publisher: Publisher, ...topics: string[]): Promise<void> {
  await withTimeout(publisher.subscribed(topics[0]), "the subscription");
  for (const topic of topics) await publisher.send(toFrames(topic, "{}"));
}

describe.each(everyTransport)("sources over %s", (_, makeTransport) => {
  test("read whatever comes, in order; one that is not listed any more is read to its end, a new one is opened", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const [one, oneAddress] = await sockets.listening();
    const [two, twoAddress] = await sockets.listening();
    await using opened = open(transport);
    const { sources, got } = opened;
    await sources.openAll([["app", [oneAddress]]]);
    expect(sources.lastAt).toBe(-Infinity);
    await say(one, "a", "b");
    await eventually(() => got.length === 2, "what was said");
    expect(performance.now() - sources.lastAt).toBeLessThan(1000);
    expect(sources.open.map(({ name, endpoint }) => [name, endpoint])).toEqual([["app", oneAddress]]);
    sources.update("app", [twoAddress]);
    await say(two, "c");
    await eventually(() => got.length === 3, "what the new one said");
    await eventually(() => sources.open.length === 1, "the old one is gone");
    expect(got).toEqual(["app a", "app b", "app c"]);
    expect(sources.open[0]?.endpoint).toBe(twoAddress);
    await sources.close();
    await sources.ended();
    expect(sources.open).toEqual([]);
    expect(opened.errors).toEqual([]);
  });

  test("subscribe and unsubscribe while they run, as often as they are asked", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    await using opened = open(transport, { prefixes: [] });
    const { sources, got } = opened;
    await sources.openAll([["app", [address]]]);
    sources.subscribe(["a", "b"]);
    sources.subscribe(["a"]);
    await withTimeout(publisher.subscribed("b"), "the subscription");
    sources.unsubscribe(["a", "b"]);
    const asked = () =>
      publisher.subscribed("b", AbortSignal.timeout(3)).then(
        () => true,
        () => false,
      );
    await eventually(async () => !(await asked()), "b is not asked for any more");
    await say(publisher, "a.1", "b.1", "a.2");
    await eventually(() => got.length === 2, "what is asked for");
    expect(got).toEqual(["app a.1", "app a.2"]);
  });

  test("passive: listen, and an error says what it is told to about its address", async () => {
    const transport = await makeTransport();
    await using sockets = new Sockets(transport);
    const [, used] = await sockets.listening();
    const explain = (error: unknown, name: string, address: string) =>
      new FedmsgError(FedmsgError.from(error).code, `key ${name}, address ${address}`);
    await using opened = open(transport, { passive: true, elsewhere: "refuse", explain });
    const { sources, got } = opened;
    await sources.openAll([["relay_inbound", [anyAddress]]]);
    const endpoint = sources.open[0]?.endpoint as string;
    expect(opened.events).toEqual([{ type: "listening", name: "relay_inbound", endpoint }]);
    const publisher = sockets.publisher({ awaitSubscriber: true });
    publisher.connect(endpoint);
    await say(publisher, "a");
    await eventually(() => got.length === 1, "what was said");
    const failing = sources.openAll([["relay_inbound", [used]]]);
    expect(await codeOf(failing)).toBe("FEDMSG_ADDRESS_IN_USE");
    await expect(failing).rejects.toThrow(`key relay_inbound, address ${used}`);
    expect(sources.open).toHaveLength(1);
  });
});

describe("sources", () => {
  test("leave out what is not accepted, first and later", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [, mine] = await sockets.listening();
    const [, other] = await sockets.listening();
    await using opened = open(transport, { accepts: async (address) => address !== mine });
    const { sources } = opened;
    await sources.openAll([["app", [mine, other]]]);
    expect(sources.open.map(({ address }) => address)).toEqual([other]);
    sources.update("app", [mine, other]);
    sources.update("more", [mine]);
    await sources.close();
    expect(opened.events.filter(({ type }) => type === "warning")).toEqual([]);
  });

  test("are read on when `take` has resolved; what was received is taken before the end", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [publisher, address] = await sockets.listening();
    const sizes: number[] = [];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using opened = open(transport, {
      take: (batch) => {
        sizes.push(batch.length);
        return sizes.length === 1 ? held : undefined;
      },
    });
    await opened.sources.openAll([["app", [address]]]);
    await say(publisher, "first");
    await eventually(() => sizes.length === 1, "the first");
    await say(publisher, "a", "b", "c");
    expect(sizes).toEqual([1]);
    release();
    await eventually(() => sizes.length === 2, "the rest");
    expect(sizes).toEqual([1, 3]);
  });

  test("whose `take` fails say so, and let go of that socket", async () => {
    const transport = createMemoryTransport();
    await using sockets = new Sockets(transport);
    const [one, oneAddress] = await sockets.listening();
    const [two, twoAddress] = await sockets.listening();
    const error = new Error("not today");
    const got: string[] = [];
    await using opened = open(transport, {
      take: (_, { name }) => {
        if (name === "one") return Promise.reject(error);
        got.push(name);
        return undefined;
      },
    });
    const { sources, errors } = opened;
    await sources.openAll([
      ["one", [oneAddress]],
      ["two", [twoAddress]],
    ]);
    await say(one, "a");
    await eventually(() => errors.length === 1, "the error");
    await eventually(() => sources.open.length === 1, "its socket is closed");
    await say(two, "a");
    await eventually(() => got.length === 1, "the other goes on");
    expect(errors).toEqual([error]);
  });
});
