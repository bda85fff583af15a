/**
 * One publisher, many subscribers: what a delivery costs the publishing process, and what an idle peer takes of its memory.
 *
 * The subscribers are the same for every publisher: sockets of `@fedmsg/zmtp` in one process (subscribers.mjs). A process
 * with a thousand sockets is most of the work, so with its own kind of subscribers each library would be measured as a
 * receiver; here the publishers differ, and nothing else.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startWorker } from "./measure.mjs";
import { startNativeMany } from "./native.mjs";

/**
 * @typedef {import("./worker.mjs").Size & { subscribers: number, topics: number }} ManySize
 * @typedef {{ cpuMs: number, kibPerPeer?: number }} ManyReport
 * @typedef {{ address: string, ready: Promise<unknown>, go: () => void, finish: () => Promise<ManyReport> }} ManyPublisher
 */

const subscribersFile = fileURLToPath(new URL("./subscribers.mjs", import.meta.url));

/**
 * @param {ManySize} size `topics` 1: everybody gets everything; else as many as subscribers, one for each
 * @param {"many" | "many-turns" | "many-bare" | "c"} role
 */
export async function measureMany(size, role) {
  const { subscribers, topics, messages } = size;
  assertFiles(subscribers + 100);
  const publisher = role === "c" ? await startNativeMany(size) : await startPublisher(size, role);
  const deliveries = topics === 1 ? messages * subscribers : messages;
  const receivers = fork(subscribersFile, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const receiversEnded = once(receivers, "exit");
  receivers.send({ address: publisher.address, subscribers, topics, deliveries });
  await publisher.ready;
  const all = once(receivers, "message");
  publisher.go();
  const [{ ms, lost }] = /** @type {[{ ms: number, lost: number }]} */ (await all);
  const { cpuMs, kibPerPeer } = await publisher.finish();
  receivers.send("stop");
  await receiversEnded;
  return {
    deliveries,
    lost,
    usPerDelivery: (ms * 1000) / deliveries,
    cpuUsPerDelivery: (cpuMs * 1000) / deliveries,
    ...(kibPerPeer !== undefined && { kibPerPeer }),
  };
}

/**
 * @param {ManySize} size
 * @param {"many" | "many-turns" | "many-bare"} role
 * @returns {Promise<ManyPublisher>}
 */
async function startPublisher(size, role) {
  const { child, ended, address } = await startWorker({ role, ...size });
  return {
    address,
    ready: once(child, "message"),
    go: () => void child.send("go"),
    finish: async () => {
      const report = once(child, "message");
      child.send("done");
      const [said] = /** @type {[ManyReport]} */ (await report);
      await ended;
      return said;
    },
  };
}

/**
 * Node takes as many open files as it may have; how many that are is up to the machine.
 *
 * @param {number} needed
 */
function assertFiles(needed) {
  const [, most = "0"] = /^Max open files +\S+ +(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  if (most === "unlimited" || Number(most) >= needed) return;
  throw new Error(`${needed} connections are needed, ${most} files may be open; raise the limit (ulimit -Hn)`);
}
