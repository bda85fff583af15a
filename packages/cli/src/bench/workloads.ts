/** Benchmarks of the whole way: real processes, real sockets, all of the library's work. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { tailMessages } from "fedmsg";
import type { WorkerReport, WorkerTask } from "./worker.ts";

/** Size and length of a run. */
export interface WorkloadOptions {
  readonly messages: number;
  /** Bytes of the body on the wire, about. */
  readonly bodyBytes: number;
}

/** What came out of a run. Rates are messages a second, from the first one received to the last. */
export interface ThroughputResult {
  readonly received: number;
  readonly lost: number;
  readonly perSecond: number;
}

/** Latencies from `publish()` to the loop's body, in ms. */
export interface LatencyResult {
  readonly received: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Memory of the relay while it forwards, in MiB: after a tenth of the messages, half, and all of them. */
export interface RelayMemory {
  readonly rssMiB: readonly number[];
}

const workerFile = fileURLToPath(new URL("./worker.js", import.meta.url));
/** Without news for so long, a run is over and what is missing was lost. */
const silenceMs = 10_000;

/** Publisher → subscriber, no relay. */
export async function measurePublish(options: WorkloadOptions): Promise<ThroughputResult> {
  const publisher = await startPublisher(options, 0, { endpoints: { bench: ["tcp://127.0.0.1:*"] } });
  const result = receiveAll(publisher, publisher.addresses[0] as string, options.messages);
  publisher.child.send("go");
  return result;
}

/** Whom to sign as, and whom to trust: keys of the configuration. */
export interface SigningOptions {
  readonly ssldir: string;
  readonly certname: string;
  readonly ca_cert_location: string;
  readonly crl_location: string | null;
}

/** Publisher, who signs → subscriber, who validates. */
export async function measureSigned(options: WorkloadOptions & SigningOptions): Promise<ThroughputResult> {
  const { ssldir, certname, ca_cert_location, crl_location } = options;
  const endpoints = { bench: ["tcp://127.0.0.1:*"] };
  const publisher = await startPublisher(options, 0, { endpoints, sign_messages: true, ssldir, certname });
  const trust = { validate_signatures: true, ca_cert_location, crl_location };
  const result = receiveAll(publisher, publisher.addresses[0] as string, options.messages, { trust });
  publisher.child.send("go");
  return result;
}

/** Active publisher → relay → subscriber. */
export async function measureRelay(options: WorkloadOptions): Promise<ThroughputResult & RelayMemory> {
  const relay = await startRelayWorker();
  const [inbound, outbound] = relay.addresses as [string, string];
  const publisher = await startPublisher(options, 0, { active: true, relay_inbound: [inbound] });
  const rssMiB: number[] = [];
  const marks = [0.1, 0.5, 1].map((share) => Math.floor(options.messages * share));
  const onMessage = async (received: number) => {
    if (received === marks[rssMiB.length]) rssMiB.push(await readRss(relay.child));
  };
  const result = receiveAll(publisher, outbound, options.messages, { onMessage });
  // The publisher waits for the relay, but cannot see who listens behind it: what came too early would count as lost.
  await ask(relay.child, "subscribed");
  publisher.child.send("go");
  const received = await result;
  await stop(relay.child);
  return { ...received, rssMiB };
}

/** Publisher → subscriber at 1,000 messages a second. */
export async function measureLatency(options: WorkloadOptions): Promise<LatencyResult> {
  const publisher = await startPublisher(options, 1000, { endpoints: { bench: ["tcp://127.0.0.1:*"] } });
  const latencies: number[] = [];
  const onMessage = (_: number, at: number) => {
    latencies.push(performance.timeOrigin + performance.now() - at);
  };
  const result = receiveAll(publisher, publisher.addresses[0] as string, options.messages, { onMessage });
  publisher.child.send("go");
  await result;
  return { received: latencies.length, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) };
}

/** The value below which the given share of all values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

interface Worker {
  readonly child: ChildProcess;
  readonly addresses: readonly string[];
}

async function startWorker(task: WorkerTask): Promise<Worker> {
  const child = fork(workerFile, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: [] });
  child.send(task);
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`a process of the benchmark ended with ${code} before it was ready`);
  });
  const [ready] = await Promise.race([once(child, "message") as Promise<[WorkerReport]>, died]);
  died.catch(() => {}); // From here on it may end.
  if (ready.type !== "ready") throw new Error(`the worker said ${ready.type} before it was ready`);
  return { child, addresses: ready.addresses };
}

function startPublisher(
  { messages, bodyBytes }: WorkloadOptions,
  rate: number,
  config: Readonly<Record<string, unknown>>,
): Promise<Worker> {
  return startWorker({
    role: "publisher",
    name: "bench",
    // Whoever subscribes is awaited; nothing need be kept.
    config: { topic_prefix: "org.fedoraproject", ...config, post_init_sleep: 0 },
    messages,
    rate,
    msg: { at: 0, text: "x".repeat(Math.max(0, bodyBytes - envelopeBytes)) },
  });
}

/** What the envelope and `at` take of the body. */
const envelopeBytes = 175;

/** Starts a relay in a process of its own; its addresses are the inbound and the outbound one. */
export function startRelayWorker(): Promise<Worker> {
  return startWorker({
    role: "relay",
    config: { relay_inbound: ["tcp://127.0.0.1:*"], endpoints: { relay_outbound: ["tcp://127.0.0.1:*"] } },
  });
}

interface ReceiveOptions {
  readonly onMessage?: (received: number, at: number) => void | Promise<void>;
  /** Keys of the configuration. Default: nothing is validated. */
  readonly trust?: Readonly<Record<string, unknown>>;
}

/** Listens from now on; whoever calls tells the publisher to go. */
async function receiveAll(
  publisher: Worker,
  address: string,
  messages: number,
  { onMessage, trust = { validate_signatures: false } }: ReceiveOptions = {},
): Promise<ThroughputResult> {
  const silence = new AbortController();
  const tail = tailMessages({ endpoints: { bench: [address] }, signal: silence.signal, ...trust });
  let received = 0;
  let firstAt = 0;
  let timer = setTimeout(() => silence.abort(), silenceMs);
  for await (const { message } of tail) {
    if (received++ === 0) firstAt = performance.now();
    const noted = onMessage?.(received, (message.msg as { at: number }).at);
    if (noted) await noted;
    if (received % 10_000 === 0) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMs);
    }
    if (received === messages) break;
  }
  clearTimeout(timer);
  const seconds = (performance.now() - firstAt) / 1000;
  await ended(publisher.child);
  return { received, lost: messages - received, perSecond: Math.round((received - 1) / seconds) };
}

async function ask(worker: ChildProcess, question: "rss" | "subscribed"): Promise<WorkerReport> {
  worker.send(question);
  return ((await once(worker, "message")) as [WorkerReport])[0];
}

async function readRss(relay: ChildProcess): Promise<number> {
  const answer = await ask(relay, "rss");
  return answer.type === "rss" ? Math.round(answer.bytes / 1024 / 1024) : Number.NaN;
}

/** Ends a worker. */
export async function stop(child: ChildProcess): Promise<void> {
  child.send("stop");
  await ended(child);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
