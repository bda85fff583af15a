/**
 * Many subscribers in one process, each with a socket and a connection of its own. They are sockets of `@fedmsg/zmtp`,
 * whatever publishes; see many.mjs.
 */

import { once } from "node:events";
import { Subscriber } from "@fedmsg/zmtp";

/** @typedef {{ address: string, subscribers: number, topics: number, deliveries: number }} Task */

/** Without news for so long, what is missing was lost. */
const silenceMs = 10_000;

const [task] = /** @type {[Task]} */ (await once(process, "message"));
const stop = once(process, "message");
let received = 0;
let firstAt = 0;
/** @type {() => void} */
let finish = () => {};
/** @type {Promise<void>} */
const all = new Promise((resolve) => {
  finish = resolve;
});
const sockets = Array.from({ length: task.subscribers }, (_, n) => {
  const socket = new Subscriber();
  socket.onBatch(({ length }) => {
    if (received === 0) firstAt = performance.now();
    received += length;
    if (received >= task.deliveries) finish();
  });
  socket.subscribe(task.topics > 1 ? `org.fedoraproject.dev.bench.bench.${n}.` : "org.");
  socket.subscribe(`ready.${n};`); // The publisher knows by this one, which comes last, that the subscriber is there.
  socket.connect(task.address);
  return socket;
});
let seen = 0;
const watch = setInterval(() => {
  if (seen > 0 && seen === received) finish();
  seen = received;
}, silenceMs);
await all;
clearInterval(watch);
process.send?.({ ms: performance.now() - firstAt, lost: task.deliveries - received });
await stop;
await Promise.all(sockets.map((socket) => socket.close()));
process.disconnect();
