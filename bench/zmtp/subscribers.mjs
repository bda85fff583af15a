/**
 * Many subscribers in one process, each with a socket and a connection of its own. They are sockets of `@fedmsg/zmtp`,
 * whatever publishes: what is measured is the publisher.
 */

import { once } from "node:events";
import { Subscriber } from "@fedmsg/zmtp";

/** @typedef {{ address: string, subscribers: number, topics: number, deliveries: number }} Task */

const [task] = /** @type {[Task]} */ (await once(process, "message"));
const sockets = Array.from({ length: task.subscribers }, () => new Subscriber());
let received = 0;
let firstAt = 0;
const all = new Promise((resolve) => {
  sockets.forEach((socket, n) => {
    socket.onBatch((batch) => {
      if (received === 0) firstAt = performance.now();
      received += batch.length;
      if (received === task.deliveries) resolve(undefined);
    });
    socket.subscribe(task.topics > 1 ? `org.fedoraproject.dev.bench.bench.${n}.` : "");
    socket.connect(task.address);
  });
});
while (sockets.some(({ peers }) => peers === 0)) await new Promise((resolve) => setTimeout(resolve, 20));
await new Promise((resolve) => setTimeout(resolve, 300)); // Subscriptions are on their way.
process.send?.("ready");
await all;
process.send?.({ ms: performance.now() - firstAt });
await Promise.all(sockets.map((socket) => socket.close()));
process.disconnect();
