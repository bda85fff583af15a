/**
 * A peer in a process of its own, to be killed and stopped: `node peer-process.mjs ours|libzmq ROLE ADDRESS`. Tells on
 * standard output how far it is. Ends with its standard input.
 *
 * @module
 */

import { setImmediate as turn } from "node:timers/promises";
import * as ours from "@fedmsg/zmtp";
import * as libzmq from "zeromq";

const [impl, role, address = ""] = process.argv.slice(2);
const options =
  impl === "ours" ? { lingerMs: 0, reconnectMs: 10, reconnectMaxMs: 10 } : { linger: 0, reconnectInterval: 10 };
const library = /** @type {typeof ours} */ (impl === "ours" ? ours : /** @type {unknown} */ (libzmq));

/** Says that something has happened for the first time. */
const tell = (/** @type {string} */ what) => void process.stdout.write(`${what}\n`);

/** @type {Readonly<Record<string, () => Promise<void>>>} */
const roles = {
  /** Sends without end, under another topic once it has been stopped. */
  async publish() {
    const socket = new library.Publisher(options);
    await socket.bind(address);
    tell("bound");
    let topic = "flood";
    process.on("SIGCONT", () => {
      topic = "resumed";
    });
    for (let n = 0; ; n++) {
      await socket.send([topic, `${n}`]);
      if (n % 64 === 0) await turn();
    }
  },
  async subscribe() {
    const socket = new library.Subscriber(options);
    socket.subscribe("");
    socket.connect(address);
    for (let n = 0; ; n++) {
      await socket.receive();
      if (n === 0) tell("heard");
    }
  },
  /** Asks without end, one after the other, under a name. */
  async ask() {
    const socket = new library.Dealer({ ...options, [impl === "ours" ? "identity" : "routingId"]: "child" });
    socket.connect(address);
    for (let n = 0; ; n++) {
      await socket.send([`${n}`]);
      await socket.receive();
      if (n === 0) tell("answered");
    }
  },
};

process.stdin.on("end", () => process.exit()).resume();
await roles[role ?? ""]?.();
