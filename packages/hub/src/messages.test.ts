import { readFileSync } from "node:fs";
import {
  anyAddress,
  collect,
  everyTransport,
  expectNoLeaks,
  Sockets,
  testConfig,
  toFrames,
  withTimeout,
} from "@fedmsg/testkit";
import { connect } from "fedmsg";
import { canonicalize, loads } from "fedmsg/encoding";
import { describe, expect, test } from "vitest";
import { startGateway, startRelay } from "./daemon.ts";

expectNoLeaks();

/** Messages of all shapes, one to a line, some as other programs space, order or repeat their keys. */
const file = new URL("../test/messages.jsonl", import.meta.url);
const lines = readFileSync(file, "utf8").trimEnd().split("\n");
const topicOf = (line: string) => (loads(line) as { topic: string }).topic;

describe.each(everyTransport)("over %s, through a relay and a gateway,", (_, makeTransport) => {
  test("every message comes out with the same bytes", async () => {
    await using sockets = new Sockets(await makeTransport());
    const { transport } = sockets;
    await using relay = await startRelay({
      config: testConfig({ endpoints: { relay_outbound: [anyAddress] } }),
      transport,
    });
    const behindRelay = testConfig({ endpoints: { relay_outbound: [relay.outbound] } });
    await using gateway = await startGateway({ config: behindRelay, transport });
    const behindGateway = testConfig({ endpoints: { gateway: [gateway.outbound] }, mute: true });
    await using bus = await connect({ config: behindGateway, transport });
    const subscription = bus.subscribe();
    await withTimeout(Promise.all([relay.subscribed(), gateway.subscribed()]), "the subscriptions");
    const publisher = sockets.publisher({ awaitSubscriber: true });
    publisher.connect(relay.inbound[0] as string);
    for (const line of lines) await publisher.send(toFrames(topicOf(line), line));
    const received = await collect(subscription, lines.length);
    expect(received.map(({ body }) => Buffer.from(body).toString())).toEqual(lines);
    expect(received.map(({ topic }) => topic)).toEqual(lines.map(topicOf));
    expect(bus.counts).toMatchObject({ received: lines.length, invalid: {} });
    expect(gateway.counts).toEqual({ forwarded: lines.length, dropped: 0, refused: {} });
    await subscription.close();
  });

  test("every message that a bus publishes is read with the same content", async () => {
    const transport = await makeTransport();
    await using relay = await startRelay({
      config: testConfig({ endpoints: { relay_outbound: [anyAddress] } }),
      transport,
    });
    const endpoints = { relay_outbound: [relay.outbound] };
    await using bus = await connect({
      config: testConfig({ active: true, relay_inbound: relay.inbound, endpoints }),
      transport,
    });
    const subscription = bus.subscribe({ topics: ["com.example"] });
    await withTimeout(relay.subscribed("com.example"), "the subscription");
    const messages = lines.filter((line) => !line.includes("NaN")).map((line) => JSON.parse(line)); // Which publish refuses.
    for (const original of messages) {
      await bus.publish({
        msg: original.msg,
        pre_fire_hook: (message) => {
          for (const key in message) if (!(key in original)) delete (message as Record<string, unknown>)[key];
          Object.assign(message, original);
        },
      });
    }
    const received = await collect(subscription, messages.length);
    expect(received.map(({ message }) => message)).toEqual(messages);
    for (const { body } of received) expect(canonicalize(body)).toBe(Buffer.from(body).toString());
    await subscription.close();
  });
});
