/** A real hub, seen from outside. */

import { anyAddress, eventually, expectNoLeaks, Sockets, signedConfig, testConfig } from "@fedmsg/testkit";
import { connect } from "fedmsg";
import { createMemoryTransport, defineConsumer, defineProducer } from "fedmsg/plugin";
import { expect, test } from "vitest";
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
