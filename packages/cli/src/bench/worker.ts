/**
 * The other process of a benchmark: a publisher or a relay, told what to do by its first message and driven by IPC.
 * Its parent forks it, see `workloads.ts`.
 */

import { startRelay } from "@fedmsg/hub";
import { connect } from "fedmsg";
import { completeConfig } from "fedmsg/config";

/** What a worker is told to be. */
export type WorkerTask =
  | { readonly role: "relay"; readonly config: Readonly<Record<string, unknown>> }
  | {
      readonly role: "publisher";
      readonly config: Readonly<Record<string, unknown>>;
      readonly name: string;
      readonly messages: number;
      readonly msg: unknown;
      /** Messages for each second, or 0: as fast as it goes. */
      readonly rate: number;
    };

/** What a worker says. */
export type WorkerReport =
  | { readonly type: "ready"; readonly addresses: readonly string[] }
  | { readonly type: "subscribed" }
  | { readonly type: "rss"; readonly bytes: number; readonly forwarded: number }
  | { readonly type: "done"; readonly seconds: number };

/** Publishes under way before the worker waits: a burst. */
const burstMessages = 500;

function report(message: WorkerReport): void {
  process.send?.(message);
}

async function runRelay(task: Extract<WorkerTask, { role: "relay" }>): Promise<void> {
  const relay = await startRelay({ config: completeConfig(task.config) });
  process.on("message", (word) => {
    if (word === "rss") report({ type: "rss", bytes: process.memoryUsage().rss, forwarded: relay.counts.forwarded });
    if (word === "subscribed") void relay.subscribed().then(() => report({ type: "subscribed" }));
    if (word === "stop") void relay.close().then(() => leave());
  });
  report({ type: "ready", addresses: [relay.inbound[0] as string, relay.outbound] });
}

async function runPublisher(task: Extract<WorkerTask, { role: "publisher" }>): Promise<void> {
  const bus = await connect({ name: task.name, config: task.config });
  report({ type: "ready", addresses: bus.endpoint === undefined ? [] : [bus.endpoint] });
  await new Promise<void>((resolve) => {
    process.on("message", (word) => {
      if (word === "go") resolve();
    });
  });
  await bus.subscribed();
  const started = performance.now();
  // Only latency is measured by the stamp; at full speed it would be work that the library does not ask for.
  const hook = task.rate > 0 ? { pre_fire_hook: stamp } : {};
  const publish = () => bus.publish({ topic: "bench", modname: "bench", msg: task.msg, ...hook });
  if (task.rate > 0) await publishSteadily(publish, task);
  else await publishInBursts(publish, task);
  report({ type: "done", seconds: (performance.now() - started) / 1000 });
  await bus.drain();
  leave();
}

/** Ends, once sockets have let go of what they hold. */
function leave(): void {
  process.off("disconnect", abandon);
  process.disconnect();
}

/** The parent is gone, so nobody waits for results any more. */
function abandon(): void {
  process.exit(1);
}

/** When it was published, to a fraction of a millisecond and comparable between processes. */
function stamp(message: { msg?: unknown }): void {
  (message.msg as { at: number }).at = performance.timeOrigin + performance.now();
}

async function publishInBursts(publish: () => Promise<unknown>, { messages }: { messages: number }): Promise<void> {
  for (let n = 1; n <= messages; n++) {
    const published = publish();
    if (n % burstMessages === 0 || n === messages) await published;
  }
}

async function publishSteadily(
  publish: () => Promise<unknown>,
  { messages, rate }: { messages: number; rate: number },
): Promise<void> {
  const started = performance.now();
  for (let n = 0; n < messages; ) {
    const due = Math.min(messages, Math.floor(((performance.now() - started) / 1000) * rate) + 1);
    for (; n < due; n++) await publish();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

process.once("disconnect", abandon);
process.once("message", (task: WorkerTask) => {
  const work = task.role === "relay" ? runRelay(task) : runPublisher(task);
  work.catch((error) => {
    process.stderr.write(`${error?.stack ?? error}\n`);
    process.exit(1);
  });
});
