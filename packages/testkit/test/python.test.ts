/** The wire as Python's fedmsg speaks it, with pyzmq at the other end: every way a message can go between the two. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { startGateway, startRelay } from "@fedmsg/hub";
import { type Bus, connect, type Received, type StatusEvent, type Subscription } from "fedmsg";
import { completeConfig } from "fedmsg/config";
import { canonicalize } from "fedmsg/encoding";
import { beforeAll, expect, test } from "vitest";
import { pkiFolder } from "../src/pki.ts";
import { ensureProgram } from "../src/programs.ts";
import { takeUntil } from "../src/waiting.ts";

const python = "/usr/bin/python3"; // Debian's, for which Debian packages pyzmq.
const script = fileURLToPath(new URL("../python/peer.py", import.meta.url));
const any = "tcp://127.0.0.1:*";

beforeAll(() => {
  ensureProgram({ debianPackage: "python3-zmq", check: [python, "-c", "import zmq"] });
}, 300_000);

/** A peer in Python; ended by its process id when the test is over. */
class Peer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  addresses: readonly string[] = [];

  private constructor(args: readonly string[]) {
    this.#child = spawn(python, ["-u", script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    const lines: Interface = createInterface({ input: this.#child.stdout });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  static async start(...args: string[]): Promise<Peer> {
    const peer = new Peer(args);
    peer.addresses = (await peer.line()).split(" ");
    return peer;
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the Python peer ended");
    return value;
  }

  write(message: object): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}

const msg = { text: "é 😀 \u007f", float: 1.5, tiny: 1e-7, big: 1e21, list: [1, [2, {}]], none: null, "": true };

function openBus(config: object): Promise<Bus> {
  return connect({ name: "node", config: completeConfig({ mute: false, validate_signatures: false, ...config }) });
}

async function nextOf(subscription: Subscription): Promise<Received> {
  const { value, done } = await subscription[Symbol.asyncIterator]().next();
  if (done) throw new Error("the subscription ended");
  return value;
}

test("a Python subscriber reads what we publish, and finds it canonical", async () => {
  await using bus = await openBus({ endpoints: { node: [any] }, post_init_sleep: 0 });
  await using peer = await Peer.start("subscribe", bus.endpoint as string);
  await bus.subscribed();
  const receipt = await bus.publish({ topic: "one", modname: "wire", msg });
  const got = JSON.parse(await peer.line());
  expect(got).toMatchObject({ frames: 2, topic: "org.fedoraproject.dev.wire.one", canonical: true });
  expect(JSON.parse(got.body)).toMatchObject({ topic: receipt.topic, msg_id: receipt.msg_id, i: 1, msg });
});

test("we read what a Python publisher sends", async () => {
  await using peer = await Peer.start("publish", "bind", any);
  await using bus = await openBus({ endpoints: { python: peer.addresses }, mute: true });
  const status = bus.status();
  const subscription = bus.subscribe();
  await status.next(); // connected
  peer.write({ topic: "org.fedoraproject.dev.py.one", msg, i: 1, timestamp: 1, post_init_sleep: true });
  const { name, topic, message } = await nextOf(subscription);
  expect({ name, topic, message }).toMatchObject({
    name: "python",
    topic: "org.fedoraproject.dev.py.one",
    message: { msg },
  });
});

test("a Python program publishes through our relay and gateway, and both kinds of listeners hear the same bytes", async () => {
  const config = completeConfig({
    relay_inbound: [any],
    endpoints: { relay_outbound: [any] },
    "fedmsg.consumers.gateway.port": 0,
    "fedmsg.consumers.gateway.interface": "127.0.0.1",
  });
  await using relay = await startRelay({ config });
  await using gateway = await startGateway({
    config: completeConfig({ endpoints: { relay_outbound: [relay.outbound] } }, config),
  });
  await using listener = await Peer.start("subscribe", gateway.outbound);
  await using bus = await openBus({ endpoints: { relay_outbound: [relay.outbound] }, mute: true });
  const subscription = bus.subscribe({ topics: ["org.fedoraproject.*.py.#"] });
  await Promise.all([relay.subscribed("org.fedoraproject"), gateway.subscribed()]);
  await using publisher = await Peer.start("publish", "connect", relay.inbound[0] as string);
  publisher.write({ topic: "org.fedoraproject.dev.py.two", msg, post_init_sleep: true });
  const received = await nextOf(subscription);
  expect(received.message.msg).toEqual(msg);
  expect(JSON.parse(await listener.line()).body).toBe(Buffer.from(received.body).toString());
});

test("we publish through a Python relay, and what it spaced anew is still the same message, signed by the same", async () => {
  await using relay = await Peer.start("relay", any, any);
  const [inbound, outbound] = relay.addresses as [string, string];
  await using bus = await openBus({
    active: true,
    relay_inbound: [inbound],
    endpoints: { relay_outbound: [outbound] },
    sign_messages: true,
    validate_signatures: true,
    ssldir: pkiFolder,
    certname: "shell-vm",
    ca_cert_location: join(pkiFolder, "ca.crt"),
  });
  const status = bus.status();
  const subscription = bus.subscribe();
  await takeUntil(status, (event): event is StatusEvent => event.type === "connected"); // The relay's outbound side.
  await bus.subscribed();
  // The subscription travels to the relay on its own: say it again until it is heard.
  const received = nextOf(subscription);
  let heard = false;
  void received.then(() => {
    heard = true;
  });
  while (!heard) {
    await bus.publish({ topic: "three", modname: "wire", msg });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { body, message, trust, signer } = await received;
  expect({ trust, signer }).toEqual({ trust: "signed", signer: "shell-vm.example.org" });
  const text = Buffer.from(body).toString();
  expect(text).toContain('", "');
  expect(message.msg).toEqual(msg);
  expect(JSON.parse(canonicalize(text))).toEqual(message);
  await subscription.close();
});
