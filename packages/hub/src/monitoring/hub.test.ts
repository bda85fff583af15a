/** A real hub, seen from outside. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { anyAddress, eventually, expectNoLeaks, Sockets, signedConfig, testConfig, withTimeout } from "@fedmsg/testkit";
import { connect } from "fedmsg";
import { createMemoryTransport, createTransport, defineConsumer, defineProducer } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { deferred } from "../../test/stage.ts";
import { startHub } from "../hub.ts";
import { startMonitoring } from "./monitoring.ts";

expectNoLeaks();

const log = { debug() {}, info() {}, warn() {}, error() {} };

test("what a hub did shows on its socket, in its metrics and in its health", async () => {
  await using sockets = new Sockets(createMemoryTransport());
  const { transport } = sockets;
  await using publisher = await connect({
    name: "app",
    config: signedConfig({ endpoints: { app: [anyAddress] } }),
    transport,
  });
  const config = signedConfig({
    ...{ mute: true, sign_messages: false, endpoints: { app: [publisher.endpoint as string] } },
    ...{ "moksha.monitoring.socket": anyAddress, metrics_port: 0 },
  });
  const consume = ({ topic }: { readonly topic: string }) => {
    if (topic.endsWith("bad")) throw new Error("not this one");
  };
  const consumers = [defineConsumer({ name: "audit", retry: { attempts: 2, firstMs: 1 }, consume })];
  const producers = [defineProducer({ name: "tick", every: 0.01, poll: () => {} })];
  await using hub = await startHub({ config, consumers, producers, transport, log, monitoring: "none" });
  const monitoring = await startMonitoring({
    ...{ config, transport, version: "1.2.3", onWarning: () => {}, reportSeconds: 0.1 },
    stats: () => hub.stats(),
    certificates: () => hub.bus.certificates(),
  });
  try {
    const inbox = sockets.inbox(monitoring.socket as string);
    await publisher.subscribed();
    for (const topic of ["good", "bad"]) await publisher.publish({ topic, modname: "test", msg: {} });
    const seen = { exceptions: 0, headcount_in: 0, headcount_out: 0, times: 0 };
    while (seen.headcount_out < 2) {
      const { consumers, producers } = JSON.parse(await inbox.text());
      expect(consumers).toMatchObject([
        { name: "audit", module: "option", topic: "*", initialized: true, jsonify: true },
      ]);
      expect(producers).toMatchObject([{ name: "tick", frequency: 0.01 }, { name: "MonitoringProducer" }]);
      for (const key of ["exceptions", "headcount_in", "headcount_out"] as const) seen[key] += consumers[0][key];
      seen.times += consumers[0].times.length;
    }
    expect(seen).toEqual({ exceptions: 2, headcount_in: 2, headcount_out: 2, times: 3 });
    const get = async (path: string) =>
      (await fetch(monitoring.url + path, { headers: { connection: "close" } })).text();
    expect(JSON.parse(await get("/healthz"))).toEqual({ status: "ok", version: "1.2.3" });
    const text = await get("/metrics");
    expect(text).toContain('fedmsg_consumer_messages_total{consumer="audit",result="handled"} 1\n');
    expect(text).toContain('fedmsg_consumer_messages_total{consumer="audit",result="dead_letter"} 1\n');
    expect(text).toContain('fedmsg_consumer_retries_total{consumer="audit"} 1\n');
    expect(text).toMatch(/fedmsg_certificate_days_left\{certificate=".*ca\.crt"\} \d+/);
    await hub.drain();
    await eventually(async () => (await get("/healthz")).includes("consumer audit: it does not run"), "its end");
  } finally {
    await monitoring.close();
  }
});

test("a hub whose port is taken has done nothing when it says so", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const calls: string[] = [];
  const call = (what: string) => () => void calls.push(what);
  const consumers = [defineConsumer({ name: "audit", start: call("start"), stop: call("stop"), consume() {} })];
  const producers = [
    defineProducer({ name: "tick", every: 1, now: true, start: call("start"), stop: call("stop"), poll: call("poll") }),
  ];
  const config = testConfig({ mute: true, metrics_port: port });
  const starting = startHub({ config, consumers, producers, transport: createMemoryTransport(), log });
  await expect(starting).rejects.toMatchObject({
    code: "FEDMSG_ADDRESS_IN_USE",
    message: expect.stringMatching(/^metrics_port .*in use already; each program that reads this key needs a port/),
  });
  expect(calls).toEqual([]);
  await new Promise((resolve) => taken.close(resolve));
});

test("a hub is not well before everything has started or failed to, and says that it starts", async () => {
  await using sockets = new Sockets(await createTransport(testConfig()));
  const port = Number((await sockets.freeAddress()).split(":").at(-1));
  const gate = deferred();
  const consumers = [defineConsumer({ name: "slow", start: () => gate.promise, consume() {} })];
  const config = testConfig({ mute: true, metrics_port: port });
  const starting = startHub({ config, consumers, transport: createMemoryTransport(), log });
  const health = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: "close" } });
    return [answer.status, await answer.json()];
  };
  await eventually(() => health().then(Boolean, () => false), "an answer");
  const problems = ["consumer slow: it does not run"];
  expect(await health()).toEqual([503, { status: "starting", version: expect.any(String), problems }]);
  gate.resolve();
  await using _hub = await starting;
  expect(await health()).toMatchObject([200, { status: "ok" }]);
});

test("a hub that is ended while it begins to report starts nothing, and leaves nothing open", async () => {
  const controller = new AbortController();
  const calls: string[] = [];
  const consumers = [defineConsumer({ name: "never", start: () => void calls.push("start"), consume() {} })];
  const transport = createMemoryTransport();
  const ending = {
    ...transport,
    name: transport.name,
    createPublisher: (...args: Parameters<typeof transport.createPublisher>) => {
      controller.abort();
      return transport.createPublisher(...args);
    },
  };
  const config = testConfig({ mute: true, "moksha.monitoring.socket": anyAddress, metrics_port: 0 });
  const hub = await startHub({
    config,
    consumers,
    transport: ending as typeof transport,
    log,
    signal: controller.signal,
  });
  await withTimeout(hub.done, "the end");
  expect([calls, hub.watched]).toEqual([[], {}]);
});

test("what keeps a relay from its work is told by its health, until it is mended", async () => {
  const transport = createMemoryTransport();
  const config = testConfig({ mute: true, metrics_port: 0 });
  const problems: string[] = [];
  const relay = defineConsumer({
    name: "relay",
    open: async () => ({
      inputs: { connect: "endpoints" as const },
      consume: () => undefined,
      counts: () => ({ forwarded: 0, dropped: 0, refused: {} }),
      problems: () => problems,
      drain: async () => {},
      close: async () => {},
    }),
  });
  await using hub = await startHub({ config, consumers: [relay], transport, log });
  const health = async () => {
    const answer = await fetch(`${hub.watched.url}/healthz`, { headers: { connection: "close" } });
    return [answer.status, await answer.json()];
  };
  expect(await health()).toMatchObject([200, { status: "ok" }]);
  problems.push("there is no journal");
  await eventually(async () => (await health())[0] === 503, "the problem");
  expect(await health()).toMatchObject([503, { problems: ["relay: there is no journal"] }]);
  problems.length = 0;
  await eventually(async () => (await health())[0] === 200, "its end");
});
