import { readFile } from "node:fs/promises";
import { eventually, expectNoLeaks, pkiFolder, signedConfig, testConfig, withTimeout } from "@fedmsg/testkit";
import { connect } from "fedmsg";
import { createMemoryTransport } from "fedmsg/plugin";
import { expect, test } from "vitest";
import { consumerStats, hubStats, producerStats } from "../../test/sample-stats.ts";
import type { HubStats } from "../stats.ts";
import { type MonitoringOptions, startMonitoring } from "./monitoring.ts";

expectNoLeaks();

/** Monitoring over HTTP, and what it says. */
async function start(options: Partial<MonitoringOptions> = {}) {
  const warnings: string[] = [];
  const monitoring = await startMonitoring({
    config: testConfig({ metrics_port: 0 }),
    transport: createMemoryTransport(),
    stats: hubStats,
    onWarning: (detail) => void warnings.push(detail),
    version: "1.2.3",
    ...options,
  });
  const url = monitoring.url as string;
  const get = (path: string) => withTimeout(fetch(url + path, { headers: { connection: "close" } }), path);
  return {
    ...monitoring,
    url,
    warnings,
    get,
    metrics: async () => (await get("/metrics")).text(),
    [Symbol.asyncDispose]: () => monitoring.close(),
  };
}

/** The samples of a text in Prometheus' format, which must be one: `name{labels} value`, each name explained before. */
function samplesOf(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split("\n").filter(Boolean)) {
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    if (type) types.set(type[1] as string, type[2] as string);
    if (line.startsWith("#")) continue;
    const [, sample = "", name = "", value] = /^((\w+)(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    expect(types.get(name), line).toBe(name.endsWith("_total") ? "counter" : "gauge");
    samples.set(sample, Number(value));
  }
  return samples;
}

const busy: Partial<HubStats> = {
  consumers: [
    consumerStats({
      ...{ name: "audit", received: 100, done: 90, failures: 12, timeouts: 2, retries: 9, deadLetters: 3 },
      ...{ dropped: 4, replayed: 5, gaps: 6, waiting: 7, inHand: 1, retrying: 2, lagSeconds: 1.5, busySeconds: 2.25 },
    }),
    consumerStats({ name: 'odd "name"\\\n', isRunning: false }),
  ],
  producers: [producerStats({ polls: 8, failures: 1, lastRanAt: 1_795_219_669.5 })],
  ...{ invalid: { "not-json": 2, unsigned: 1 }, duplicates: 11, published: 12, failures: ["./x.ts: cannot be found"] },
};

test("/metrics has each number of the hub, as Prometheus reads it", async () => {
  await using monitoring = await start({ stats: () => hubStats(busy) });
  const response = await monitoring.get("/metrics");
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const samples = samplesOf(await response.text());
  expect(Object.fromEntries([...samples].filter(([name]) => name.startsWith("fedmsg_")))).toMatchObject({
    'fedmsg_consumer_messages_total{consumer="audit",result="handled"}': 87,
    'fedmsg_consumer_messages_total{consumer="audit",result="dead_letter"}': 3,
    'fedmsg_consumer_attempts_failed_total{consumer="audit",reason="error"}': 10,
    'fedmsg_consumer_attempts_failed_total{consumer="audit",reason="timeout"}': 2,
    'fedmsg_consumer_messages_received_total{consumer="audit"}': 100,
    'fedmsg_consumer_retries_total{consumer="audit"}': 9,
    'fedmsg_consumer_messages_dropped_total{consumer="audit"}': 4,
    'fedmsg_consumer_messages_replayed_total{consumer="audit"}': 5,
    'fedmsg_consumer_messages_missing_total{consumer="audit"}': 6,
    'fedmsg_consumer_busy_seconds_total{consumer="audit"}': 2.25,
    'fedmsg_consumer_messages_waiting{consumer="audit"}': 7,
    'fedmsg_consumer_messages_in_hand{consumer="audit"}': 1,
    'fedmsg_consumer_messages_retrying{consumer="audit"}': 2,
    'fedmsg_consumer_lag_seconds{consumer="audit"}': 1.5,
    'fedmsg_consumer_running{consumer="audit"}': 1,
    'fedmsg_consumer_running{consumer="odd \\"name\\"\\\\\\n"}': 0,
    'fedmsg_producer_polls_total{producer="alive"}': 8,
    'fedmsg_producer_failures_total{producer="alive"}': 1,
    'fedmsg_producer_last_run_timestamp_seconds{producer="alive"}': 1_795_219_669.5,
    'fedmsg_producer_running{producer="alive"}': 1,
    'fedmsg_messages_invalid_total{reason="not-json"}': 2,
    'fedmsg_messages_invalid_total{reason="unsigned"}': 1,
    fedmsg_messages_published_total: 12,
    fedmsg_messages_duplicate_total: 11,
    fedmsg_hub_plugins_failed: 1,
    fedmsg_hub_start_timestamp_seconds: 1_795_219_000,
    [`fedmsg_build_info{version="1.2.3",node="${process.versions.node}"}`]: 1,
  });
});

test("/metrics tells what is so at the moment, and forgets a consumer that is gone", async () => {
  let stats = hubStats({ consumers: [consumerStats({ name: "a", received: 1 }), consumerStats({ name: "b" })] });
  await using monitoring = await start({ stats: () => stats });
  expect(await monitoring.metrics()).toContain('fedmsg_consumer_messages_received_total{consumer="a"} 1\n');
  stats = hubStats({ consumers: [consumerStats({ name: "a", received: 5 })] });
  let later = "";
  await eventually(async () => {
    later = await monitoring.metrics();
    return later.includes('fedmsg_consumer_messages_received_total{consumer="a"} 5\n');
  }, "the new number");
  expect(later).not.toContain('consumer="b"');
});

test("/metrics tells of the process", async () => {
  await using monitoring = await start();
  const samples = samplesOf(await monitoring.metrics());
  expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
  expect(samples.get("nodejs_heap_size_used_bytes")).toBeGreaterThan(1_000_000);
  expect(samples.get("process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(samples.get("process_open_fds")).toBeGreaterThan(3);
  const age = Date.now() / 1000 - (samples.get("process_start_time_seconds") as number);
  expect(age).toBeGreaterThan(0);
  expect(age).toBeLessThan(3600);
  for (const lag of ["p99", "max"]) {
    expect(samples.get(`nodejs_eventloop_lag_${lag}_seconds`)).toBeGreaterThanOrEqual(0);
  }
});

test("/metrics has the days that certificates are valid: our own, the authority's, and its list", async () => {
  const transport = createMemoryTransport();
  const config = signedConfig({
    metrics_port: 0,
    endpoints: { app: ["tcp://127.0.0.1:*"] },
    crl_location: `${pkiFolder}crl.pem`,
  });
  await using bus = await connect({ name: "app", config, transport });
  const certificates = () => bus.certificates();
  await using monitoring = await start({ config, transport, certificates });
  bus.subscribe();
  await withTimeout(
    (async () => {
      while (certificates().length < 3) await bus.refresh();
    })(),
    "three certificates",
  );
  const samples = samplesOf(await monitoring.metrics());
  for (const { name, notAfter } of certificates()) {
    const days = samples.get(`fedmsg_certificate_days_left{certificate="${name}"}`);
    expect(days, name).toBeCloseTo((notAfter - Date.now()) / 86_400_000, 2);
  }
  expect(certificates().map(({ name }) => name)).toEqual(["shell-vm", `${pkiFolder}ca.crt`, `${pkiFolder}crl.pem`]);
});

test("/healthz is 200 where all is well", async () => {
  await using monitoring = await start({ stats: () => hubStats({ consumers: [consumerStats()] }) });
  const response = await monitoring.get("/healthz");
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(await response.json()).toEqual({ status: "ok", version: "1.2.3" });
});

test("/healthz is 503 and says why where something is not", async () => {
  const problems = () => ["journal: the disk is full"];
  await using monitoring = await start({ stats: () => hubStats({ ...busy, producers: [] }), problems });
  const response = await monitoring.get("/healthz");
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: "failing",
    version: "1.2.3",
    problems: ["journal: the disk is full", "./x.ts: cannot be found", 'consumer odd "name"\\\n: it does not run'],
  });
});

test("numbers that cannot be had are an answer of 500 and a warning, and do not end anything", async () => {
  let isBroken = true;
  const stats = () => {
    if (isBroken) throw new Error("no numbers");
    return hubStats();
  };
  await using monitoring = await start({ stats });
  for (const path of ["/metrics", "/healthz"]) {
    const response = await monitoring.get(path);
    expect([response.status, await response.text()]).toEqual([500, "this cannot be told; the log says why\n"]);
  }
  expect(monitoring.warnings).toEqual(["metrics_port: /metrics: no numbers", "metrics_port: /healthz: no numbers"]);
  isBroken = false;
  await eventually(async () => (await monitoring.get("/metrics")).status === 200, "numbers");
});

test("nothing is opened where no key asks for it", async () => {
  const monitoring = await start({ config: testConfig() });
  expect([monitoring.socket, monitoring.url]).toEqual([undefined, undefined]);
  await monitoring.close();
});

test("a port that is taken is an error that names the key, and closes the monitoring socket", async () => {
  await using first = await start();
  const transport = createMemoryTransport();
  const config = testConfig({
    metrics_port: Number(new URL(first.url).port),
    "moksha.monitoring.socket": "tcp://127.0.0.1:7",
  });
  const second = () => start({ config, transport });
  const error = {
    code: "FEDMSG_ADDRESS_IN_USE",
    message: expect.stringMatching(/^metrics_port .*: 127\.0\.0\.1, port \d+ is in use/),
  };
  await expect(second()).rejects.toMatchObject(error);
  await expect(second()).rejects.toMatchObject(error); // And not the socket's.
});

test("docs/monitoring.md explains every number there is, and no other", async () => {
  const page = await readFile(new URL("../../../../docs/monitoring.md", import.meta.url), "utf8");
  const told = new Set(page.match(/\b(?:fedmsg_[a-z]+_|process_|nodejs_)[a-z0-9_]+\b/g));
  const certificates = () => [{ name: "app", notAfter: Date.now() }];
  await using monitoring = await start({ stats: () => hubStats(busy), certificates });
  const names = [...(await monitoring.metrics()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect([...told].sort()).toEqual(names.sort());
});
